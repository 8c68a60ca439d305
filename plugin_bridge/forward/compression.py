"""CompressedPackedForward: a chunk's entries as one gzip member or zstd frame.

Source: Fluentd's "Forward Protocol Specification v1", "CompressedPackedForward Mode";
zstd is not in it, and is what Fluentd since 1.19 and Fluent Bit since 4.1 take.
"""

from __future__ import annotations

from typing import Literal, Protocol, cast

import zstandard
from isal import isal_zlib

from plugin_bridge.forward.errors import RemoteProtocolError

Kind = Literal["gzip", "zstd"]
"""What the option ``compressed`` says."""

# Measured on CloudTrail records in chunks of 256 KiB, on one core: isal makes them 8.3
# times smaller at 1.3 GB/s (zlib 7.7 times at 0.15), zstd 10.4 times at 0.8. Higher
# levels gain nothing.
GZIP_LEVEL = 1
ZSTD_LEVEL = 1

_GZIP_WINDOW_BITS = 16 + 15  # with gzip's header and trailer: zlib.h, deflateInit2
_ZSTD_READ_BYTES = 1_024
"""What of zstd is taken apart at once: 32 MiB can come out of so few bytes."""


class _Codec(Protocol):
    def __call__(self, data: bytes, /) -> bytes: ...


class Compressor:
    """Compresses the entries of chunks.

    Args:
        kind: How.
        max_payload_bytes: Larger entries, which only a single record can be, go
            uncompressed; ``None``: there is no limit.

    Source: Fluent Bit ``src/flb_zstd.c``: a frame above ``buffer_chunk_size``, once
    decompressed, is acknowledged and lost (observed on 5.1); 4.1 to 4.2 cut such gzip.
    """

    def __init__(self, kind: Kind, *, max_payload_bytes: int | None = None) -> None:
        self._kind = kind
        self._max_payload_bytes = max_payload_bytes
        self._codec: _Codec = {"gzip": _gzip, "zstd": _zstd()}[kind]

    def compress(self, entries: bytes) -> tuple[bytes, Kind | None]:
        """Return what a frame carries, and what its option ``compressed`` says.

        ``None`` for the latter: the entries go as they are, being too large, or no
        smaller when compressed.
        """
        limit_bytes = self._max_payload_bytes
        if limit_bytes is not None and len(entries) > limit_bytes:
            return entries, None
        compressed = self._codec(entries)
        if len(compressed) >= len(entries):
            return entries, None
        return compressed, self._kind


def decompress(kind: Kind, data: bytes, *, max_bytes: int) -> bytes:
    """Return the entries of a compressed frame, of any number of members or frames.

    Args:
        kind: How they are compressed.
        data: What the frame carries.
        max_bytes: Most that may come out.

    Raises:
        RemoteProtocolError: Not that format, cut, or too large.
    """
    parts: list[bytes] = []
    room_bytes = max_bytes
    try:
        while data:
            part, data = _STEPS[kind](data, room_bytes)
            room_bytes -= len(part)
            parts.append(part)
    except _DAMAGE as exc:
        raise RemoteProtocolError(f"entries that are no {kind}: {exc}") from exc
    return b"".join(parts)


def _gzip(data: bytes) -> bytes:
    return isal_zlib.compress(data, GZIP_LEVEL, _GZIP_WINDOW_BITS)


def _zstd() -> _Codec:
    # With the content's size in its header, which Fluent Bit makes its buffer of.
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_content_size=True).compress


def _gunzip_member(data: bytes, room_bytes: int) -> tuple[bytes, bytes]:
    """Return the content of the first member, and what follows it."""
    decompressor = isal_zlib.decompressobj(_GZIP_WINDOW_BITS)
    content = decompressor.decompress(data, room_bytes + 1)
    _check(len(content), room_bytes, is_whole=decompressor.eof)
    return content, decompressor.unused_data


def _unzstd_frame(data: bytes, room_bytes: int) -> tuple[bytes, bytes]:
    """Return the content of the first frame, and what follows it."""
    decompressor = zstandard.ZstdDecompressor().decompressobj()
    content = bytearray()
    for start in range(0, len(data), _ZSTD_READ_BYTES):
        content += decompressor.decompress(data[start : start + _ZSTD_READ_BYTES])
        if decompressor.eof:
            rest = data[start + _ZSTD_READ_BYTES :]
            _check(len(content), room_bytes, is_whole=True)
            return bytes(content), decompressor.unused_data + rest
        _check(len(content), room_bytes, is_whole=True)
    raise EOFError("it ends too early")


def _check(size_bytes: int, room_bytes: int, *, is_whole: bool) -> None:
    if size_bytes > room_bytes:
        raise RemoteProtocolError("compressed entries above the largest frame")
    if not is_whole:
        raise EOFError("it ends too early")


# isal's stub makes an instance of its error.
_DAMAGE = (cast("type[Exception]", isal_zlib.error), zstandard.ZstdError, EOFError)
_STEPS = {"gzip": _gunzip_member, "zstd": _unzstd_frame}
