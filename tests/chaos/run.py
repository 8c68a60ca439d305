"""One chaos run, from the first object to the verdict."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.chaos.clients import SlowClients, free_port
from tests.chaos.disk import StateDisk
from tests.chaos.mischief import Mischief
from tests.chaos.neighbours import Neighbours
from tests.chaos.pool import Pool
from tests.chaos.receivers import make_receiver
from tests.chaos.traffic import QUEUE, Traffic
from tests.chaos.trail import LogTrail, read_log
from tests.chaos.verdict import Delivered, Verdict, delays_s, judge
from tests.fakes.aws_standin.process import AwsStandIn
from tests.fakes.daemon import merged, settings_for

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

    from tests.chaos.receivers import Receiving
    from tests.fakes.daemon import Settings

VISIBILITY_TIMEOUT_S = 20
ACK_TIMEOUT_S = 5.0
WINDOW_CHUNKS = 8
CHUNK_BYTES = 8_000
DRAIN_TIMEOUT_S = 10
MAX_RECEIVES = 100
STEP_S = 0.05
LONGEST_DELAY_S = 43_200  # as SQS hides a message at most
DRAIN_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes:
        groups: Which kinds of faults, of :data:`tests.chaos.mischief.GROUPS`.
    """

    seconds: float
    seed: int
    objects_per_second: float
    receiver: str
    groups: tuple[str, ...]
    workers: int = 2
    drain_timeout_s: float = 180.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        drain_exit_codes: Of the stop by SIGTERM, then of each ``--until-empty``; None:
            it hung and was killed.
        tally: The stand-in's.
        delays_s: From the announcement of each good object to its first delivery.
        longest_silence_s: Of ``/healthz``; None: nobody asked.
    """

    verdict: Verdict
    delivered: Delivered
    trail: LogTrail
    disturbances: Counter[str]
    worker_kills: int
    supervisor_kills: int
    own_exits: tuple[int, ...]
    drain_exit_codes: tuple[int | None, ...]
    tally: dict[str, Any]
    objects: int
    messages: int
    quarantined: int
    drained_in_s: float
    delays_s: list[float]
    longest_silence_s: float | None
    skipped: tuple[str, ...]


def run(plan: Plan, folder: Path) -> Outcome:
    """Run the plan in a folder of its own.

    Raises:
        AssertionError: A part of the stage did not start.
    """
    disk = StateDisk(folder / "state")
    receiver = make_receiver(plan.receiver, folder)
    try:
        with AwsStandIn(seed=plan.seed) as aws:
            receiver.start()
            return _on_stage(plan, folder, aws, receiver, disk)
    finally:
        receiver.stop()
        disk.close()


def _on_stage(
    plan: Plan, folder: Path, aws: AwsStandIn, receiver: Receiving, disk: StateDisk
) -> Outcome:
    aws.make_queue(f"{QUEUE}-dead")
    queue_url = aws.make_queue(
        QUEUE, dead_letters=f"{QUEUE}-dead", max_receive_count=MAX_RECEIVES
    )
    clients = SlowClients(free_port()) if "neighbours" in plan.groups else None
    settings = _settings(plan, aws, queue_url, receiver, disk)
    if clients is not None:
        settings["status"] = {"listen": clients.listen}
    pool = Pool(folder, settings)
    traffic = Traffic(aws, plan.seed)
    mischief = Mischief(
        aws, pool, receiver, disk, plan.seed, plan.groups, ACK_TIMEOUT_S
    )
    neighbours = Neighbours(aws, traffic, plan.seed)
    try:
        pool.start()
        with clients or contextlib.nullcontext():
            _disturb(plan, traffic, pool, mischief, neighbours)
        began_at = time.monotonic()
        codes = _drain(plan, aws, pool)
        drained_in_s = time.monotonic() - began_at
    finally:
        pool.end()
    tally = aws.tally(QUEUE)
    quarantined = sum(1 for _ in (disk.folder / "quarantine").rglob("item.json"))
    receiver.stop()
    delivered = Delivered()
    delivered.read(receiver.log())
    verdict = judge(
        traffic.event_ids,
        delivered,
        kills=pool.kills,
        full_disk=disk.full_periods,
        window_chunks=WINDOW_CHUNKS,
    )
    return Outcome(
        verdict=verdict,
        delivered=delivered,
        trail=read_log(pool.log_path),
        disturbances=mischief.done + neighbours.done,
        worker_kills=pool.worker_kills,
        supervisor_kills=pool.supervisor_kills,
        own_exits=tuple(pool.own_exits),
        drain_exit_codes=tuple(codes),
        tally=tally,
        objects=traffic.objects,
        messages=traffic.messages,
        quarantined=quarantined,
        drained_in_s=drained_in_s,
        delays_s=delays_s(traffic.sent_at, delivered),
        longest_silence_s=clients.longest_silence_s if clients else None,
        skipped=(f"full disk: {disk.why_not}",)
        if disk.why_not and "disk" in plan.groups
        else (),
    )


def _disturb(
    plan: Plan, traffic: Traffic, pool: Pool, mischief: Mischief, neighbours: Neighbours
) -> None:
    """Send at the plan's rate and break things, for the plan's time."""
    began_at = time.monotonic()
    has_neighbours = "neighbours" in plan.groups
    mischief.begin()
    if has_neighbours:
        neighbours.begin()
    while (passed_s := time.monotonic() - began_at) < plan.seconds:
        due = int(passed_s * plan.objects_per_second) - len(traffic.sent_at)
        if due > 0:
            traffic.send(due)
        mischief.step()
        if has_neighbours:
            neighbours.step()
        pool.keep_up(may_refuse=mischief.disk.is_full)
        time.sleep(STEP_S)
    mischief.end()
    neighbours.end()


def _drain(plan: Plan, aws: AwsStandIn, pool: Pool) -> list[int | None]:
    """Stop it in order, then let it run until the queue is empty."""
    codes = [pool.drain(timeout_s=DRAIN_TIMEOUT_S * 3)]
    for _ in range(DRAIN_ROUNDS):
        # Nothing is held now: what failed or was held by the dead comes back at once.
        aws.pass_time(LONGEST_DELAY_S)
        pool.start("--until-empty", "--idle-s", "1")
        codes.append(pool.wait(timeout_s=plan.drain_timeout_s))
        if not aws.depth(QUEUE):
            break
    return codes


def _settings(
    plan: Plan, aws: AwsStandIn, queue_url: str, receiver: Receiving, disk: StateDisk
) -> Settings:
    return merged(
        settings_for(aws, queue_url, receiver.address, disk.folder.parent),
        {
            "source": {"wait_time_s": 2, "visibility_timeout_s": VISIBILITY_TIMEOUT_S},
            "output": {
                "receiver": receiver.kind,
                "chunk_bytes": CHUNK_BYTES,
                "window_chunks": WINDOW_CHUNKS,
                "ack_timeout_s": ACK_TIMEOUT_S,
            },
            "pool": {"workers": plan.workers, "drain_timeout_s": DRAIN_TIMEOUT_S},
            "state": {"dir": str(disk.folder)},
        },
    )
