"""Decompression, block by block and within limits. No I/O."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from isal import isal_zlib

from worker.decode.compressions import (
    CORRUPT,
    GZIP_WINDOW_BITS,
    HEAD_BYTES,
    MAGICS,
    OUTPUT_BLOCK_BYTES,
    WITH_WINDOW,
    Member,
    is_window_fault,
    opener,
    recognise,
)
from worker.decode.limits import DEFAULT_LIMITS
from worker.decode.signatures import JSON_BEGINS, SIGNATURE_BYTES, binary_content
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from typing_extensions import Buffer

    from worker.decode.limits import DecodeLimits

_INPUT_BLOCK_BYTES = 1 << 18
"""The most that it is fed at once; a small object is one step."""

_MIN_INPUT_BYTES = 1 << 10

_PAUSE_MEMBERS = 256
"""So many may hold next to nothing, so that nothing comes for long."""

_MAX_EMPTY_MEMBERS = 10_000
"""In a row: no program writes so many, and a few MB have room for a million."""

_PADDING_BYTES = {"gzip": 1, "xz": 4}
"""Zero bytes may follow a member, in multiples of these; gzip(1) passes over them."""

MAX_LAYERS = 3
"""Who compresses what is compressed already (Firehose does) does it once more."""


_PLAIN_GZIP = b"\x1f\x8b\x08\x00"  # no name, no comment, no checksum of the header
_PLAIN_GZIP_BYTES = len(_PLAIN_GZIP)
_ISIZE_BYTES = 4


def decompress(
    blocks: Iterable[Buffer],
    *,
    compression: str,
    max_bytes: int,
    max_ratio: int,
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> Iterator[bytes]:
    """Decompress an object that may hold any number of members, up to three times.

    A body of no bytes yields nothing. Memory use is bounded by the block being fed,
    one block of output and the format's own window, whatever the ratio.

    Args:
        blocks: The object's bytes, cut anywhere. An empty block says that the next one
            is not here yet.
        compression: ``auto`` (by magic number, or else none), ``gzip``, ``zstd``,
            ``bzip2``, ``xz`` or ``none``.
        max_bytes: The most that may come out.
        max_ratio: The most bytes that may come out, of each of the layers, for each
            one that went in so far; not for ``none``.
        limits: How large a compression's window may be.

    Yields:
        Blocks of 1 MiB at most. Empty ones where there is nothing yet.

    Raises:
        BadObjectError: Truncated, corrupt, followed by something else, above a limit,
            or no text.

    Source: RFC 1952 §2.2 (gzip members); RFC 8878 §3 (zstd frames); The .xz File
    Format §2.2 (stream padding).
    """
    source = outermost = _Source(blocks)
    while not source.gather(HEAD_BYTES):
        yield b""
    name = recognise(source.head()) if compression == "auto" else compression
    layers = windows = 0
    while name != "none":
        if layers == MAX_LAYERS:
            raise BadObjectError(
                "too_many_layers",
                f"the object is compressed more than {MAX_LAYERS} times over",
            )
        layers += 1
        windows += name in WITH_WINDOW
        members = _members(source, name, limits, windows)
        out = _within(members, max_bytes, max_ratio, outermost)
        source = _Source(out)
        while not source.gather(HEAD_BYTES):
            yield b""
        name = recognise(source.head())
    refusal = binary_content(source.head(SIGNATURE_BYTES))
    if refusal is not None:
        raise refusal
    yield from source.rest() if layers else _within(source.rest(), max_bytes)


def _within(
    blocks: Iterable[bytes],
    max_bytes: int,
    max_ratio: int = 0,
    packed: _Source | None = None,
) -> Iterator[bytes]:
    """Pass blocks on as long as they are within the limits.

    Args:
        blocks: What comes out.
        max_bytes: The most of it.
        max_ratio: The most of it for each byte that was taken of ``packed``.
        packed: What it is made of.
    """
    out_bytes = 0
    for block in blocks:
        out_bytes += len(block)
        if out_bytes > max_bytes:
            raise BadObjectError(
                "over_max_bytes",
                f"the object holds more than {max_bytes:,} bytes once decompressed: "
                "raise decode.max_object_bytes if that is right",
            )
        if packed is not None and out_bytes > max_ratio * packed.taken_bytes:
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
    inflate = isal_zlib.decompressobj(GZIP_WINDOW_BITS)
    try:
        out = inflate.decompress(packed, stated_bytes + 1)
    except CORRUPT:
        return None
    if not inflate.eof or inflate.unused_data:
        return None
    if out[:1] in JSON_BEGINS:
        return out
    is_innermost = recognise(out) == "none" and binary_content(out) is None
    return out if is_innermost else None


def _members(
    source: _Source, name: str, limits: DecodeLimits, window: int
) -> Iterator[bytes]:
    """Decompress member after member, to the end."""
    begin = opener(name, limits.window_of(window))
    empty_members = 0
    size_bytes = _INPUT_BLOCK_BYTES
    for number in itertools.count():
        if number and not number % _PAUSE_MEMBERS:
            yield b""
        while not source.gather(HEAD_BYTES):
            yield b""
        if not (head := source.head()):
            return
        if not any(magic.startswith(head[: len(magic)]) for magic in MAGICS[name]):
            raise _not_a_member(name, head, is_first=not number)
        began_at = source.taken_bytes
        try:
            is_empty = yield from _member(source, begin(head), name, size_bytes)
        except CORRUPT as error:
            if is_window_fault(error):
                raise limits.window_too_large(name, window) from error
            raise BadObjectError(
                "corrupt", f"the {name} data is corrupt: {error}"
            ) from error
        empty_members = empty_members + 1 if is_empty else 0
        if empty_members > _MAX_EMPTY_MEMBERS:
            raise BadObjectError(
                "too_many_members",
                f"the {name} data holds more than {_MAX_EMPTY_MEMBERS:,} empty members "
                "in a row",
            )
        # Each member leaves a copy of what it did not use: small after small ones,
        # or a body of many small members would cost the square of its size.
        member_bytes = source.taken_bytes - began_at
        size_bytes = min(max(2 * member_bytes, _MIN_INPUT_BYTES), _INPUT_BLOCK_BYTES)
        unit = _PADDING_BYTES.get(name)
        if unit is not None and (yield from _skip_zeros(source)) % unit:
            raise _not_a_member(name, b"\0", is_first=False)


def _member(
    source: _Source, member: Member, name: str, size_bytes: int
) -> Generator[bytes, None, bool]:
    """Decompress one member; return whether it was empty."""
    is_empty = True
    while not member.eof:
        while not source.gather(1):
            yield b""
        taken = source.take(size_bytes)
        if taken is None:
            raise BadObjectError(
                "truncated", f"the {name} data ends before its end: it is truncated"
            )
        for block in _blocks(member, taken):
            is_empty = False
            yield block
        size_bytes = min(2 * size_bytes, _INPUT_BLOCK_BYTES)
    source.give_back(len(member.unused_data))
    return is_empty


def _skip_zeros(source: _Source) -> Generator[bytes, None, int]:
    """Take the zero bytes that come next, and count them."""
    zeros_bytes = 0
    while True:
        while not source.gather(1):
            yield b""
        if source.head(1) != b"\0":
            return zeros_bytes
        taken = source.take(_MIN_INPUT_BYTES) or b""
        other_bytes = len(bytes(taken).lstrip(b"\0"))
        zeros_bytes += len(taken) - other_bytes
        if other_bytes:
            source.give_back(other_bytes)
            return zeros_bytes


def _blocks(member: Member, data: bytes | memoryview) -> Iterator[bytes]:
    """Everything that comes out for what goes in."""
    while True:
        block = member.decompress(data, OUTPUT_BLOCK_BYTES)
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

    def head(self, size_bytes: int = HEAD_BYTES) -> bytes:
        """The next bytes that are here, at most so many, without taking them."""
        return bytes(self._block[self._at : self._at + size_bytes])

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
        """Everything that is left, in blocks that are as small as decompressed ones."""
        while True:
            while not self.gather(1):
                yield b""
            left_bytes = len(self._block) - self._at
            if not left_bytes:
                return
            end = self._at + min(left_bytes, OUTPUT_BLOCK_BYTES)
            whole = self._block.obj
            if isinstance(whole, bytes) and len(whole) == end - self._at:
                yield whole
            else:
                yield bytes(self._block[self._at : end])
            self._at = end
