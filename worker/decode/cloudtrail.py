"""CloudTrail's log files: one JSON document with an array ``Records``. No I/O.

Source: AWS CloudTrail User Guide, "CloudTrail log file examples".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from worker.decode import lenient_json
from worker.decode.elements import (
    after_space,
    byte_at,
    check_values,
    elements,
    end_of_value,
    expect,
    expect_end,
    not_json,
)
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from typing_extensions import Buffer

_RECORDS = "Records"
_MAX_NAMES = 5
_MAX_NAME_CHARACTERS = 40
_MAX_NAME_BYTES = 6 * _MAX_NAME_CHARACTERS  # each perhaps escaped

_ONE_CALL_BYTES = 1 << 20
"""Larger documents could make too many objects at once."""

_KINDS = {b"{": "an object", b"[": "an array", b'"': "a text", b"n": "null"}
_KINDS |= dict.fromkeys((b"t", b"f"), "a boolean")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class _SmallFile(msgspec.Struct):
    Records: list[msgspec.Raw]


class _File(msgspec.Struct):
    Records: msgspec.Raw


_small_file = msgspec.json.Decoder(_SmallFile)
_file = msgspec.json.Decoder(_File)
_anything = msgspec.json.Decoder()


def raw_records(document: Buffer) -> Iterable[msgspec.Raw]:
    """Split a log file into its records, without parsing these.

    A file of 1 MiB at most gives a list. A larger one gives an iterator, which needs
    little memory however many records there are; where only Python's own parser takes
    the file, or none, it finds out what is wrong as it goes. The records are views of
    the document, or of copies, which they keep alive.

    Args:
        document: The whole file, decompressed.

    Raises:
        BadObjectError: Not JSON, nested too deeply, without ``Records``, or with a
            record of too many values; also from the iterator.
    """
    text = memoryview(document).cast("B")
    if bytes(text[: len(_BYTE_ORDER_MARK)]) == _BYTE_ORDER_MARK:
        text = text[len(_BYTE_ORDER_MARK) :]
    is_small = len(text) <= _ONE_CALL_BYTES
    try:
        if is_small:
            return _small_file.decode(text).Records
        records = memoryview(_file.decode(text).Records)
    except msgspec.DecodeError:
        odd = _shallow(_records_of_odd(text))
        return list(odd) if is_small else odd
    except RecursionError as error:
        raise _too_deep() from error
    if byte_at(records, 0) != b"[":
        raise _no_records((), records)
    return _shallow(elements(records, 0))


def parse_record(raw: Buffer) -> dict[str, Any]:
    """Parse one record: integers exactly, floats as floats, the last of equal keys.

    What only Python's own parser takes comes out as it does there: NaN and infinities
    as floats, a lone surrogate as U+FFFD. Integers of more than 4,300 digits stay text.

    Args:
        raw: The JSON text of one record.

    Raises:
        BadObjectError: Not UTF-8, not JSON, nested too deeply, of too many values, or
            no object.
    """
    text = memoryview(raw).cast("B")
    check_values(text)
    try:
        record = _anything.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        record = _parse_slowly(_utf8(raw))
    except RecursionError as error:
        raise _too_deep() from error
    if not isinstance(record, dict):
        raise BadObjectError(
            "record_not_object", f"a record is {_kind(text)}, not an object"
        )
    return record


def _records_of_odd(text: memoryview) -> Iterator[msgspec.Raw]:
    """Yield the records of what is no plain JSON, or no log file.

    Of what stands beside the records only the outline is looked at. A second array of
    records is refused, since the first one is out by then.
    """
    at = after_space(text, 0)
    if byte_at(text, at) != b"{":
        expect_end(text, end_of_value(text, at))
        raise BadObjectError(
            "no_records",
            f"the object is {_kind(text[at:])}, not an object with an array Records as "
            "CloudTrail writes it",
        )
    names: list[str] = []
    has_records = False
    at = after_space(text, at + 1)
    has_more = byte_at(text, at) != b"}"
    while has_more:
        if byte_at(text, at) != b'"':
            raise not_json("no name of a member", at)
        name_end = end_of_value(text, at)
        name = _name(text[at:name_end])
        at = after_space(text, expect(b":", text, after_space(text, name_end)))
        if name == _RECORDS:
            if has_records:
                raise BadObjectError(
                    "no_records", "the object has more than one member Records"
                )
            if byte_at(text, at) != b"[":
                raise _no_records((), text[at : end_of_value(text, at)])
            has_records = True
            end = yield from elements(text, at)
        else:
            end = end_of_value(text, at)
        if len(names) <= _MAX_NAMES:
            names.append(name)
        at = after_space(text, end)
        if has_more := byte_at(text, at) != b"}":
            at = after_space(text, expect(b",", text, at))
    expect_end(text, at + 1)
    if not has_records:
        raise _no_records(names, None)


def _shallow(records: Iterator[msgspec.Raw]) -> Iterator[msgspec.Raw]:
    try:
        yield from records
    except RecursionError as error:
        raise _too_deep() from error


def _name(text: memoryview) -> str:
    """A member's name; only the begin of one that is too long to matter."""
    if len(text) > _MAX_NAME_BYTES:
        return str(text[1:_MAX_NAME_BYTES], "utf-8", "replace")
    return str(_parse_slowly(_utf8(text)))


def _parse_slowly(text: str) -> Any:
    try:
        return lenient_json.loads(text)
    except json.JSONDecodeError as error:
        at_byte = len(error.doc[: error.pos].encode())
        raise not_json(error.msg.removesuffix(" at"), at_byte) from error
    except RecursionError as error:
        raise _too_deep() from error


def _utf8(data: Buffer) -> str:
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise BadObjectError(
            "not_utf8", f"the text is not UTF-8 at byte {error.start}"
        ) from error


def _kind(value: memoryview) -> str:
    return _KINDS.get(byte_at(value, 0), "a number")


def _no_records(names: Sequence[str], records: memoryview | None) -> BadObjectError:
    if records is not None:
        found = f"its Records is {_kind(records)}"
    else:
        shown = ", ".join(
            repr(name[:_MAX_NAME_CHARACTERS]) for name in names[:_MAX_NAMES]
        )
        found = f"it has {shown or 'no keys'}"
        found += " and more" if len(names) > _MAX_NAMES else ""
    return BadObjectError(
        "no_records",
        f"the object has no array Records as CloudTrail writes it: {found}",
    )


def _too_deep() -> BadObjectError:
    return BadObjectError("too_deep", "the JSON is nested too deeply to be read")
