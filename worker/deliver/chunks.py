"""Segments of many objects gathered into chunks, the unit that is acknowledged."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from plugin_bridge.client import Chunk
from worker.deliver.ledger import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugin_bridge.forward.encoder import Encoder
    from worker.deliver.segments import Segment

CHUNK_ID_BYTES = 16
"""Forward Protocol Specification v1, "Option": a chunk id is base64 of 128 bits."""

_LEAST_SHARE = 8
"""An open chunk of which less than this part is left goes as it is."""


class ChunkBuilder:
    """The one open chunk of a worker: many small objects share it.

    Args:
        encoder: Makes the payload of the records' parts.
        tag: Forward tag of every chunk.
        chunk_bytes: Size aimed at; only a single larger record goes above it by more
            than itself.
        linger_s: How long the first record may wait for company.
        random_bytes: Source of chunk ids (``os.urandom``).
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        tag: str,
        chunk_bytes: int,
        linger_s: float,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._encoder = encoder
        self._tag = tag
        self._chunk_bytes = chunk_bytes
        self._least_bytes = chunk_bytes // _LEAST_SHARE
        self._linger_s = linger_s
        self._random_bytes = random_bytes
        self._parts: list[bytes] = []
        self._spans: list[Span] = []
        self._count = 0
        self._size_bytes = 0
        self._due: float | None = None

    @property
    def due(self) -> float | None:
        """Monotonic instant at which the open chunk has lingered enough."""
        return self._due

    @property
    def is_full(self) -> bool:
        return self._size_bytes >= self._chunk_bytes

    @property
    def room_bytes(self) -> int:
        """The best size of the next segment: the open chunk's rest, if that is any."""
        left_bytes = self._chunk_bytes - self._size_bytes
        return left_bytes if left_bytes >= self._least_bytes else self._chunk_bytes

    def fits(self, segment: Segment) -> bool:
        """Whether ``segment`` still goes into the open chunk."""
        return (
            not self._parts
            or self._size_bytes + segment.size_bytes <= self._chunk_bytes
        )

    def add(self, segment: Segment, now: float) -> None:
        """Append a segment; the order of calls is the order in the chunk."""
        if self._due is None:
            self._due = now + self._linger_s
        self._parts.extend(segment.parts)
        self._spans.append(
            Span(
                segment.item,
                segment.first,
                segment.end,
                segment.count,
                segment.indices,
            )
        )
        self._count += segment.count
        self._size_bytes += segment.size_bytes

    def new_id(self) -> str:
        """An id that no other chunk has."""
        return base64.b64encode(self._random_bytes(CHUNK_ID_BYTES)).decode()

    def seal(self) -> tuple[Chunk, tuple[Span, ...]]:
        """Close the open chunk, which must hold something, and begin a new one."""
        chunk = Chunk(
            id=self.new_id(),
            tag=self._tag,
            payload=self._encoder.assemble(self._parts),
            count=self._count,
        )
        spans = tuple(self._spans)
        self._parts, self._spans = [], []
        self._count, self._size_bytes, self._due = 0, 0, None
        return chunk, spans
