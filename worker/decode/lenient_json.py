"""Python's own JSON parser, for the documents that a faster one refuses. No I/O.

It takes lone surrogates, NaN, the infinities and numbers of any size. Everything here
raises ``json.JSONDecodeError`` and ``RecursionError`` as ``json`` does.
"""

from __future__ import annotations

import json
import re
from typing import Any

_MAX_INTEGER_CHARACTERS = 4300
"""Python's own limit (sys.get_int_max_str_digits)."""

_WHITESPACE = re.compile(r"[ \t\n\r]*")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})"
    r"|.)"
)


def loads(text: str) -> Any:
    """Parse a document; the last of equal keys wins.

    A lone surrogate comes out as U+FFFD, and an integer of more characters than Python
    converts as its text.
    """
    return _parser.decode(_ESCAPE.sub(_without_surrogate, text))


def fields(text: str) -> dict[str, str] | None:
    """Split an object into its members' names and JSON texts; None for other things."""
    at = _after_space(text, 0)
    if not text.startswith("{", at):
        _expect_end(text, _end_of_value(text, at))
        return None
    members: dict[str, str] = {}
    at = _after_space(text, at + 1)
    has_more = not text.startswith("}", at)
    while has_more:
        if not text.startswith('"', at):
            raise json.JSONDecodeError("Expecting a property's name", text, at)
        name, at = _skimmer.raw_decode(text, at)
        begin = _after_space(text, _expect(":", text, _after_space(text, at)))
        end = _end_of_value(text, begin)
        members[name] = text[begin:end]
        at = _after_space(text, end)
        if has_more := not text.startswith("}", at):
            at = _after_space(text, _expect(",", text, at))
    _expect_end(text, at + 1)
    return members


def elements(text: str) -> list[str]:
    """Split an array, which begins the text, into the JSON texts of its elements."""
    return [text[span] for span in _array(text, 0)[0]]


def _array(text: str, at: int) -> tuple[list[slice], int]:
    spans: list[slice] = []
    at = _after_space(text, at + 1)
    has_more = not text.startswith("]", at)
    while has_more:
        _, end = _skimmer.raw_decode(text, at)
        spans.append(slice(at, end))
        at = _after_space(text, end)
        if has_more := not text.startswith("]", at):
            at = _after_space(text, _expect(",", text, at))
    return spans, at + 1


def _end_of_value(text: str, at: int) -> int:
    # Element by element, so that a long array is never in memory as objects.
    if text.startswith("[", at):
        return _array(text, at)[1]
    return _skimmer.raw_decode(text, at)[1]


def _after_space(text: str, at: int) -> int:
    match = _WHITESPACE.match(text, at)
    return match.end() if match else at


def _expect(character: str, text: str, at: int) -> int:
    if not text.startswith(character, at):
        raise json.JSONDecodeError(f"Expecting {character!r}", text, at)
    return at + 1


def _expect_end(text: str, at: int) -> None:
    at = _after_space(text, at)
    if at != len(text):
        raise json.JSONDecodeError("Extra data", text, at)


def _without_surrogate(match: re.Match[str]) -> str:
    return r"\ufffd" if match["lone"] else match[0]


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MAX_INTEGER_CHARACTERS else digits


_parser = json.JSONDecoder(parse_int=_integer)
_skimmer = json.JSONDecoder(parse_int=str, parse_float=str)
