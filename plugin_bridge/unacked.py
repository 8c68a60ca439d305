"""The frames that wait for their acknowledgement, and may have to go again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin_bridge.forward.errors import LocalProtocolError
from plugin_bridge.forward.frames import packed_forward

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugin_bridge.forward.chunk import Chunk
    from plugin_bridge.forward.compression import Compressor
    from plugin_bridge.forward.frames import PackedForward


class Unacked:
    """Makes a frame of each chunk, once, and keeps it: what goes again is the same.

    Args:
        require_ack: Whether frames ask for an acknowledgement.
        compressor: Of their entries; ``None``: they go as they are.
    """

    def __init__(self, *, require_ack: bool, compressor: Compressor | None) -> None:
        self._require_ack = require_ack
        self._compressor = compressor
        self._frames: dict[str, PackedForward] = {}  # in order of add()
        self._written: set[str] = set()  # whole, at least once
        self._size_bytes = 0
        self._resent_count = 0

    @property
    def frames(self) -> Mapping[str, PackedForward]:
        """The frames by chunk id, oldest first: a live view."""
        return self._frames

    @property
    def size_bytes(self) -> int:
        """Bytes of the frames."""
        return self._size_bytes

    @property
    def resent_count(self) -> int:
        """How often a frame went out whole that had done so before."""
        return self._resent_count

    def add(self, chunk: Chunk) -> None:
        """Take in a chunk.

        Raises:
            LocalProtocolError: Its id is in use, or it has no payload.
        """
        if chunk.id in self._frames:
            raise LocalProtocolError(f"chunk {chunk.id} was handed in already")
        entries, compressed = chunk.payload, None
        if self._compressor is not None:
            entries, compressed = self._compressor.compress(entries)
        frame = packed_forward(
            chunk.tag,
            entries,
            count=chunk.count,
            chunk=chunk.id if self._require_ack else None,
            compressed=compressed,
        )
        self._frames[chunk.id] = frame
        self._size_bytes += len(frame)

    def written(self, chunk_id: str) -> None:
        """Note that a frame went out whole."""
        if chunk_id in self._written:
            self._resent_count += 1
        self._written.add(chunk_id)

    def remove(self, chunk_id: str) -> None:
        """Let go of a frame."""
        self._size_bytes -= len(self._frames.pop(chunk_id))
        self._written.discard(chunk_id)
