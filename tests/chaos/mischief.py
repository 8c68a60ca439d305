"""What goes wrong, and when: drawn from a seed."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.chaos.disk import StateDisk
    from tests.chaos.pool import Pool
    from tests.chaos.receivers import Receiving
    from tests.fakes.aws_standin.process import AwsStandIn

GROUPS = ("kills", "receiver", "aws", "disk", "neighbours")
PAUSE_S = (0.4, 1.8)
FULL_DISK_S = 4.0

AWS_FAULTS = {
    "sqs_500": 0.01,
    "sqs_503": 0.005,
    "sqs_throttled": 0.01,
    "sqs_expired_token": 0.002,
    "sqs_reset": 0.005,
    "sqs_lost_answer": 0.005,
    "sqs_slow": 0.01,
    "sqs_partial": 0.02,
    "sqs_duplicate": 0.05,
    "s3_500": 0.01,
    "s3_503": 0.01,
    "s3_403": 0.003,
    "s3_404": 0.002,
    "s3_kms": 0.001,
    "s3_reset": 0.02,
    "s3_truncated": 0.02,
    "s3_cut": 0.003,
    "s3_slow": 0.02,
    "s3_hang": 0.001,
}
OUTAGES = {
    "s3_down": 4.0,
    "s3_503": 4.0,
    "s3_expired_token": 3.0,
    "sqs_503": 3.0,
    "sqs_reset": 3.0,
}
WEIGHTS = {
    "kill_worker": 45,
    "kill_supervisor": 12,
    "restart_receiver": 10,
    "stall": 8,
    "cut": 10,
    "drop": 8,
    "refuse_acks": 6,
    "outage": 6,
    "fill_disk": 5,
}
_GROUP_OF = {
    "kill_worker": "kills",
    "kill_supervisor": "kills",
    "outage": "aws",
    "fill_disk": "disk",
}


@dataclass(slots=True)
class Mischief:
    """Disturbs the parts one after the other, at drawn intervals.

    Args:
        groups: Which of ``GROUPS`` take part.
        ack_timeout_s: Of the pool; a stall may be longer than that.

    Attributes:
        done: How often each disturbance happened.
    """

    aws: AwsStandIn
    pool: Pool
    receiver: Receiving
    disk: StateDisk
    seed: int
    groups: tuple[str, ...]
    ack_timeout_s: float
    done: Counter[str] = field(default_factory=Counter)
    _rng: random.Random = field(init=False)
    _next_at: float = 0.0
    _free_disk_at: float | None = None

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)  # noqa: S311 - faults, no secrets

    def begin(self) -> None:
        """Switch the faults of AWS on that are there all the time."""
        if "aws" in self.groups:
            self.aws.set_faults(AWS_FAULTS, slow_s=0.5, hang_s=3)
        self._next_at = time.monotonic() + self._pause_s()

    def step(self) -> None:
        """Do what is due."""
        now = time.monotonic()
        if self._free_disk_at is not None and now >= self._free_disk_at:
            self._free_disk_at = None
            self.disk.free()
        if now < self._next_at:
            return
        self._next_at = now + self._pause_s()
        possible = {n: w for n, w in WEIGHTS.items() if self._is_possible(n)}
        if not possible:
            return
        (name,) = self._rng.choices(list(possible), list(possible.values()))
        if self._do(name):
            self.done[name] += 1

    def end(self) -> None:
        """Let everything work again."""
        self.aws.set_faults({})
        self.disk.free()
        self.receiver.order(do="behave")

    def _pause_s(self) -> float:
        return self._rng.uniform(*PAUSE_S)

    def _is_possible(self, name: str) -> bool:
        if _GROUP_OF.get(name, "receiver") not in self.groups:
            return False
        if name in ("stall", "cut", "drop", "refuse_acks"):
            return name in self.receiver.faults
        if name == "fill_disk":
            return not self.disk.why_not and not self.disk.is_full
        # Progress that cannot be written would be lost with the process.
        return _GROUP_OF.get(name) != "kills" or not self.disk.is_full

    def _do(self, name: str) -> bool:
        match name:
            case "kill_worker":
                return self.pool.kill_worker(self._rng)
            case "kill_supervisor":
                self.pool.kill_supervisor()
            case "restart_receiver":
                self.receiver.restart()
            case "stall":
                for_s = self._rng.uniform(0.5, self.ack_timeout_s * 1.5)
                self.receiver.order(do="stall", for_s=for_s)
            case "refuse_acks":
                frames = self._rng.randint(1, 12)
                self.receiver.order(do="refuse_acks", frames=frames)
            case "cut" | "drop":
                self.receiver.order(do=name)
            case "outage":
                fault = self._rng.choice(list(OUTAGES))
                for_s = self._rng.uniform(0.5, OUTAGES[fault])
                self.aws.begin_outage(fault, for_s=for_s)
            case "fill_disk":
                self.disk.fill()
                self._free_disk_at = time.monotonic() + FULL_DISK_S
            case _:
                raise ValueError(f"no disturbance {name!r}")
        return True
