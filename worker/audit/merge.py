"""The newest answers, and how many there are of each kind, in bounded memory."""

from __future__ import annotations

import heapq
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.audit.copies import event_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.transform.audit import View

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Findings:
    """What some files answered; small enough to be sent to another process.

    Attributes:
        views: Of the newest records that were asked for.
        counts: Records without an id by the fields that were to be counted by, or by
            none.
        keys: :func:`event_key` of each of the other records, by the same fields.
        records_count: Events looked at.
        others_count: Records that are no events.
        problems: A line for each file that could not be read to its end.
    """

    views: list[View] = field(default_factory=list)
    counts: Counter[tuple[str, ...]] = field(default_factory=Counter)
    keys: dict[tuple[str, ...], list[str]] = field(default_factory=dict)
    records_count: int = 0
    others_count: int = 0
    problems: list[str] = field(default_factory=list)


class Newest:
    """Keeps so many views, the newest; of equally old ones those that came first.

    What has no time, or names none there, is the oldest.

    Args:
        limit: How many; 0: all.
        copies: Keep an event as often as it comes, instead of once.
    """

    def __init__(self, limit: int, *, copies: bool = False) -> None:
        self._limit = limit or sys.maxsize
        self._copies = copies
        self._heap: list[tuple[str, int, View]] = []
        self._added_count = 0
        self._kept: set[str | None] = set()

    @property
    def oldest(self) -> str | None:
        """The time that a view must be after to be kept; None: any is."""
        return self._heap[0][0] if len(self._heap) >= self._limit else None

    def add(self, seen: View) -> None:
        """Keep a view if it is new enough."""
        self._added_count += 1
        when = seen["when"] or ""
        if not _TIME.match(when):
            when = ""
        is_full = len(self._heap) >= self._limit
        if is_full and when <= self._heap[0][0]:
            return
        if not self._copies and (key := event_key(seen)):
            if key in self._kept:
                return
            self._kept.add(key)
        entry = (when, -self._added_count, seen)
        if is_full:
            dropped = heapq.heapreplace(self._heap, entry)[2]
            self._kept.discard(event_key(dropped))
        else:
            heapq.heappush(self._heap, entry)

    def newest_first(self) -> list[View]:
        """The views that were kept."""
        return [seen for _, _, seen in sorted(self._heap, reverse=True, key=_order)]


def _order(entry: tuple[str, int, View]) -> tuple[str, int]:
    return entry[:2]


def count_key(seen: View, fields: Iterable[str]) -> tuple[str, ...]:
    """What a view counts as."""
    values = dict(seen)
    return tuple(_text(values[name]) for name in fields)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else "-"
