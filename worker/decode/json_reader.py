"""``format = "json"``: one document, many, one a line, or an array of them. No I/O."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import msgspec

from worker.decode.cloudtrail import (
    RECORDS,
    no_records,
    raw_records,
    records_in,
    records_of,
)
from worker.decode.documents import (
    ONE_CALL_BYTES,
    begins_lines,
    documents,
    streamed,
)
from worker.decode.elements import byte_at, elements
from worker.decode.json_values import not_object, parse_record, parse_value, too_deep
from worker.decode.large_array import DOCUMENT, LargeArray
from worker.decode.limits import DEFAULT_LIMITS
from worker.decode.location import text_at
from worker.decode.signatures import JSON_BEGINS, other_log
from worker.decode.text import check_utf8, checked_utf8, utf8_blocks
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from typing_extensions import Buffer

    from worker.config.places import Place
    from worker.decode.limits import DecodeLimits

_MISSING = msgspec.Raw(b"")
"""Stands for a record that has nothing at the location."""

_NULL = b"null"

_LOOK_BYTES = 1 << 10
"""Enough of a text to see that it is in another character set."""


class JsonReader:
    """Recognises by the text itself what it holds.

    Documents on lines of their own are read as they come. So is an array of records
    that is too large to be held; all else is in memory whole.

    Args:
        charset: Of the text.
        location: Steps to the part of a document, or of each of its ``Records``, that
            is wanted; empty: all.
        is_file_shaped: A document with ``Records`` stays one record.
        value_field: Field for what lies at the location and has no fields itself.
        limits: What an object may take of memory.
    """

    def __init__(
        self,
        *,
        charset: str,
        location: Place,
        is_file_shaped: bool,
        value_field: str,
        limits: DecodeLimits = DEFAULT_LIMITS,
    ) -> None:
        self._charset = charset
        self._location = location
        self._is_file_shaped = is_file_shaped
        self._value_field = value_field
        self._limits = limits
        self._arrays = self._names_of_arrays()

    def items(
        self, blocks: Iterable[bytes], holds: Callable[[int], None]
    ) -> Generator[msgspec.Raw | None]:
        """Yield the records' texts; see :class:`worker.decode.reader.Reader`."""
        source = _with_more(utf8_blocks(blocks, self._charset))
        text: bytes | bytearray = b""
        is_undecided = True
        is_after_large = False
        for block, has_more in source:
            if not block:
                yield None
                continue
            if not text:
                _check_begin(block)
            text = _longer(text, block)
            holds(len(text))
            if has_more:
                yield None
            if is_undecided and len(text) > ONE_CALL_BYTES and b"\n" in block:
                is_undecided = False
                if begins_lines(text, has_more=has_more):
                    begun, text = [bytes(text)], b""
                    yield from self._of_lines(_continued(begun, source), holds)
                    return
            if len(text) > self._limits.document_bytes:
                large, text = [text], b""
                text = yield from self._of_large(
                    large, source, holds, is_whole=not has_more
                )
                is_after_large = True
        if not is_after_large or text.strip():
            yield from self._of_gathered(text)

    def _of_large(
        self,
        begun: list[bytes | bytearray],
        source: Iterator[tuple[bytes, bool]],
        holds: Callable[[int], None],
        *,
        is_whole: bool,
    ) -> Generator[msgspec.Raw | None, None, bytes | bytearray]:
        """Yield the records of a large document; return what follows it."""
        begin = memoryview(begun[0])[:_LOOK_BYTES].tobytes()
        try:
            array = LargeArray(
                begun.pop(), source, self._arrays, self._limits, is_whole=is_whole
            )
            for element in array.elements():
                holds(len(array.rest))
                if element is None:
                    yield None
                else:
                    yield from self._of_element(array.name, element)
        except RecursionError as error:
            raise too_deep() from error
        except BadObjectError as error:
            if error.code == "not_json":
                check_utf8(begin)
            raise
        return array.rest

    def _of_element(self, array: str, element: msgspec.Raw) -> Iterable[msgspec.Raw]:
        if array == DOCUMENT:
            if self._location:
                return self._located_in_object(element)
            return records_in(element)
        if array in self._location[:1]:
            return (_MISSING if memoryview(element) == _NULL else element,)
        if self._location:
            return _spread(text_at(element, self._location))
        return (element,)

    def _names_of_arrays(self) -> frozenset[str]:
        """Where records may be that are taken out of a document one by one."""
        names = {str(step) for step in self._location if len(self._location) == 1}
        if self._location or not self._is_file_shaped:
            names.add(DOCUMENT)
        if not self._is_file_shaped:
            names.add(RECORDS)
        return frozenset(names)

    def _of_gathered(self, text: bytes | bytearray) -> Iterator[msgspec.Raw]:
        if text.isspace():
            return  # no value, and so no records
        try:
            yield from self._of_whole(text)
        except RecursionError as error:
            raise too_deep() from error
        except BadObjectError as error:
            if error.code == "not_json":
                check_utf8(text)  # UTF-16, say, which is worth saying
            raise

    def _of_lines(
        self, blocks: Iterable[bytes], holds: Callable[[int], None]
    ) -> Iterator[msgspec.Raw | None]:
        try:
            for document in streamed(blocks, holds, self._limits):
                if document is None:
                    yield None
                else:
                    yield from self._of_document(document)
        except RecursionError as error:
            raise too_deep() from error

    def _of_whole(self, text: Buffer) -> Iterable[msgspec.Raw]:
        if not self._location and not self._is_file_shaped:
            return raw_records(text)
        return itertools.chain.from_iterable(
            map(self._of_document, documents(memoryview(text)))
        )

    def _of_document(self, document: msgspec.Raw) -> Iterable[msgspec.Raw]:
        if self._location:
            return self._located(document)
        if not self._is_file_shaped:
            return records_of(document)
        view = memoryview(document)
        match byte_at(view, 0):
            case b"{":
                return (document,)
            case b"[":
                self._limits.check_text(len(view))
                return (msgspec.Raw(b'{"Records":%b}' % bytes(view)),)
            case _:
                raise no_records(view)

    def _located(self, document: msgspec.Raw) -> Iterator[msgspec.Raw]:
        view = memoryview(document)
        match byte_at(view, 0):
            case b"{":
                yield from self._located_in_object(document)
            case b"[":
                for element in elements(view, 0):
                    yield from self._located_in_object(element)
            case _:
                raise no_records(view)

    def _located_in_object(self, document: msgspec.Raw) -> Iterator[msgspec.Raw]:
        first, *others = self._location
        begun = text_at(document, (first,))
        if begun is not None:
            yield from _spread(text_at(begun, others))
            return
        records = None if self._is_file_shaped else text_at(document, (RECORDS,))
        if records is None or byte_at(memoryview(records), 0) != b"[":
            yield _MISSING
            return
        for record in elements(memoryview(records), 0):
            yield from _spread(text_at(record, self._location))

    def record(self, item: msgspec.Raw) -> dict[str, Any] | None:
        """Parse a record."""
        if not self._location:
            return parse_record(item, self._limits)
        if item is _MISSING:
            return None
        value = parse_value(item, self._limits)
        return value if isinstance(value, dict) else {self._value_field: value}

    def text(self, item: msgspec.Raw) -> bytes | None:
        """Return a record's own text."""
        if item is _MISSING:
            return None
        self._limits.check_text(len(memoryview(item)))
        text = checked_utf8(bytes(item))
        if not self._location and not text.startswith(b"{"):
            raise not_object(text)
        return text


