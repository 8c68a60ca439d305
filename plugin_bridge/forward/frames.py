"""The two messages of the wire: PackedForward there, responses back.

Source: Forward Protocol Specification v1, "PackedForward Mode" and "Response".
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

import ormsgpack

from plugin_bridge.forward.errors import (
    GreetedError,
    LocalProtocolError,
    NackedError,
    RemoteProtocolError,
)

CHUNK_ID_RANDOM_BYTES = 16
_MAX_BIN8_BYTES = 0xFF
_MAX_BIN16_BYTES = 0xFFFF
_MAX_BIN32_BYTES = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class PackedForward:
    """A message to the receiver, in three pieces: its entries are not copied for it.

    Attributes:
        pieces: What is before the entries, these, and what is behind them.
    """

    pieces: tuple[bytes, bytes, bytes]

    def __len__(self) -> int:
        return sum(map(len, self.pieces))

    def __bytes__(self) -> bytes:
        return b"".join(self.pieces)


def chunk_id(random_bytes: bytes) -> str:
    """Return the id of a chunk: base64 of 16 random bytes.

    Raises:
        LocalProtocolError: Not 16 bytes.

    Source: Forward Protocol Specification v1, "Option": 128 bits in base64.
    """
    if len(random_bytes) != CHUNK_ID_RANDOM_BYTES:
        raise LocalProtocolError(f"chunk id of {len(random_bytes)} bytes instead of 16")
    return base64.b64encode(random_bytes).decode("ascii")


def packed_forward(
    tag: str,
    entries: bytes,
    *,
    count: int,
    chunk: str | None,
    compressed: str | None = None,
) -> PackedForward:
    """Return the frame ``[tag, bin(entries), {"size": count, "chunk": chunk}]``.

    The option map is always there: Fluent Bit before 4.1.0 reads past a frame without.

    Args:
        tag: The Forward tag.
        entries: Concatenated entries, never empty (receivers close on that).
        count: How many entries those are.
        chunk: The id to be acknowledged; ``None`` asks for no acknowledgement.
        compressed: How the entries are compressed (``gzip``, ``zstd``), if they are.

    Raises:
        LocalProtocolError: Empty entries, or more than one frame can hold (4 GiB).

    Source: Forward Protocol Specification v1, "PackedForward Mode" and
    "CompressedPackedForward Mode".
    """
    if not entries:
        raise LocalProtocolError("a frame without entries")
    option: dict[str, object] = {"size": count}
    if chunk is not None:
        option["chunk"] = chunk
    if compressed is not None:
        option["compressed"] = compressed
    head = b"\x93" + ormsgpack.packb(tag) + _bin_header(len(entries))
    return PackedForward((head, entries, ormsgpack.packb(option)))


def acknowledgement(chunk: str) -> bytes:
    """Return the response ``{"ack": chunk}``."""
    return ormsgpack.packb({"ack": chunk})


def acked_chunk(response: object) -> str:
    """Return the id that a response acknowledges.

    Args:
        response: A value unpacked from the stream with ``raw=True``: text is bytes, as
            the greeting of Fluent Bit holds random bytes in a str.

    Raises:
        NackedError: ``{}``.
        GreetedError: ``HELO``.
        RemoteProtocolError: Anything else but ``{"ack": id}``.
    """
    match response:
        case {b"ack": bytes() as chunk}:
            return chunk.decode("utf-8", "replace")
        case [b"HELO", *_]:
            raise GreetedError
        case Mapping() if not response:
            raise NackedError("the receiver refused the chunks in flight")
        case _:
            raise RemoteProtocolError(f"unexpected response {response!r:.80}")


def _bin_header(size_bytes: int) -> bytes:
    if size_bytes <= _MAX_BIN8_BYTES:
        return bytes((0xC4, size_bytes))
    if size_bytes <= _MAX_BIN16_BYTES:
        return b"\xc5" + size_bytes.to_bytes(2, "big")
    if size_bytes <= _MAX_BIN32_BYTES:
        return b"\xc6" + size_bytes.to_bytes(4, "big")
    raise LocalProtocolError(f"entries of {size_bytes} bytes do not fit one frame")
