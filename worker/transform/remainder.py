"""Fields taken out of a record one by one, so that what is left is known."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final

_REMEMBERED_ADDRESSES: Final = 4096
_MAX_DEPTH: Final = 50
"""Below this, objects stay as they are."""

_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
)


class Remainder:
    """What is left of an object while fields are taken; the object itself stays whole.

    A field is taken only if it is what the schema wants there: what is of another type
    stays, and so does everything that nobody asks for.
    """

    __slots__ = ("_children", "_fields")

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields.copy()
        self._children: dict[str, Remainder] = {}

    def child(self, name: str) -> Remainder:
        """The remainder of an inner object; of none, where there is no such object."""
        if name in self._children:
            return self._children[name]
        value = self._fields.get(name)
        if not isinstance(value, dict) or not value:
            return _NOTHING
        child = self._children[name] = Remainder(value)
        return child

    def look(self, name: str) -> Any:
        """The value, which stays."""
        return self._fields.get(name)

    def text(self, name: str) -> str | None:
        """Take a text."""
        fields = self._fields
        value = fields.get(name)
        if isinstance(value, str):
            del fields[name]
            return value
        return None

    def time(self, name: str) -> str | None:
        """Take a text that is a time in ISO 8601; any other stays."""
        value = self._fields.get(name)
        return self.text(name) if isinstance(value, str) and is_time(value) else None

    def anything(self, name: str) -> Any:
        """Take whatever is there; None: nothing, or null."""
        return self._fields.pop(name, None)

    def left(self) -> dict[str, Any]:
        """What was not taken, without nulls and without empty objects."""
        for name, child in self._children.items():
            if name in self._fields:
                self._fields[name] = child.left()
        return _without_empty(self._fields, 0)


def _without_empty(fields: dict[str, Any], depth: int) -> dict[str, Any]:
    left = {}
    for name, value in fields.items():
        if value is None:
            continue
        if type(value) is dict:
            inner = value
            # Most have no object inside, and so none that is empty.
            if depth < _MAX_DEPTH and dict in map(type, value.values()):
                inner = _without_empty(value, depth + 1)
            if inner:
                left[name] = inner
        else:
            left[name] = value
    return left


_NOTHING: Final = Remainder({})
"""Stands for every object that is not there: nothing is ever put into it."""


def filled(**fields: Any) -> dict[str, Any]:
    """The fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def alone(name: str, value: object) -> dict[str, Any] | None:
    """An object with one field; None where that would be None."""
    return None if value is None else {name: value}


def value_in(value: object, name: str) -> object:
    """What an object has under a name; None also for what is no object."""
    return value.get(name) if isinstance(value, dict) else None


def text_in(value: object, name: str) -> str | None:
    """The text, not an empty one, that an object has under a name."""
    found = value_in(value, name)
    return found if isinstance(found, str) and found else None


@lru_cache(maxsize=_REMEMBERED_ADDRESSES)
def is_ip(text: str) -> bool:
    """Whether a text is an IP address, of either version."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_time(text: str) -> bool:
    """Whether a text is an instant as Elasticsearch's type ``date`` takes it."""
    if not _TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