def _check_begin(block: bytes) -> None:
    """Refuse what begins as a log of another kind does, before all of it is read."""
    if block[:1] in JSON_BEGINS:
        return
    refusal = other_log(block)
    if refusal is not None:
        raise refusal


def _spread(found: msgspec.Raw | None) -> Iterator[msgspec.Raw]:
    """An array's elements, or the value itself; null is nothing."""
    if found is None:
        yield _MISSING
        return
    view = memoryview(found)
    for value in elements(view, 0) if byte_at(view, 0) == b"[" else (found,):
        yield _MISSING if memoryview(value) == _NULL else value


def _longer(text: bytes | bytearray, block: bytes) -> bytes | bytearray:
    """A text with one more block.

    It grows in its place: of a list of blocks, joined in the end, there would be two
    copies for a moment.
    """
    if not text:
        return block
    if isinstance(text, bytes):
        text = bytearray(text)
    text += block
    return text


def _continued(
    begun: list[bytes], source: Iterator[tuple[bytes, bool]]
) -> Iterator[bytes]:
    """The begin of a text, which is then let go of, and the rest."""
    yield begun.pop()
    for block, _ in source:
        yield block


def _with_more(blocks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each block, and whether another one follows; empty ones just so."""
    block = b""
    for following in blocks:
        if following and block:
            yield block, True
        elif not following:
            yield b"", True
        block = following or block
    if block:
        yield block, False
