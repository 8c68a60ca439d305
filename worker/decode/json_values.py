"""The values of JSON texts, exactly. No I/O."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from worker.decode import lenient_json
from worker.decode.elements import byte_at, not_json
from worker.decode.limits import DEFAULT_LIMITS, SMALL_BYTES
from worker.decode.text import not_utf8
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from worker.decode.limits import DecodeLimits

_KINDS = {b"{": "an object", b"[": "an array", b'"': "a text", b"n": "null"}
_KINDS |= dict.fromkeys((b"t", b"f"), "a boolean")

_MANY_DIGITS = b"0" * 19  # as an integer beyond 64 bits has at least
_DIGITS = bytes(ord("0") if chr(byte).isdecimal() else 0 for byte in range(256))

_anything = msgspec.json.Decoder()


def parse_value(raw: Buffer, limits: DecodeLimits = DEFAULT_LIMITS) -> Any:
    """Parse one value: integers exactly, floats as floats, the last of equal keys.

    What only Python's own parser takes comes out as it does there: NaN and infinities
    as floats, a lone surrogate as U+FFFD. Integers of more than 4,300 digits, and what
    is beyond a float's range, stay text.

    Args:
        raw: Its JSON text.
        limits: What it may take of memory.

    Raises:
        BadObjectError: Not UTF-8, not JSON, nested too deeply, or too large once
            parsed.
    """
    limits.check_json(memoryview(raw).cast("B"))
    try:
        return _anything.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return parse_slowly(raw)
    except RecursionError as error:
        raise too_deep() from error


def parse_record(raw: Buffer, limits: DecodeLimits = DEFAULT_LIMITS) -> dict[str, Any]:
    """Parse the JSON text of one record, as :func:`parse_value` does.

    Raises:
        BadObjectError: As there, or it is no object.
    """
    record = parse_value(raw, limits)
    if not isinstance(record, dict):
        raise not_object(raw)
    return record


def quick_exact_record(raw: Buffer) -> dict[str, Any] | None:
    """Parse the JSON text of one record as :func:`parse_record` does, but faster.

    Returns:
        None: it is for :func:`parse_record` to say.
    """
    text = bytes(raw)
    return None if _MANY_DIGITS in text.translate(_DIGITS) else quick_record(text)


def quick_record(raw: Buffer) -> dict[str, Any] | None:
    """Parse the JSON text of one record as :func:`parse_record` does, or nearly so.

    A third faster, parser and what is made of the record taken together; but integers
    beyond 64 bits come as floats.

    Returns:
        None: it is for :func:`parse_record` to say.
    """
    text = memoryview(raw)
    if len(text) > SMALL_BYTES:
        return None
    try:
        record = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return record if type(record) is dict else None


def parse_slowly(raw: Buffer) -> Any:
    """Parse what the fast parser refuses.

    Raises:
        BadObjectError: Not UTF-8, not JSON, or nested too deeply.
    """
    try:
        return lenient_json.loads(str(raw, "utf-8"))
    except UnicodeDecodeError as error:
        raise not_utf8(error.start) from error
    except json.JSONDecodeError as error:
        at_byte = len(error.doc[: error.pos].encode())
        raise not_json(error.msg.removesuffix(" at"), at_byte) from error
    except RecursionError as error:
        raise too_deep() from error


def kind_of(value: memoryview) -> str:
    """Say what a JSON text is, by its first byte."""
    return _KINDS.get(byte_at(value, 0), "a number")


def not_object(raw: Buffer) -> BadObjectError:
    """The error for a record that has no fields."""
    kind = kind_of(memoryview(raw).cast("B"))
    return BadObjectError("record_not_object", f"a record is {kind}, not an object")


def too_deep() -> BadObjectError:
    """The error for JSON that would overflow the stack."""
    return BadObjectError("too_deep", "the JSON is nested too deeply to be read")
