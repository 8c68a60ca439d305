"""Objects and messages that something is wrong with, beside the good ones."""

from __future__ import annotations

import gzip
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.chaos.traffic import QUEUE, announcement

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.traffic import Traffic
    from tests.fakes.aws_standin.process import AwsStandIn

EVERY_S = 3.0
FORBIDDEN = {
    "chaos-forbidden": "s3_403",
    "chaos-encrypted": "s3_kms",
    "chaos-broken": "s3_500",
}
HOSTILE_BUCKET = "chaos-hostile"
HOSTILE_FILES: dict[str, Callable[[], bytes]] = {
    "many-values": lambda: b'{"Records":[{"a":[' + b"[]," * 1_500_000 + b"[]]}]}",
    "blank-lines": lambda: b"\n" * 20_000_000 + b"{",
    "deep": lambda: b'{"Records":[' + b"[" * 100_000,
    "one-string": lambda: b'{"Records":["' + b"x" * 60_000_000,
    "gzip-in-gzip": lambda: gzip.compress(bytes(50_000_000), 9) + b"x",
}
NO_RECORDS = b'{"Records":[]}'
OBJECTS = 20
REPEATS = 300
LONG_KEY_BYTES = 65_500


@dataclass(slots=True)
class Neighbours:
    """Sends, every few seconds, what only itself may suffer from.

    Attributes:
        done: How often each kind was sent.
    """

    aws: AwsStandIn
    traffic: Traffic
    seed: int
    done: Counter[str] = field(default_factory=Counter)
    _rng: random.Random = field(init=False)
    _hostile: dict[str, bytes] = field(init=False)
    _hostile_keys: list[str] = field(default_factory=list)
    _next_at: float = 0.0

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)  # noqa: S311 - faults, no secrets
        self._hostile = {
            name: gzip.compress(make(), 9, mtime=0)
            for name, make in HOSTILE_FILES.items()
        }

    def begin(self) -> None:
        """Forbid the buckets."""
        for bucket, fault in FORBIDDEN.items():
            self.aws.fail_bucket(bucket, fault)

    def step(self) -> None:
        """Send what is due."""
        now = time.monotonic()
        if now < self._next_at:
            return
        self._next_at = now + EVERY_S
        kinds = {
            "forbidden": self._forbidden,
            "repeat": self._repeat,
            "hostile_file": self._hostile_file,
            "long_key": self._long_key,
        }
        name = self._rng.choice(tuple(kinds))
        kinds[name]()
        self.done[name] += 1

    def end(self) -> None:
        """Repair all: what waited in the buckets is to arrive, too."""
        for bucket in FORBIDDEN:
            self.aws.fail_bucket(bucket, None)
        self.aws.load(HOSTILE_BUCKET, dict.fromkeys(self._hostile_keys, NO_RECORDS))

    def _forbidden(self) -> None:
        self.traffic.send_to(self._rng.choice(tuple(FORBIDDEN)), OBJECTS)

    def _repeat(self) -> None:
        self.traffic.repeat(REPEATS)

    def _hostile_file(self) -> None:
        name = self._rng.choice(tuple(self._hostile))
        key = f"{name}-{len(self._hostile_keys)}.json.gz"
        self._hostile_keys.append(key)
        self.aws.load(HOSTILE_BUCKET, {key: self._hostile[name]})
        self.aws.send(QUEUE, [announcement([key], HOSTILE_BUCKET)])

    def _long_key(self) -> None:
        self.aws.send(QUEUE, [announcement(["k" * LONG_KEY_BYTES])])
