"""The chunk: what is sent, acknowledged, sent again, and halved when it is poison."""

from __future__ import annotations

from dataclasses import dataclass

from plugin_bridge.forward.split import halves, split_entries


@dataclass(frozen=True, slots=True)
class Chunk:
    """The unit of delivery.

    Args:
        id: Unique; :func:`.frames.chunk_id` makes one.
        tag: The Forward tag.
        payload: What an :class:`.entries.Encoder` assembled.
        count: How many records that are.
        half_of: Id of the refused chunk that this is a half of, if it is one.
    """

    id: str
    tag: str
    payload: bytes
    count: int
    half_of: str | None = None

    def halve(self, first_id: str, second_id: str) -> tuple[Chunk, Chunk]:
        """Return two chunks that hold the same entries in the same order.

        The first holds the first ``count // 2`` of them, byte for byte.

        Args:
            first_id: Id of the first, new: the chunk's own may have been ingested.
            second_id: Id of the second.

        Raises:
            LocalProtocolError: A single entry, or a payload that is not of Forward's
                entries (what goes to standard output is never poison).
        """
        first, second = halves(split_entries(self.payload))
        return (
            Chunk(first_id, self.tag, b"".join(first), len(first), self.id),
            Chunk(second_id, self.tag, b"".join(second), len(second), self.id),
        )
