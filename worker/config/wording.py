"""pydantic's findings in the words of a configuration file."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_SHOWN_CHARACTERS: Final = 80
_INTEGER_BITS: Final = 64

_USERINFO = re.compile(r"//[^/@\s]+@")

_KINDS: Final = {
    bool: "a boolean",
    int: "an integer",
    float: "a float",
    str: "a string",
    list: "an array",
    tuple: "an array",
    dict: "a table",
}

_EXPECTED: Final = {
    "string_type": "expected a string",
    "int_type": "expected an integer",
    "float_type": "expected a number",
    "bool_type": "expected true or false",
    "tuple_type": "expected an array",
    "finite_number": "expected a finite number",
    "string_unicode": "expected valid Unicode",
    "string_too_long": "expected one character",
}

_TYPE_ERRORS: Final = frozenset(
    {"string_type", "int_type", "float_type", "bool_type", "tuple_type"}
)


def kind_of(value: object) -> str:
    """What a TOML value is called, with its article."""
    return _KINDS.get(type(value), "a date or time")


def without_userinfo(text: str) -> str:
    """Hide user and password of any URL in ``text``."""
    return _USERINFO.sub("//…@", text)


def printable(name: str) -> str:
    """A name as one line, whatever a quoted TOML key may hold."""
    return name if name.isprintable() else json.dumps(name)


def sentence_of(error: ErrorDetails, *, shows_value: bool) -> str:
    """Say what is wrong with a value, and what was expected.

    Args:
        error: One entry of ``ValidationError.errors()``.
        shows_value: Whether the value may be repeated: never for secrets.
    """
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    if kind == "missing":
        return "is required"
    if kind in _TYPE_ERRORS:
        got = kind_of(value)
        return f"{_EXPECTED[kind]}, got {got}"
    if kind == "value_error":
        expectation = str(context["error"])
    elif kind == "literal_error":
        expectation = f"expected {_choices(context['expected'])}"
    elif kind in {"greater_than_equal", "greater_than", "less_than_equal"}:
        expectation = _bound(kind, context)
    elif kind in {"string_too_short", "too_short"}:
        return "must not be empty"
    else:
        expectation = _EXPECTED.get(kind, error["msg"])
    return f"{expectation}, got {_shown(value)}" if shows_value else expectation


def _choices(expected: str) -> str:
    return expected.replace("'", '"').replace("True", "true").replace("False", "false")


def _bound(kind: str, context: dict[str, object]) -> str:
    if kind == "less_than_equal":
        return f"must be at most {context['le']}"
    if kind == "greater_than":
        return f"must be above {context['gt']:g}"
    return f"must be at least {context['ge']}"


def _shown(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > _INTEGER_BITS:
        return f"an integer beyond {_INTEGER_BITS} bits"
    text = without_userinfo(json.dumps(value, ensure_ascii=False, default=str))
    if len(text) > _SHOWN_CHARACTERS:
        return text[: _SHOWN_CHARACTERS - 1] + "…"
    return text
