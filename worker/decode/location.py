"""What lies at a path: in a record, or in the JSON text of one. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from worker.decode.elements import after_space, byte_at, elements
from worker.decode.members import members

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MAX_INDEX_DIGITS = 10

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


def value_at(record: object, steps: Sequence[str]) -> Any:
    """Return what lies at a path in a parsed record; None where nothing does."""
    value = record
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and _is_index(step) and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def text_at(raw: msgspec.Raw, steps: Iterable[str]) -> msgspec.Raw | None:
    """Return the JSON text that lies at a path in another; None where nothing does.

    Raises:
        BadObjectError: It is not JSON.
        RecursionError: It is nested too deeply.
    """
    found: msgspec.Raw | None = raw
    for step in steps:
        if found is None:
            return None
        view = memoryview(found)
        mark = byte_at(view, after_space(view, 0))
        if mark == b"{":
            found = _member(found, step)
        elif mark == b"[" and _is_index(step):
            found = _element(found, int(step))
        else:
            return None
    return found


def _member(raw: msgspec.Raw, name: str) -> msgspec.Raw | None:
    try:
        return _object.decode(raw).get(name)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None
        for other, value in members(memoryview(raw)):
            if other == name:
                found = value  # the last of equal names counts
        return found


def _element(raw: msgspec.Raw, index: int) -> msgspec.Raw | None:
    view = memoryview(raw)
    for number, element in enumerate(elements(view, after_space(view, 0))):
        if number == index:
            return element
    return None


def _is_index(step: str) -> bool:
    return step.isascii() and step.isdigit() and len(step) < _MAX_INDEX_DIGITS
