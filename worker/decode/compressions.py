"""The compressions by name: how each begins, and what takes a member of it apart.

No I/O.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

import zstandard
from isal import isal_zlib

from worker.decode.zstd_frame import ZstdFrame

if TYPE_CHECKING:
    from collections.abc import Callable

OUTPUT_BLOCK_BYTES = 1 << 20
"""The most that one step of a decompressor yields."""

HEAD_BYTES = 10
"""The longest magic number; gzip's header without its optional parts is as long."""

WITH_WINDOW = ("xz", "zstd")
"""Those that may look back farther than a few kilobytes."""

_XZ_BYTES = 1 << 20  # of xz's own, beside its window

GZIP_WINDOW_BITS = 31  # zlib's number for a gzip header and 32 KiB
_GZIP_FLAGS_AT = 3
_GZIP_USUAL_FLAGS = 0x08  # RFC 1952 §2.3.1: FNAME, which gzip(1) sets

MAGICS: dict[str, tuple[bytes, ...]] = {
    "gzip": (b"\x1f\x8b",),
    # RFC 8878 §3.1.1, and the sixteen skippable frames of §3.1.2.
    "zstd": (
        b"\x28\xb5\x2f\xfd",
        *(bytes((low, 0x2A, 0x4D, 0x18)) for low in range(0x50, 0x60)),
    ),
    # The level, then the first block or the end of an empty file.
    "bzip2": tuple(
        b"BZh%d" % level + block
        for level in range(1, 10)
        for block in (b"1AY&SY", b"\x17rE8P\x90")
    ),
    "xz": (b"\xfd7zXZ\x00",),
}


def recognise(head: bytes) -> str:
    """Name the compression of what begins so, or ``none``."""
    for name, magics in MAGICS.items():
        if head.startswith(magics):
            return name
    return "none"


class Member(Protocol):
    """One gzip member, zstd frame, bzip2 or xz stream being decompressed."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes | memoryview, max_length: int = ...) -> bytes: ...


class _Inflate(Protocol):
    """A decompression object of ``zlib`` or of isal's likeness of it."""

    @property
    def eof(self) -> bool: ...

    @property
    def unconsumed_tail(self) -> bytes: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(
        self, data: bytes | memoryview, max_length: int = ..., /
    ) -> bytes: ...


class _GzipMember:
    """A gzip member, with the interface of the other formats' decompressors."""

    def __init__(self, inflate: _Inflate) -> None:
        self._inflate = inflate

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        return not self._inflate.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(
        self, data: bytes | memoryview, max_length: int = OUTPUT_BLOCK_BYTES
    ) -> bytes:
        return self._inflate.decompress(
            data or self._inflate.unconsumed_tail, max_length
        )


def opener(name: str, max_window_bytes: int) -> Callable[[bytes], Member]:
    """Return what begins a member, given its first bytes.

    Args:
        name: Of the compression.
        max_window_bytes: What is refused needs more of what came out than that.
    """
    if name == "zstd":
        inflate = zstandard.ZstdDecompressor(max_window_size=max_window_bytes)
        return lambda _head: ZstdFrame(inflate)
    return partial(_begin, name, max_window_bytes)


def _begin(name: str, max_window_bytes: int, head: bytes) -> Member:
    if name == "bzip2":
        return bz2.BZ2Decompressor()
    if name == "xz":
        limit_bytes = max_window_bytes + _XZ_BYTES
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=limit_bytes)
    if head[_GZIP_FLAGS_AT:] and head[_GZIP_FLAGS_AT] & ~_GZIP_USUAL_FLAGS:
        # isal loses its place in a header with several optional parts, or a checksum of
        # its own, when that header comes in two blocks.
        return _GzipMember(zlib.decompressobj(GZIP_WINDOW_BITS))
    return _GzipMember(isal_zlib.decompressobj(GZIP_WINDOW_BITS))


def is_window_fault(error: Exception) -> bool:
    """Whether a library refused a member for the memory that it needs."""
    return "memory" in str(error).lower()


CORRUPT = (
    cast("type[Exception]", isal_zlib.error),  # its stub makes an instance of it
    zlib.error,
    lzma.LZMAError,
    zstandard.ZstdError,
    OSError,  # bz2's
)
