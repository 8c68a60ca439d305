"""The exact, slow path for a record that an encoder refuses as it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping

from plugin_bridge.forward.errors import EntryError

_MIN_INT = -(2**63)
_MAX_INT = 2**64 - 1
_SURROGATE = re.compile("[\ud800-\udfff]")


def portable_record(record: Mapping[str, object]) -> dict[str, object]:
    """Return a copy of ``record`` that msgpack and JSON can both hold.

    Integers outside int64 and uint64 become decimal strings, lone surrogates U+FFFD,
    and keys that are not strings their JSON spelling; all else stays what it is,
    floats among it.

    Raises:
        EntryError: A value of a type that JSON does not know, an integer of more
            digits than Python prints, or deeper nesting than its stack holds.

    Source: OpenTelemetry's receiver fails on keys that are no msgpack str (contrib
    issue 50235); the integers' range is that of msgpack's int family.
    """
    try:
        return _portable_map(record)
    except RecursionError:
        raise EntryError("record is nested too deeply to be encoded") from None
    except ValueError as exc:
        raise EntryError(f"record holds an integer of too many digits: {exc}") from None


def portable_text(text: str) -> str:
    """Return ``text`` with U+FFFD for each lone surrogate."""
    return _SURROGATE.sub("\ufffd", text)


def _portable_map(record: Mapping[str, object]) -> dict[str, object]:
    return {_portable_key(key): _portable(value) for key, value in record.items()}


def _portable_key(key: object) -> str:
    match key:
        case str():
            return portable_text(key)
        case None:
            return "null"
        case bool():
            return "true" if key else "false"
        case _:
            return portable_text(str(key))


def _portable(value: object) -> object:
    match value:
        case None | bool() | float():
            return value
        case str():
            return portable_text(value)
        case int():
            return value if _MIN_INT <= value <= _MAX_INT else str(value)
        case Mapping():
            return _portable_map(value)
        case list() | tuple():
            return [_portable(item) for item in value]
        case _:
            raise EntryError(
                f"record holds a value of type {type(value).__name__}, "
                "which neither JSON nor msgpack knows"
            )
