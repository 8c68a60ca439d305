"""The bytes that a worker may hold at once (``pool.inflight_bytes``).

A part of them is kept free for decoding; the rest is for what waits: messages, bodies
and chunks.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.decode.limits import DecodeLimits
from worker.source.objects import BLOCK_BYTES, WHOLE_BYTES

if TYPE_CHECKING:
    from collections.abc import Hashable

    from worker.source.objects import Body

AHEAD_BLOCKS = 2
"""Of a large object, read before they are wanted."""

MIN_OBJECT_BYTES = 65_536
"""Charged for an object before it is known: size absent, or very small."""

EXPECTED_GROWTH = 2
"""Of a body while it is read. What decoding takes is kept free."""

WORKER_BYTES = 150_000_000
"""Of one worker, beside its budget: 65 MB of its own, what AWS has just answered, and
messages while they are read; measured with the longest that SQS takes."""

POOL_BYTES = 100_000_000
"""Of the supervisor and the process that serves the status; measured."""

OBJECT_BYTES = 700
"""Of an object that a message names, beside its key; measured."""

STREAM_BYTES = (AHEAD_BLOCKS + 2) * BLOCK_BYTES
"""Charged for an object that is read in blocks: those ahead, the one in work, and what
comes out of it at a time."""


def estimate_bytes(size_bytes: int | None) -> int:
    """What an object will cost, by the size that its notification names.

    A large one may turn out to be one JSON document: it then lets others go before it,
    once it is too large for the budget.
    """
    if (size_bytes or 0) > WHOLE_BYTES:
        return STREAM_BYTES
    return max((size_bytes or 0) * EXPECTED_GROWTH, MIN_OBJECT_BYTES)


def held_bytes(body: Body) -> int:
    """What an object costs before it is decoded, now that its size is known."""
    return body.size_bytes if body.is_whole else STREAM_BYTES


def waiting_bytes(inflight_bytes: int) -> int:
    """What is for messages, bodies and chunks of ``pool.inflight_bytes``."""
    decoding_bytes = DecodeLimits.of(inflight_bytes).total_bytes
    return max(inflight_bytes - decoding_bytes, 2 * STREAM_BYTES)


def worst_worker_bytes(inflight_bytes: int) -> int:
    """What one worker takes of memory at worst, for what ``pool.inflight_bytes`` is."""
    decoding_bytes = DecodeLimits.of(inflight_bytes).total_bytes
    return WORKER_BYTES + decoding_bytes + waiting_bytes(inflight_bytes)


@dataclass(slots=True)
class Budget:
    """Charges by owner: an object on its way, or a chunk not yet acknowledged.

    Attributes:
        limit_bytes: ``pool.inflight_bytes``.
        reserved_bytes: What of it nothing new is admitted to.
        used_bytes: Sum of the charges.
        messages_bytes: Of messages that are held, which keep no object from being
            begun where there is no other.
    """

    limit_bytes: int
    reserved_bytes: int = 0
    used_bytes: int = 0
    messages_bytes: int = 0
    _charges: dict[Hashable, int] = field(default_factory=dict)

    @classmethod
    def of(cls, inflight_bytes: int) -> Budget:
        """Share out ``pool.inflight_bytes``."""
        return cls(inflight_bytes, inflight_bytes - waiting_bytes(inflight_bytes))

    @property
    def is_full(self) -> bool:
        return self._room_bytes <= 0

    @property
    def _room_bytes(self) -> int:
        admitted_bytes = self.limit_bytes - self.reserved_bytes
        return admitted_bytes - self.used_bytes - self.messages_bytes

    def admits(self, size_bytes: int) -> bool:
        """Whether so much more fits; what is larger than the limit runs alone."""
        return not self.used_bytes or size_bytes <= self._room_bytes

    def hold_message(self, body: str, objects: int) -> int:
        """Charge a message that names so many objects; return its size."""
        size_bytes = sys.getsizeof(body) + OBJECT_BYTES * objects
        self.messages_bytes += size_bytes
        return size_bytes

    def charge(self, owner: Hashable, size_bytes: int) -> None:
        """Set what ``owner`` holds, in place of what it held before."""
        self.used_bytes += size_bytes - self._charges.get(owner, 0)
        self._charges[owner] = size_bytes

    def release(self, owner: Hashable) -> None:
        """Forget ``owner``; one that holds nothing is no error."""
        self.used_bytes -= self._charges.pop(owner, 0)
