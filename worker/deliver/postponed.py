"""Objects whose read failed, or would, until they are tried again. No I/O."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from worker.deliver.ledger import HeldObject

MAX_OBJECTS: Final = 500
"""Of a worker, of all buckets together."""

MIN_OBJECTS: Final = 4
"""Of each bucket, whatever the others have: something has to be tried."""

BUDGET_SHARE: Final = 8
"""Of ``pool.inflight_bytes`` their messages may take one in so many bytes."""


class Postponed:
    """Objects by the instant of their next try, the least tried and newest first.

    Args:
        budget_bytes: ``pool.inflight_bytes``.
    """

    def __init__(self, budget_bytes: int) -> None:
        self._max_bytes = budget_bytes // BUDGET_SHARE
        self._heap: list[tuple[float, int, int, HeldObject]] = []
        self._tie = itertools.count(0, -1)
        self._used_bytes = 0
        self.by_bucket: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def is_full(self) -> bool:
        return len(self._heap) >= MAX_OBJECTS or self._used_bytes >= self._max_bytes

    def due(self) -> float | None:
        """When the next one is to be tried; None: there is none."""
        return self._heap[0][0] if self._heap else None

    def admits(self, item: HeldObject) -> bool:
        """Whether one more object may wait here."""
        return not self.is_full or self.by_bucket[item.ref.bucket] < MIN_OBJECTS

    def add(self, item: HeldObject, due: float) -> None:
        """Let an object wait until an instant."""
        item.is_postponed = True
        heapq.heappush(self._heap, (due, item.attempts, next(self._tie), item))
        self.by_bucket[item.ref.bucket] += 1
        self._used_bytes += item.message_bytes

    def pop(self, now: float) -> HeldObject | None:
        """Take one whose instant has come."""
        if not self._heap or self._heap[0][0] > now:
            return None
        item = heapq.heappop(self._heap)[3]
        item.is_postponed = False
        self._used_bytes -= item.message_bytes
        self.by_bucket[item.ref.bucket] -= 1
        if not self.by_bucket[item.ref.bucket]:
            del self.by_bucket[item.ref.bucket]
        return item

    def hurry(self, by: float) -> None:
        """Let nobody wait any longer than until ``by``."""
        self._heap = [
            (min(due, by), attempts, tie, item)
            for due, attempts, tie, item in self._heap
        ]
        heapq.heapify(self._heap)
