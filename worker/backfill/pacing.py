"""How fast a backfill may go, so that live messages go first. No I/O."""

from __future__ import annotations

from typing import Final

BATCH: Final = 10
"""Entries of one SendMessageBatch (SQS API)."""

DEPTH_EVERY_S: Final = 1.0
"""How often the queue's depth is asked for while it is too deep."""

_ROUNDING: Final = 1e-6

DEPTH_HOLDS_S: Final = 5.0
"""How long an answer is good for otherwise."""


class Pacer:
    """Says when the next batch may go. Instants are monotonic, in seconds.

    What was sent since the queue's depth was last told is taken to lie in it still.

    Args:
        rate: Objects a second, on the average of a second; 0: no limit.
        max_depth: Nothing goes while the queue holds so many messages; 0: no limit.
    """

    def __init__(self, *, rate: float, max_depth: int) -> None:
        self._rate = rate
        self._max_depth = max_depth
        self._capacity = max(rate, float(BATCH))
        self._tokens = float(BATCH)
        self._filled_at: float | None = None
        self._depth: int | None = None
        self._asked_at = 0.0
        self._sent_since = 0
        self.waits_since: float | None = None

    @property
    def depth(self) -> int | None:
        """The queue's, as it was told last."""
        return self._depth

    def batch(self, at_once: int) -> int:
        """How many may go together, of so many that could."""
        return min(at_once, int(self._capacity)) if self._rate else at_once

    def wants_depth(self, now: float) -> bool:
        """Whether the queue is to be asked for its depth."""
        if not self._max_depth:
            return False
        if self._depth is None:
            return True
        holds_s = DEPTH_HOLDS_S if self._has_room else DEPTH_EVERY_S
        return now - self._asked_at >= holds_s

    def on_depth(self, depth: int, now: float) -> None:
        """Take the queue's answer."""
        self._depth = depth
        self._asked_at = now
        self._sent_since = 0
        if self._has_room:
            self.waits_since = None
        elif self.waits_since is None:
            self.waits_since = now

    def wait_s(self, count: int, now: float) -> float:
        """For how long so many objects have to wait; 0: they may go.

        Args:
            count: No more than :data:`BATCH`.
            now: The instant.
        """
        if self._max_depth and not self._has_room:
            return max(self._asked_at + DEPTH_EVERY_S - now, 0.01)
        if not self._rate:
            return 0.0
        if self._filled_at is not None:
            grown = self._tokens + (now - self._filled_at) * self._rate
            self._tokens = min(grown, self._capacity)
        self._filled_at = now
        missing = count - self._tokens
        return missing / self._rate if missing > _ROUNDING else 0.0

    def sent(self, count: int) -> None:
        """So many went."""
        self._tokens -= count
        self._sent_since += count

    @property
    def _has_room(self) -> bool:
        return (
            self._depth is not None and self._depth + self._sent_since < self._max_depth
        )
