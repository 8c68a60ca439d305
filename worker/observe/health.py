"""Whether a pool is alive, and whether it can do its work. No I/O.

Alive (``/healthz``) means that nobody needs to restart trailfeed: the supervisor takes
its turns, and no worker has been silent for longer than the supervisor puts up with.
Ready (``/readyz``) means that records would flow if there were any.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.deliver.aws_state import AwsState
from worker.deliver.failing_buckets import FailingBucket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.observe.board import SlotReading
    from worker.observe.reading import PoolReading

SILENT_AFTER_S: Final = 30.0
"""The loop beats once a second; even a very large object takes less than this."""

BOOT_TIMEOUT_S: Final = 60.0
SUPERVISOR_SILENT_AFTER_S: Final = 10.0
"""It takes a turn every half second."""

STALLED_AFTER_S: Final = 300.0
"""Longer than a receiver takes to acknowledge (``output.ack_timeout_s``, 190 s)."""

COMMON: Final = frozenset(
    {
        *(AwsState.NO_CREDENTIALS, AwsState.CREDENTIALS_REFUSED),
        *(AwsState.ROLE_REFUSED, AwsState.CLOCK_SKEW, AwsState.UNREACHABLE),
        *(AwsState.TIMEOUT, AwsState.THROTTLED, AwsState.NO_AWS_ANSWER),
    }
)
"""Faults that are no bucket's own, so that what another worker reads disproves none."""

_WAYS_OUT: Final = {
    AwsState.NO_CREDENTIALS: "there are no credentials",
    AwsState.CREDENTIALS_REFUSED: "AWS refuses the credentials",
    AwsState.ROLE_REFUSED: "the role cannot be assumed",
    AwsState.CLOCK_SKEW: "this machine's clock is wrong",
    AwsState.UNREACHABLE: "cannot be reached",
    AwsState.TIMEOUT: "does not answer",
    AwsState.THROTTLED: "is throttled",
    AwsState.KMS: "a KMS key cannot be used",
    AwsState.NO_AWS_ANSWER: "something that is not AWS answers",
    AwsState.NO_QUEUE: "there is no such queue",
    AwsState.ACCESS_DENIED: "access is denied",
    AwsState.OVER_LIMIT: "too many messages are in flight",
    AwsState.OTHER: "calls fail",
    AwsState.MISSING_BUCKET: "there is no such bucket",
    AwsState.WRONG_REGION: "the bucket is in another region",
    AwsState.SLOW_DOWN: "S3 asks to slow down",
    AwsState.SERVER_ERROR: "S3 fails",
    AwsState.BROKEN_OFF: "connections break off",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        reason: What is wrong, with its code where it has one; empty: all is well.
        is_partial: All the rest goes on beside what is wrong.
    """

    name: str
    reason: str = ""
    is_partial: bool = False

    @property
    def is_ok(self) -> bool:
        return self.is_partial or not self.reason


def health(reading: PoolReading) -> tuple[Check, ...]:
    """Is it alive?"""
    silent_s = reading.now - reading.state.beat_at
    supervisor = (
        f"silent for {silent_s:.0f} s" if silent_s > SUPERVISOR_SILENT_AFTER_S else ""
    )
    silent = [
        f"worker {number} is silent for {_silence_s(slot, reading.now):.0f} s"
        for number, slot in enumerate(reading.slots)
        if is_silent(slot, reading.now)
    ]
    return Check("supervisor", supervisor), Check("workers", "; ".join(silent))


def is_silent(
    slot: SlotReading, now: float, *, silent_after_s: float = SILENT_AFTER_S
) -> bool:
    """Whether a worker has shown no sign of life for too long."""
    if not slot.care.pid:
        return False
    patience_s = (
        silent_after_s if slot.has_booted else max(BOOT_TIMEOUT_S, silent_after_s)
    )
    return _silence_s(slot, now) > patience_s


def _silence_s(slot: SlotReading, now: float) -> float:
    return now - max(slot.beat_at, slot.care.spawned_at)


def readiness(reading: PoolReading) -> tuple[Check, ...]:
    """Would records flow?"""
    return (
        *(Check(name, judge(reading)) for name, judge in _READINESS),
        Check("buckets", _buckets(reading), is_partial=True),
    )


def failing_buckets(reading: PoolReading) -> list[FailingBucket]:
    """The buckets that cannot be read, with what all workers hold of each."""
    found: dict[str, FailingBucket] = {}
    for _, progress in reading.booted:
        for one in progress.failing_buckets.buckets:
            before = found.get(one.name)
            held = one.held_objects + (before.held_objects if before else 0)
            found[one.name] = FailingBucket(one.name, one.state, held)
    return list(found.values())


def _buckets(reading: PoolReading) -> str:
    return "; ".join(
        f"{one.name}: {_said(one.state)} ({one.held_objects} objects held)"
        for one in failing_buckets(reading)
    )


def _workers(reading: PoolReading) -> str:
    if reading.state.is_ending:
        return "draining"
    if not any(True for _ in reading.booted):
        return "no worker has booted"
    return ""


def _sqs(reading: PoolReading) -> str:
    states = [AwsState(progress.sqs_state) for _, progress in reading.booted]
    for state in states:
        if state.is_fault:
            return _said(state)
    return "" if AwsState.WORKS in states else "no call was answered yet"


def _s3(reading: PoolReading) -> str:
    states = [AwsState(progress.s3_state) for _, progress in reading.booted]
    for state in states:
        if state.is_fault and (state in COMMON or AwsState.WORKS not in states):
            return _said(state)
    return ""


def _receiver(reading: PoolReading) -> str:
    apart = [number for number, progress in reading.booted if not progress.is_connected]
    if not apart:
        return ""
    return f"not connected: worker {', '.join(map(str, apart))}"


def _progress(reading: PoolReading) -> str:
    for number, progress in reading.booted:
        stalled_s = reading.now - progress.progressed_at
        if progress.held and progress.progressed_at and stalled_s > STALLED_AFTER_S:
            return (
                f"worker {number} holds {progress.held} messages and got nothing done "
                f"for {stalled_s:.0f} s"
            )
    return ""


def _said(state: AwsState) -> str:
    return f"{state.name.lower()}: {_WAYS_OUT[state]}"


_READINESS: Final[tuple[tuple[str, Callable[[PoolReading], str]], ...]] = (
    ("workers", _workers),
    ("sqs", _sqs),
    ("s3", _s3),
    ("receiver", _receiver),
    ("progress", _progress),
)


def failed(checks: tuple[Check, ...]) -> Iterator[Check]:
    """Those that are not well."""
    return (check for check in checks if not check.is_ok)
