"""The bytes that a worker may hold at once (``pool.inflight_bytes``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.source.objects import BLOCK_BYTES, WHOLE_BYTES

if TYPE_CHECKING:
    from collections.abc import Hashable

    from worker.source.objects import Body

AHEAD_BLOCKS = 2
"""Of a large object, read before they are wanted."""

MIN_OBJECT_BYTES = 65_536
"""Charged for an object before it is known: size absent, or very small."""

EXPECTED_GROWTH = 12
"""Decompressed text and records of a compressed byte: CloudTrail's files shrink about
5.6 times, and a decoded slice of them stands beside the text."""

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


@dataclass(slots=True)
class Budget:
    """Charges by owner: an object on its way, or a chunk not yet acknowledged."""

    limit_bytes: int
    used_bytes: int = 0
    _charges: dict[Hashable, int] = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        return self.used_bytes >= self.limit_bytes

    def admits(self, size_bytes: int) -> bool:
        """Whether so much more fits; what is larger than the limit runs alone."""
        return not self.used_bytes or self.used_bytes + size_bytes <= self.limit_bytes

    def charge(self, owner: Hashable, size_bytes: int) -> None:
        """Set what ``owner`` holds, in place of what it held before."""
        self.used_bytes += size_bytes - self._charges.get(owner, 0)
        self._charges[owner] = size_bytes

    def release(self, owner: Hashable) -> None:
        """Forget ``owner``; one that holds nothing is no error."""
        self.used_bytes -= self._charges.pop(owner, 0)
