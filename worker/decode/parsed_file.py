"""A log file parsed in one call, which is faster than record by record. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from worker.decode.cloudtrail import RECORDS, raw_records
from worker.decode.documents import ONE_CALL_BYTES
from worker.errors import BadObjectError

if TYPE_CHECKING:
    import msgspec


_OBJECTS_PER_BYTE = 3
"""Memory of parsed CloudTrail records for each byte of their text."""


@dataclass(slots=True)
class ParsedFile:
    """The records of one document, nearly exact: large integers are floats.

    Attributes:
        records: Whatever the entries of ``Records`` are; None is not among them, but
            for those that were let go of.
    """

    records: list[Any]
    _text: bytes
    _items: list[msgspec.Raw] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        """What text and records take, about."""
        return (1 + _OBJECTS_PER_BYTE) * len(self._text)

    def let_go(self, begin: int, end: int) -> None:
        """Free records that are done with, while the processor has them at hand."""
        self.records[begin:end] = [None] * (end - begin)

    def item(self, index: int) -> msgspec.Raw:
        """The text of one record, for those that want it exact.

        Raises:
            BadObjectError: The document has more than one member ``Records``.
        """
        if not self._items:
            self._items = list(raw_records(self._text))
            if len(self._items) != len(self.records):
                raise BadObjectError(
                    "no_records", "the object has more than one member Records"
                )
        return self._items[index]


def parsed_file(text: bytes) -> ParsedFile | None:
    """Parse what CloudTrail mostly writes: one short document with ``Records``.

    Args:
        text: The whole of it, decompressed.

    Returns:
        None: it is something else, or something is wrong with it: that is for
        :func:`~worker.decode.cloudtrail.raw_records` to say.
    """
    if len(text) > ONE_CALL_BYTES:
        return None
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    records = document.get(RECORDS) if type(document) is dict else None
    if type(records) is not list or None in records:
        return None
    return ParsedFile(records, text)
