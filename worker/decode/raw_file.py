"""A log file taken apart in one call, its records left as texts. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from worker.decode.documents import ONE_CALL_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

_RECORD_BYTES = 200  # of memory beside the text


@dataclass(frozen=True, slots=True)
class RawFile:
    """The records of one document.

    Attributes:
        records: Text of each, which is a JSON object in UTF-8; a view of the file's.
        times: What is at each one's time field.
        size_bytes: What text and records take, about.
    """

    records: list[msgspec.Raw]
    times: list[Any]
    size_bytes: int


class _Texts(msgspec.Struct):
    Records: list[msgspec.Raw]


_texts = msgspec.json.Decoder(_Texts)


def raw_file_parser(outline: type[msgspec.Struct]) -> Callable[[bytes], RawFile | None]:
    """Make what parses files.

    Args:
        outline: All that is read of a record: one field, ``value``.

    Returns:
        A function of a file's whole text, decompressed. It gives None for what is
        anything but one short document with an array of objects, ``Records``.
    """
    outlines_type = msgspec.defstruct("_Outlines", [("Records", list[outline])])  # type: ignore[valid-type]
    outlines = msgspec.json.Decoder(outlines_type)

    def parse(text: bytes) -> RawFile | None:
        if len(text) > ONE_CALL_BYTES or not _is_utf8(text):
            return None
        try:
            found: Any = outlines.decode(text)
            records = _texts.decode(text).Records
        except (msgspec.DecodeError, RecursionError):
            return None
        times = [record.value for record in found.Records]
        return RawFile(records, times, len(text) + _RECORD_BYTES * len(records))

    return parse


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
