"""An object's members one after the other, whatever their values are. No I/O.

Slower than a parser, and takes what that refuses: NaN, lone surrogates, any depth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from worker.decode.elements import (
    after_space,
    byte_at,
    end_of_value,
    expect,
    not_json,
)
from worker.decode.json_values import parse_slowly

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_NAME_CHARACTERS = 256
"""Longer names are given in part: none that long is looked for."""

_MAX_NAME_BYTES = 6 * MAX_NAME_CHARACTERS  # each perhaps escaped


def members(text: memoryview) -> Iterator[tuple[str, msgspec.Raw]]:
    """Yield names and values, these as JSON text.

    Args:
        text: The object, perhaps with white space before it.

    Raises:
        BadObjectError: It is not JSON, as far as names and brackets tell.
    """
    at = first_member(text, expect(b"{", text, after_space(text, 0)))
    while at is not None:
        name, at = name_at(text, at)
        end = end_of_value(text, at)
        yield name, msgspec.Raw(text[at:end])
        at = next_member(text, end)


def first_member(text: memoryview, at: int) -> int | None:
    """Where the first member begins after an opening brace; None: there is none."""
    at = after_space(text, at)
    return at if byte_at(text, at) != b"}" else None


def name_at(text: memoryview, at: int) -> tuple[str, int]:
    """The name of the member that begins at ``at``, and where its value begins.

    Raises:
        BadObjectError: There is no member.
    """
    if byte_at(text, at) != b'"':
        raise not_json("no name of a member", at)
    end = end_of_value(text, at)
    value_at = after_space(text, expect(b":", text, after_space(text, end)))
    if end - at > _MAX_NAME_BYTES:
        return str(text[at + 1 : at + _MAX_NAME_BYTES], "utf-8", "replace"), value_at
    name = bytes(text[at:end])
    if b"\\" in name or not name.isascii():
        return str(parse_slowly(name)), value_at
    return name[1:-1].decode(), value_at


def next_member(text: memoryview, end: int) -> int | None:
    """Where the member begins after one that ends at ``end``; None: it is the last.

    Raises:
        BadObjectError: Neither a comma nor the closing brace follows.
    """
    at = after_space(text, end)
    if byte_at(text, at) == b"}":
        return None
    return after_space(text, expect(b",", text, at))
