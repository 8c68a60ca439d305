"""How many objects there are, and how large: all of them, and of what."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from worker.errors import TrailfeedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.backfill.listing import Found
    from worker.backfill.walk import Leg, Walk

_PLACE: Final = re.compile(
    r"AWSLogs/(?:o-[^/]+/)?(?P<account>\d{12})/[^/]+/(?P<region>[^/]+)/"
    r"(?P<day>\d{4}/\d\d/\d\d)/"
)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an object belongs; empty where its key does not say.

    Attributes:
        day: ISO 8601; of the folder, or else on which it was written.
    """

    account: str
    region: str
    day: str


@dataclass(slots=True)
class Tally:
    """Counts of a walk."""

    objects: int = 0
    size_bytes: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    by_place: dict[Place, tuple[int, int]] = field(default_factory=dict)

    def add(self, leg: Leg) -> None:
        self.left_out += leg.left_out
        for one in leg.objects:
            self.objects += 1
            self.size_bytes += one.size_bytes
            place = place_of(one)
            count, size_bytes = self.by_place.get(place, (0, 0))
            self.by_place[place] = (count + 1, size_bytes + one.size_bytes)


def place_of(found: Found) -> Place:
    """By CloudTrail's layout of keys."""
    match = _PLACE.search(found.key)
    if match is None:
        return Place("", "", f"{found.modified:%Y-%m-%d}")
    return Place(match["account"], match["region"], match["day"].replace("/", "-"))


class Counting:
    """Goes a way of its own in a thread, so that somebody can tell the time left.

    Args:
        walk: Not gone yet.
        after: As for :meth:`worker.backfill.walk.Walk.legs`.

    Attributes:
        objects: What it came to, left out ones too; None: not yet, or never.
        size_bytes: Of what is not left out.
    """

    def __init__(self, walk: Walk, *, after: str) -> None:
        self._legs = walk.legs(after)
        self._stop = Event()
        self._thread = Thread(target=self._run, name="s3-count", daemon=True)
        self.objects: int | None = None
        self.size_bytes = 0
        self._thread.start()

    def stop(self) -> None:
        """Let it be."""
        self._stop.set()

    def _run(self) -> None:
        objects = size_bytes = 0
        with suppress(TrailfeedError):  # whoever feeds meets it as well, and says it
            for leg in _until(self._stop, self._legs):
                objects += len(leg.objects) + leg.left_out.total()
                size_bytes += sum(one.size_bytes for one in leg.objects)
            if not self._stop.is_set():
                self.size_bytes = size_bytes
                self.objects = objects


def _until(stop: Event, legs: Iterator[Leg]) -> Iterator[Leg]:
    for leg in legs:
        if stop.is_set():
            return
        yield leg
