"""A large object on its way into the decoder, block by block."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from worker.deliver.budget import AHEAD_BLOCKS

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from worker.deliver.ledger import HeldObject
    from worker.errors import RetriableError
    from worker.source.objects import Body


class Feed:
    """The blocks that are here, as an iterator that never waits.

    It gives an empty block where the next one is not here yet.

    Args:
        item: The object.
        body: With its first block.

    Attributes:
        body: Without it.
        read_bytes: Of the object, so far.
        taken_blocks: By the decoder, so far.
        is_reading: Whether a read is under way.
        attempts: That failed since the last block came.
        retry_at: Monotonic instant of the next one.
        failure: Why no more blocks come; None: they do.
    """

    __slots__ = (
        "_blocks",
        "attempts",
        "body",
        "failure",
        "is_reading",
        "item",
        "read_bytes",
        "retry_at",
        "taken_blocks",
    )

    def __init__(self, item: HeldObject, body: Body) -> None:
        self.item = item
        self.body = replace(body, data=b"")
        self._blocks: deque[Buffer] = deque()
        self.read_bytes = 0
        self.taken_blocks = 0
        self.is_reading = False
        self.attempts = 0
        self.retry_at = 0.0
        self.failure: RetriableError | None = None
        self.put(body.data)

    @property
    def wants_block(self) -> bool:
        """Whether one more is to be read."""
        return (
            not self.is_reading
            and self.read_bytes < self.body.size_bytes
            and len(self._blocks) < AHEAD_BLOCKS
            and self.failure is None
            and self.item.is_wanted
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing is here, and more is to come."""
        return not self._blocks and self.read_bytes < self.body.size_bytes

    @property
    def is_waiting(self) -> bool:
        """Whether a turn would be in vain."""
        return self.is_empty and self.failure is None and self.item.is_wanted

    def put(self, block: Buffer) -> None:
        """Take the block that was read next."""
        self._blocks.append(block)
        self.read_bytes += memoryview(block).nbytes

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Buffer:
        if self._blocks:
            self.taken_blocks += 1
            return self._blocks.popleft()
        if self.is_empty:
            return b""
        raise StopIteration
