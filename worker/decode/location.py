"""What lies at a path: in a record, or in the JSON text of one. No I/O."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from worker.decode.elements import after_space, byte_at, elements
from worker.decode.members import members

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker.config.places import Step

_ABSENT = msgspec.Raw(b"")
_MAX_INDEX_DIGITS = 10
_PLAIN_NAME = re.compile(r'[^"\\\x00-\x1f\ud800-\udfff]+')


def value_at(record: object, steps: Sequence[Step]) -> Any:
    """Return what lies at a path in a parsed record; None where nothing does."""
    value = record
    for step in steps:
        if isinstance(value, dict):
            value = value.get(str(step))
        elif isinstance(value, list) and (index := index_of(step)) is not None:
            value = value[index] if index < len(value) else None
        else:
            return None
    return value


def text_at(raw: msgspec.Raw, steps: Iterable[Step]) -> msgspec.Raw | None:
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
            found = _member(found, str(step))
        elif mark == b"[" and (index := index_of(step)) is not None:
            found = _element(found, index)
        else:
            return None
    return found


def index_of(step: Step) -> int | None:
    """The index that a step is where there is an array: ``a[0]`` or ``a.0``."""
    if not isinstance(step, str):
        return step
    is_number = step.isascii() and step.isdigit() and len(step) < _MAX_INDEX_DIGITS
    return int(step) if is_number else None


def is_plain(name: str) -> bool:
    """Whether msgspec can look for a member of that name."""
    return bool(_PLAIN_NAME.fullmatch(name))


def _member(raw: msgspec.Raw, name: str) -> msgspec.Raw | None:
    decoder = _decoder_of(name)
    if decoder is not None:
        try:
            found: msgspec.Raw = decoder.decode(raw).value
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        else:
            return found if memoryview(found) else None
    last = None
    for other, value in members(memoryview(raw)):
        if other == name:
            last = value  # the last of equal names counts
    return last


@lru_cache
def _decoder_of(name: str) -> msgspec.json.Decoder[Any] | None:
    if not is_plain(name):
        return None
    field = msgspec.field(name=name, default=_ABSENT)
    return msgspec.json.Decoder(
        msgspec.defstruct("Outline", [("value", msgspec.Raw, field)])
    )


def _element(raw: msgspec.Raw, index: int) -> msgspec.Raw | None:
    view = memoryview(raw)
    for number, element in enumerate(elements(view, after_space(view, 0))):
        if number == index:
            return element
    return None
