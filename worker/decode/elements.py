"""An array's elements one after the other, in little memory. No I/O.

A fast parser that takes an array apart in one call makes an object for each element at
once: seventy bytes for one of two. Here it gets a window of the text at a time, which
is cut where an element seems to begin. If what was cut off is a valid array then the
cut was right, since JSON can be read in one way only; if not, the elements up to there
are told apart by quotes and brackets alone. That is slower, and takes everything: NaN,
lone surrogates, any size and any depth. Whether each of them is JSON is for its parser
to say.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import msgspec

from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Generator

MAX_VALUES = 1 << 22
"""In one record: what is refused before its end is found.

CloudTrail's own records are of 256 KiB at most (CloudTrail User Guide, "Quotas").
"""

_MAX_MARKS = 3 * MAX_VALUES  # a value has a name, and two brackets, at most
_WINDOW_BYTES = 1 << 16
_MAX_SEPARATOR_BYTES = 64
_SEPARATOR_TAIL_BYTES = 8  # of the next element: nested objects begin otherwise

_SPACE = re.compile(rb"[ \t\n\r]*+")
_SCALAR = re.compile(
    rb'"(?:[^"\\\x00-\x1f]++|\\.)*+"'
    rb"|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?"
    rb"|true|false|null|NaN|-?Infinity",
    re.DOTALL,
)
# A string that never ends goes to the end, or each quote in it would be tried again.
_BRACKET = re.compile(
    rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|(?P<open>[{\[])|(?P<close>[}\]])', re.DOTALL
)

_list = msgspec.json.Decoder(list[msgspec.Raw])


def elements(text: memoryview, at: int) -> Generator[msgspec.Raw, None, int]:
    """Yield the elements of an array as their JSON texts, and return where it ends.

    Args:
        text: What holds the array, as bytes.
        at: Index of its bracket.

    Raises:
        BadObjectError: The array has no end, or other things between its elements than
            commas.
        RecursionError: An element is nested too deeply.
    """
    at = after_space(text, at + 1)
    if byte_at(text, at) == b"]":
        return at + 1
    end, _ = yield from elements_here(text, at, Separator(), is_whole=True)
    return end


def elements_here(
    text: memoryview, at: int, separator: Separator, *, is_whole: bool
) -> Generator[msgspec.Raw, None, tuple[int, bool]]:
    """Yield those elements of an array that are whole in the part of it that is here.

    Args:
        text: That part.
        at: Where an element begins, or the white space before it.
        separator: What is known of the array.
        is_whole: Nothing comes after this text.

    Returns:
        Where the next element begins, and whether that is the array's end instead.

    Raises:
        BadObjectError: As :func:`elements`; for want of an end only where the text is
            whole.
        RecursionError: An element is nested too deeply.
    """
    at = after_space(text, at)
    while True:
        window = bytes(text[at : at + _WINDOW_BYTES])
        cut_bytes = separator.last_in(window)
        if cut_bytes and (found := _valid(window[:cut_bytes])) is not None:
            yield from found
            at += cut_bytes + separator.gap_bytes
            continue
        slow_until = at + len(window)
        while True:
            try:
                end = end_of_value(text, at)
            except BadObjectError as error:
                if is_whole or error.code != "not_json":
                    raise
                return at, False
            mark_at = after_space(text, end)
            if mark_at == len(text) and not is_whole:
                return at, False
            yield msgspec.Raw(text[at:end])
            if byte_at(text, mark_at) == b"]":
                return mark_at + 1, True
            at = after_space(text, expect(b",", text, mark_at))
            separator.learn(text, end, at)
            if at >= slow_until:
                break


class Separator:
    """What stands between two elements, with a little of both."""

    def __init__(self) -> None:
        self._text = b""
        self.gap_bytes = 0

    def learn(self, text: memoryview, end: int, begin: int) -> None:
        """Take the place between the end of one element and the begin of the next."""
        until = begin + _SEPARATOR_TAIL_BYTES
        if until > len(text):
            return  # white space may follow that is not here yet
        self.gap_bytes = begin - end
        is_short = self.gap_bytes <= _MAX_SEPARATOR_BYTES
        self._text = bytes(text[end - 1 : until]) if is_short else b""

    def last_in(self, window: bytes) -> int:
        """Where the last but one element of a window may end; 0: nowhere."""
        return window.rfind(self._text) + 1 if self._text else 0


def _valid(window: bytes) -> list[msgspec.Raw] | None:
    try:
        return _list.decode(b"[%b]" % window)
    except msgspec.DecodeError:
        return None


def end_of_value(text: memoryview, at: int) -> int:
    """Where the value that begins at ``at`` ends; containers are not looked into.

    Raises:
        BadObjectError: There is no value, it has no end, or more than
            :data:`MAX_VALUES` are in it.
    """
    if byte_at(text, at) not in (b"{", b"["):
        scalar = _SCALAR.match(text, at)
        if scalar is None:
            raise not_json("no value", at)
        return scalar.end()
    depth = 0
    marks = _BRACKET.finditer(text, at)
    for bracket in itertools.islice(marks, _MAX_MARKS):
        if bracket.lastgroup == "open":
            depth += 1
        elif bracket.lastgroup == "close":
            depth -= 1
            if not depth:
                return bracket.end()
    if next(marks, None):
        raise _too_many_values()
    raise not_json("its end is missing", len(text))


def after_space(text: memoryview, at: int) -> int:
    """Where the white space that may be at ``at`` ends."""
    space = _SPACE.match(text, at)
    return space.end() if space else at


def expect(mark: bytes, text: memoryview, at: int) -> int:
    """The index after one byte that has to be there.

    Raises:
        BadObjectError: Something else is there, or nothing.
    """
    if byte_at(text, at) != mark:
        raise not_json(f"no {mark.decode()!r}", at)
    return at + 1


def byte_at(text: memoryview, at: int) -> bytes:
    """The byte at an index; none at the end."""
    return bytes(text[at : at + 1])


def expect_end(text: memoryview, at: int) -> None:
    """Make sure that nothing but white space follows.

    Raises:
        BadObjectError: Something else does.
    """
    at = after_space(text, at)
    if at != len(text):
        raise not_json("something follows", at)


def _too_many_values() -> BadObjectError:
    return BadObjectError(
        "too_many_values", f"a record holds more than {MAX_VALUES:,} values"
    )


def not_json(what: str, at: int) -> BadObjectError:
    """The error for text that is not JSON."""
    return BadObjectError("not_json", f"the text is not JSON: {what} at byte {at}")
