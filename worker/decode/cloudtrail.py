"""CloudTrail's log files: one JSON document with an array ``Records``. No I/O.

Source: AWS CloudTrail User Guide, "CloudTrail log file examples".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from worker.decode import lenient_json
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from typing_extensions import Buffer

_RECORDS = "Records"
_MAX_NAMES = 5
_MAX_NAME_CHARACTERS = 40

_KINDS = {"{": "an object", "[": "an array", '"': "a text", "n": "null"}
_KINDS |= dict.fromkeys("tf", "a boolean")


class _LogFile(msgspec.Struct):
    Records: list[msgspec.Raw]


_log_file = msgspec.json.Decoder(_LogFile)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_anything = msgspec.json.Decoder()


def raw_records(document: Buffer) -> Sequence[msgspec.Raw]:
    """Split a log file into its records, without parsing these.

    The records are views of the document, which they keep alive.

    Args:
        document: The whole file, decompressed.

    Raises:
        BadObjectError: Not UTF-8, not JSON, nested too deeply, or without ``Records``.
    """
    try:
        return _log_file.decode(document).Records
    except msgspec.DecodeError:
        pass
    except RecursionError as error:
        raise _too_deep() from error
    try:
        members = _members.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _split_slowly(_utf8(document))
    records = members.get(_RECORDS)
    raise _no_records(members, None if records is None else _utf8(records))


def parse_record(raw: Buffer) -> dict[str, Any]:
    """Parse one record: integers exactly, floats as floats, the last of equal keys.

    What only Python's own parser takes comes out as it does there: NaN and infinities
    as floats, a lone surrogate as U+FFFD. Integers of more than 4,300 digits stay text.

    Args:
        raw: The JSON text of one record.

    Raises:
        BadObjectError: Not UTF-8, not JSON, nested too deeply, or no object.
    """
    try:
        record = _anything.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        record = _parse_slowly(_utf8(raw))
    except RecursionError as error:
        raise _too_deep() from error
    if not isinstance(record, dict):
        raise BadObjectError(
            "record_not_object", f"a record is {_kind(_utf8(raw))}, not an object"
        )
    return record


def _split_slowly(text: str) -> list[msgspec.Raw]:
    try:
        members = lenient_json.fields(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise _not_json(error) from error
    except RecursionError as error:
        raise _too_deep() from error
    if members is None:
        raise BadObjectError(
            "no_records",
            f"the object is {_kind(text)}, not an object with an array Records as "
            "CloudTrail writes it",
        )
    records = members.get(_RECORDS, "")
    if not records.startswith("["):
        raise _no_records(members, records or None)
    return [msgspec.Raw(one.encode()) for one in lenient_json.elements(records)]


def _parse_slowly(text: str) -> Any:
    try:
        return lenient_json.loads(text)
    except json.JSONDecodeError as error:
        raise _not_json(error) from error
    except RecursionError as error:
        raise _too_deep() from error


def _utf8(data: Buffer) -> str:
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise BadObjectError(
            "not_utf8", f"the text is not UTF-8 at byte {error.start}"
        ) from error


def _kind(text: str) -> str:
    return _KINDS.get(text.lstrip()[:1], "a number")


def _no_records(members: Iterable[str], records: str | None) -> BadObjectError:
    if records is not None:
        found = f"its Records is {_kind(records)}"
    else:
        names = [repr(name[:_MAX_NAME_CHARACTERS]) for name in members]
        shown = ", ".join(names[:_MAX_NAMES]) or "no keys"
        found = f"it has {shown}" + (" and more" if len(names) > _MAX_NAMES else "")
    return BadObjectError(
        "no_records",
        f"the object has no array Records as CloudTrail writes it: {found}",
    )


def _not_json(error: json.JSONDecodeError) -> BadObjectError:
    at_byte = len(error.doc[: error.pos].encode())
    what = error.msg.removesuffix(" at")
    return BadObjectError("not_json", f"the text is not JSON: {what} at byte {at_byte}")


def _too_deep() -> BadObjectError:
    return BadObjectError("too_deep", "the JSON is nested too deeply to be read")
