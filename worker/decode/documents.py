"""A text's JSON documents: one, or many after each other, with or without lines.

A small text goes through the fast parser in one call, a stream of lines a window at a
time. What the parser refuses is told apart by quotes and brackets alone. No I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from worker.decode.elements import after_space, byte_at, end_of_value
from worker.decode.limits import DEFAULT_LIMITS, SMALL_BYTES
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from worker.decode.limits import DecodeLimits

ONE_CALL_BYTES = SMALL_BYTES
"""Larger texts could make too many objects at once."""

_PIECE_BYTES = 1 << 18
"""Of a stream, at a time."""

_document = msgspec.json.Decoder(msgspec.Raw)


def documents(text: memoryview) -> Iterable[msgspec.Raw]:
    """Split a whole text into its documents, without parsing these.

    Raises:
        BadObjectError: It is not JSON, as far as brackets tell; also while iterating.
        RecursionError: It is nested too deeply.
    """
    try:
        if len(text) <= ONE_CALL_BYTES:
            return _document.decode_lines(text)
        return (_document.decode(text),)
    except msgspec.DecodeError:
        return _scanned(text)


def begins_lines(text: bytes | bytearray, *, has_more: bool) -> bool:
    """Whether documents stand on lines of their own, by the first line of a text.

    Args:
        text: The begin, which holds a line end.
        has_more: Whether more follows than is in ``text``.
    """
    end = text.find(b"\n")
    try:
        _document.decode(memoryview(text)[:end])
    except (msgspec.DecodeError, RecursionError):
        return False
    return has_more or after_space(memoryview(text), end) < len(text)


def streamed(
    blocks: Iterable[bytes],
    holds: Callable[[int], None],
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> Generator[msgspec.Raw | None]:
    """Yield the documents of a text that comes in blocks, or None for a while.

    No more is held than a block, and a document that is not yet whole.

    Args:
        blocks: The text, cut anywhere; an empty one says that more is not here yet.
        holds: Told how many bytes a large document takes that is not whole; 0: there
            is none.
        limits: How large a document may be.

    Raises:
        BadObjectError: The text is not JSON, as far as brackets tell, or a document is
            too large.
        RecursionError: It is nested too deeply.
    """
    parts: list[bytes] = []
    held_bytes = wanted_bytes = done_bytes = 0
    holds(0)
    for block in _pieces(blocks):
        if not block:
            yield None
            continue
        parts.append(block)
        held_bytes += len(block)
        if held_bytes > ONE_CALL_BYTES:
            holds(2 * held_bytes)  # the parts are joined, now or later
        if 2 * held_bytes > limits.document_bytes:
            raise limits.document_too_large()
        if held_bytes < wanted_bytes or b"\n" not in block:
            yield None
            continue
        text = b"".join(parts)
        end = yield from _complete(memoryview(text)[: text.rfind(b"\n") + 1])
        done_bytes += end
        parts = [text[end:]]
        held_bytes = len(parts[0])
        # A document of many lines: looked at each time that it has doubled.
        wanted_bytes = 2 * held_bytes if not end else 0
        if end:
            holds(0)
        yield None
    try:
        yield from documents(memoryview(b"".join(parts)))
    except BadObjectError as error:
        raise BadObjectError(
            error.code, f"{error} of what begins at byte {done_bytes}"
        ) from error


def _pieces(blocks: Iterable[bytes]) -> Iterator[bytes]:
    for block in blocks:
        if not block:
            yield block
        for at in range(0, len(block), _PIECE_BYTES):
            yield block[at : at + _PIECE_BYTES]


def _complete(text: memoryview) -> Generator[msgspec.Raw, None, int]:
    """Yield the documents that are whole in whole lines; return where the last ends."""
    if len(text) <= ONE_CALL_BYTES:
        try:
            found = _document.decode_lines(text)
        except msgspec.DecodeError:
            pass
        else:
            yield from found
            return len(text)
    at = 0
    while (begin := after_space(text, at)) < len(text):
        try:
            end = end_of_value(text, begin)
        except BadObjectError as error:
            if error.code != "not_json" or byte_at(text, begin) not in (b"{", b"["):
                raise
            break
        yield msgspec.Raw(text[begin:end])
        at = end
    return at


def _scanned(text: memoryview) -> Iterator[msgspec.Raw]:
    at = after_space(text, 0)
    while at < len(text):
        end = end_of_value(text, at)
        yield msgspec.Raw(text[at:end])
        at = after_space(text, end)
