"""The bench's objects: CloudTrail files of a given number of records, from a seed."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from worker.demo.calls import EVERYDAY
from worker.demo.events import record

BEGIN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FILE_S = 300
"""CloudTrail writes what happened in so long into a file."""

DISTINCT_BODIES = 16
DISTINCT_RECORDS = 5_000
"""So many at least: new files bring new times, which is more than one remembers."""


@dataclass(frozen=True, slots=True)
class Mix:
    """Objects that are alike.

    Attributes:
        bodies: Distinct ones, gzipped, one after the other in time; the objects take
            turns with them.
        objects: How many there are.
        records_per_object: In each.
    """

    name: str
    bodies: tuple[bytes, ...]
    objects: int
    records_per_object: int

    @property
    def records(self) -> int:
        return self.objects * self.records_per_object

    @property
    def size_bytes(self) -> int:
        """Of all objects together, as stored."""
        return sum(map(len, self.in_turn()))

    def first(self, objects: int) -> Mix:
        """A mix of no more objects than that."""
        return replace(self, objects=min(objects, self.objects))

    def in_turn(self) -> list[bytes]:
        """The objects' bodies."""
        return [self.bodies[n % len(self.bodies)] for n in range(self.objects)]

    def keyed(self, prefix: str) -> dict[str, bytes]:
        """The objects by their keys, which end in the ETag."""
        folder = "AWSLogs/123456789012/CloudTrail/us-east-1/2026/11/20"
        etags = {
            body: hashlib.md5(body, usedforsecurity=False).hexdigest()
            for body in self.bodies
        }
        return {
            f"{folder}/{prefix}-{n}-{etags[body]}.json.gz": body
            for n, body in enumerate(self.in_turn())
        }


def make_mix(name: str, *, objects: int, records_per_object: int, seed: int) -> Mix:
    """Make objects of everyday calls; the same arguments make the same bytes."""
    rng = random.Random(seed)  # noqa: S311 - example data
    calls, weights = zip(*EVERYDAY, strict=True)
    bodies = []
    distinct = max(DISTINCT_BODIES, DISTINCT_RECORDS // records_per_object)
    for number in range(min(objects, distinct)):
        chosen = rng.choices(calls, weights, k=records_per_object)
        seconds = sorted(rng.choices(range(FILE_S), k=records_per_object))
        begin = BEGIN + timedelta(seconds=number * FILE_S)
        records = [
            record(call, begin + timedelta(seconds=second), rng)
            for call, second in zip(chosen, seconds, strict=True)
        ]
        document = json.dumps({"Records": records}, separators=(",", ":"))
        bodies.append(gzip.compress(document.encode(), mtime=0))
    return Mix(name, tuple(bodies), objects, records_per_object)
