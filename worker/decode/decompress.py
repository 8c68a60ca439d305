"""Decompression, block by block and within limits. No I/O."""

from __future__ import annotations

import bz2
import itertools
import lzma
import zlib
from typing import TYPE_CHECKING, Protocol, cast

import zstandard
from isal import isal_zlib

from worker.decode.zstd_frame import ZstdFrame
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from typing_extensions import Buffer

OUTPUT_BLOCK_BYTES = 1 << 20
"""The most that one step of a decompressor yields."""

_INPUT_BLOCK_BYTES = 1 << 18
"""The most that it is fed at once; a small object is one step."""

_MIN_INPUT_BYTES = 1 << 10
_HEAD_BYTES = 10
"""The longest magic number; gzip's header without its optional parts is as long."""

_MAX_WINDOW_BYTES = 1 << 27
"""What xz -9 and zstd --long=27 need (xz(1), zstd(1)); a header can ask for more."""

_GZIP_WINDOW_BITS = 31  # zlib's number for a gzip header and 32 KiB
_GZIP_FLAGS_AT = 3
_GZIP_USUAL_FLAGS = 0x08  # RFC 1952 §2.3.1: FNAME, which gzip(1) sets

_PAUSE_MEMBERS = 256
"""Of empty members there may be millions, so that nothing comes for long."""

_XZ_PADDING_BYTES = 4
"""Zero bytes may follow an xz stream, in multiples of these."""

_MAGICS: dict[str, tuple[bytes, ...]] = {
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


_PLAIN_GZIP = b"\x1f\x8b\x08\x00"  # no name, no comment, no checksum of the header
_PLAIN_GZIP_BYTES = len(_PLAIN_GZIP)
_ISIZE_BYTES = 4


class _Member(Protocol):
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


def _begin(name: str, head: bytes) -> _Member:
    if name == "zstd":
        return ZstdFrame(max_window_bytes=_MAX_WINDOW_BYTES)
    if name == "bzip2":
        return bz2.BZ2Decompressor()
    if name == "xz":
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MAX_WINDOW_BYTES)
    if head[_GZIP_FLAGS_AT:] and head[_GZIP_FLAGS_AT] & ~_GZIP_USUAL_FLAGS:
        # isal loses its place in a header with several optional parts, or a checksum of
        # its own, when that header comes in two blocks.
        return _GzipMember(zlib.decompressobj(_GZIP_WINDOW_BITS))
    return _GzipMember(isal_zlib.decompressobj(_GZIP_WINDOW_BITS))


_CORRUPT = (
    cast("type[Exception]", isal_zlib.error),  # its stub makes an instance of it
    zlib.error,
    lzma.LZMAError,
    zstandard.ZstdError,
    OSError,  # bz2's
)


def decompress(
    blocks: Iterable[Buffer], *, compression: str, max_bytes: int, max_ratio: int
) -> Iterator[bytes]:
    """Decompress an object that may hold any number of members.

    A body of no bytes yields nothing. Memory use is bounded by the block being fed,
    one block of output and the format's own window, whatever the ratio.

    Args:
        blocks: The object's bytes, cut anywhere. An empty block says that the next one
            is not here yet.
        compression: ``auto`` (by magic number, or else none), ``gzip``, ``zstd``,
            ``bzip2``, ``xz`` or ``none``.
        max_bytes: The most that may come out.
        max_ratio: The most bytes that may come out for each one that went in so far;
            not for ``none``.

    Yields:
        Blocks of 1 MiB at most; with ``none`` the blocks as they are. Empty ones where
        there is nothing yet.

    Raises:
        BadObjectError: Truncated, corrupt, followed by something else, or above a
            limit.

    Source: RFC 1952 §2.2 (gzip members); RFC 8878 §3 (zstd frames); The .xz File
    Format §2.2 (stream padding).
    """
    source = _Source(blocks)
    while not source.gather(_HEAD_BYTES):
        yield b""
    name = _recognise(source.head()) if compression == "auto" else compression
    is_packed = name != "none"
    out_bytes = 0
    for block in _members(source, name) if is_packed else source.rest():
        out_bytes += len(block)
        if out_bytes > max_bytes:
            raise BadObjectError(
                "over_max_bytes",
                f"the object holds more than {max_bytes:,} bytes once decompressed: "
                "raise decode.max_object_bytes if that is right",
            )
        if is_packed and out_bytes > max_ratio * source.taken_bytes:
            raise BadObjectError(
                "over_max_ratio",
                f"the object decompresses to more than {max_ratio:,} times its size: "
                "raise decode.max_ratio if that is right",
            )
        yield block


def inflate_small(body: Buffer, *, max_bytes: int, max_ratio: int) -> bytes | None:
    """Decompress what CloudTrail mostly writes: one short gzip member, in one call.

    Args:
        body: The whole object.
        max_bytes: As for :func:`decompress`.
        max_ratio: The same.

    Returns:
        None: it is something else, or something is wrong with it: that is for
        :func:`decompress` to say.
    """
    packed = memoryview(body)
    if len(packed) > OUTPUT_BLOCK_BYTES or packed[:_PLAIN_GZIP_BYTES] != _PLAIN_GZIP:
        return None
    # RFC 1952 §2.3.1: ISIZE. What is made for more and then cut goes back to the system
    # and comes anew, page by page, which takes as long as the decompressing.
    stated_bytes = int.from_bytes(packed[-_ISIZE_BYTES:], "little")
    if stated_bytes > min(OUTPUT_BLOCK_BYTES, max_bytes, max_ratio * len(packed)):
        return None
    inflate = isal_zlib.decompressobj(_GZIP_WINDOW_BITS)
    try:
        out = inflate.decompress(packed, stated_bytes + 1)
    except _CORRUPT:
        return None
    return out if inflate.eof and not inflate.unused_data else None


