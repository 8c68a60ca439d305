"""The records of a JSON text: those of CloudTrail's log files, or of any other. No I/O.

CloudTrail writes one document with an array ``Records``. Every document with such an
array gives its entries, every other one is a record itself, and an array of documents
is like these one after the other.

Source: AWS CloudTrail User Guide, "CloudTrail log file examples".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from worker.decode.documents import ONE_CALL_BYTES, documents
from worker.decode.elements import after_space, byte_at, elements, end_of_value
from worker.decode.json_values import kind_of, too_deep
from worker.decode.members import first_member, name_at, next_member
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from typing_extensions import Buffer

RECORDS = "Records"
_RECORDS_NAME = re.compile(b'"Records"')


class _SmallFile(msgspec.Struct):
    Records: list[msgspec.Raw]


class _File(msgspec.Struct):
    Records: msgspec.Raw


_small_file = msgspec.json.Decoder(_SmallFile)
_file = msgspec.json.Decoder(_File)
_document = msgspec.json.Decoder(msgspec.Raw)


def raw_records(text: Buffer) -> Iterable[msgspec.Raw]:
    """Split a text into its records, without parsing these.

    A text of 1 MiB at most gives a list. A larger one gives an iterator, which needs
    little memory however many records there are; where only Python's own parser takes
    the text, or none, it finds out what is wrong as it goes. The records are views of
    the text, or of copies, which they keep alive.

    Args:
        text: The whole of it, decompressed, without a byte order mark.

    Raises:
        BadObjectError: Not JSON, nested too deeply, a document that is neither an
            object nor an array, or a record of too many values; also from the iterator.
    """
    view = memoryview(text).cast("B")
    try:
        if len(view) > ONE_CALL_BYTES:
            return _shallow(_of_large(view))
        try:
            return _small_file.decode(view).Records
        except msgspec.DecodeError:
            return list(_of_small(view))
    except RecursionError as error:
        raise too_deep() from error


def records_of(document: msgspec.Raw) -> Iterable[msgspec.Raw]:
    """Return the records of one document whose end is known.

    Raises:
        BadObjectError: It is neither an object nor an array, or as from
            :func:`raw_records`; also from an iterator.
        RecursionError: It is nested too deeply.
    """
    view = memoryview(document)
    match byte_at(view, 0):
        case b"{":
            return _of_object(document)
        case b"[":
            return _of_array(view, 0)
        case _:
            raise no_records(view)


def records_in(document: msgspec.Raw) -> Iterable[msgspec.Raw]:
    """Return the records of an element of an array of documents.

    Raises:
        BadObjectError: As from :func:`raw_records`; also from an iterator.
        RecursionError: It is nested too deeply.
    """
    if byte_at(memoryview(document), 0) == b"{":
        return _of_object(document)
    return (document,)  # no record, as its parser will say


def no_records(document: memoryview) -> BadObjectError:
    """The error for a document that can hold no record."""
    return BadObjectError(
        "no_records",
        f"the object holds {kind_of(document)}, where an object or an array of objects "
        "is expected",
    )


def _of_small(text: memoryview) -> Iterator[msgspec.Raw]:
    try:
        found = list(documents(text))
    except BadObjectError:
        yield from _of_odd(text)
        return
    for document in found:
        yield from records_of(document)


def _of_large(text: memoryview) -> Iterator[msgspec.Raw]:
    try:
        records = memoryview(_file.decode(text).Records)
        if byte_at(records, 0) == b"[":
            yield from elements(records, 0)
            return
    except msgspec.DecodeError:
        pass
    try:
        document = _document.decode(text)
    except msgspec.DecodeError:
        yield from _of_odd(text)
    else:
        yield from records_of(document)


def _of_object(document: msgspec.Raw) -> Iterable[msgspec.Raw]:
    if _RECORDS_NAME.search(memoryview(document)) is None:
        return (document,)
    try:
        if len(memoryview(document)) <= ONE_CALL_BYTES:
            return _small_file.decode(document).Records
        records = memoryview(_file.decode(document).Records)
    except msgspec.ValidationError:
        return (document,)  # it has none of its own, or no array
    except msgspec.DecodeError:
        return _of_odd(memoryview(document))
    return elements(records, 0) if byte_at(records, 0) == b"[" else (document,)


def _of_array(text: memoryview, at: int) -> Generator[msgspec.Raw, None, int]:
    """Yield the records of an array of documents, and return where it ends."""
    found = elements(text, at)
    while True:
        try:
            document = next(found)
        except StopIteration as ended:
            end: int = ended.value
            return end
        yield from records_in(document)


def _of_odd(text: memoryview) -> Iterator[msgspec.Raw]:
    """Yield the records of what is not plain JSON, as far as it is any."""
    at = after_space(text, 0)
    while at < len(text):
        match byte_at(text, at):
            case b"{":
                at = yield from _of_odd_object(text, at)
            case b"[":
                at = yield from _of_array(text, at)
            case _:
                end_of_value(text, at)
                raise no_records(text[at:])
        at = after_space(text, at)


def _of_odd_object(text: memoryview, begin: int) -> Generator[msgspec.Raw, None, int]:
    """Yield the records of an object, and return where it ends.

    Of what stands beside the records only the outline is looked at. A second array of
    records is refused, since the first one is out by then.
    """
    has_records = False
    end = begin + 1
    at = first_member(text, end)
    while at is not None:
        name, at = name_at(text, at)
        if name == RECORDS and byte_at(text, at) == b"[":
            if has_records:
                raise BadObjectError(
                    "no_records", "the object has more than one member Records"
                )
            has_records = True
            end = yield from elements(text, at)
        else:
            end = end_of_value(text, at)
        at = next_member(text, end)
    end = after_space(text, end) + 1
    if not has_records:
        yield msgspec.Raw(text[begin:end])
    return end


def _shallow(records: Iterator[msgspec.Raw]) -> Iterator[msgspec.Raw]:
    try:
        yield from records
    except RecursionError as error:
        raise too_deep() from error