def _recognise(head: bytes) -> str:
    for name, magics in _MAGICS.items():
        if head.startswith(magics):
            return name
    return "none"


def _members(source: _Source, name: str) -> Iterator[bytes]:
    """Decompress member after member, to the end."""
    size_bytes = _INPUT_BLOCK_BYTES
    for number in itertools.count():
        if number and not number % _PAUSE_MEMBERS:
            yield b""
        while not source.gather(_HEAD_BYTES):
            yield b""
        if not (head := source.head()):
            return
        if not any(magic.startswith(head[: len(magic)]) for magic in _MAGICS[name]):
            raise _not_a_member(name, head, is_first=not number)
        began_at = source.taken_bytes
        member = _begin(name, head)
        while not member.eof:
            while not source.gather(1):
                yield b""
            taken = source.take(size_bytes)
            if taken is None:
                raise BadObjectError(
                    "truncated", f"the {name} data ends before its end: it is truncated"
                )
            yield from _blocks(member, taken, name)
            size_bytes = min(2 * size_bytes, _INPUT_BLOCK_BYTES)
        source.give_back(len(member.unused_data))
        # Each member leaves a copy of what it did not use: small after small ones,
        # or a body of many small members would cost the square of its size.
        member_bytes = source.taken_bytes - began_at
        size_bytes = min(max(2 * member_bytes, _MIN_INPUT_BYTES), _INPUT_BLOCK_BYTES)
        if name == "xz" and (yield from _skip_zeros(source)) % _XZ_PADDING_BYTES:
            raise _not_a_member(name, b"\0", is_first=False)


def _skip_zeros(source: _Source) -> Generator[bytes, None, int]:
    """Take the zero bytes that come next, and count them."""
    zeros_bytes = 0
    while True:
        while not source.gather(1):
            yield b""
        taken = source.take(_INPUT_BLOCK_BYTES)
        if taken is None:
            return zeros_bytes
        other_bytes = len(bytes(taken).lstrip(b"\0"))
        zeros_bytes += len(taken) - other_bytes
        if other_bytes:
            source.give_back(other_bytes)
            return zeros_bytes


def _blocks(member: _Member, data: bytes | memoryview, name: str) -> Iterator[bytes]:
    """Everything that comes out for what goes in."""
    while True:
        try:
            block = member.decompress(data, OUTPUT_BLOCK_BYTES)
        except _CORRUPT as error:
            raise BadObjectError(
                "corrupt", f"the {name} data is corrupt: {error}"
            ) from error
        if block:
            yield block
        if member.eof or member.needs_input:
            return
        data = b""


def _not_a_member(name: str, head: bytes, *, is_first: bool) -> BadObjectError:
    if is_first:
        return BadObjectError(
            f"not_{name}",
            f"the object is not {name}, it begins with {head!r}: set "
            'decode.compression = "auto"',
        )
    return BadObjectError(
        "trailing_garbage",
        f"the {name} data is followed by something else, which begins with {head!r}",
    )


class _Source:
    """The compressed blocks, with a look ahead."""

    def __init__(self, blocks: Iterable[Buffer]) -> None:
        self._blocks = iter(blocks)
        self._block = memoryview(b"")
        self._at = 0
        self._is_at_end = False
        self.taken_bytes = 0

    def gather(self, wanted_bytes: int) -> bool:
        """Whether so many bytes are here, or all that are left.

        To be asked before :meth:`head` and :meth:`take`, which look at what is here.
        """
        while len(self._block) - self._at < wanted_bytes and not self._is_at_end:
            more = next(self._blocks, None)
            if more is None:
                self._is_at_end = True
                break
            view = memoryview(more).cast("B")
            if not view:
                return False
            left = self._block[self._at :]
            self._block = memoryview(b"".join((left, view))) if left else view
            self._at = 0
        return True

    def head(self) -> bytes:
        """The next ten bytes, or what is left, without taking them."""
        return bytes(self._block[self._at : self._at + _HEAD_BYTES])

    def take(self, size_bytes: int) -> memoryview | None:
        """The next bytes, at most so many; None at the end."""
        taken = self._block[self._at : self._at + size_bytes]
        if not taken:
            return None
        self._at += len(taken)
        self.taken_bytes += len(taken)
        return taken

    def give_back(self, unused_bytes: int) -> None:
        """Make the last bytes of what was just taken the next ones again."""
        self._at -= unused_bytes
        self.taken_bytes -= unused_bytes

    def rest(self) -> Iterator[bytes]:
        """Everything that is left, as it is."""
        while True:
            while not self.gather(1):
                yield b""
            if self._at == len(self._block):
                return
            whole = self._block.obj
            if isinstance(whole, bytes) and not self._at:
                yield whole
            else:
                yield bytes(self._block[self._at :])
            self._at = len(self._block)
