"""The elements of an array that is too large to be held whole, as it comes. No I/O.

The array is all of a JSON document, or a member of the object that is the document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.decode.elements import (
    Separator,
    after_space,
    byte_at,
    elements_here,
    end_of_value,
    not_json,
)
from worker.decode.members import first_member, name_at, next_member
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator

    import msgspec

    from worker.decode.limits import DecodeLimits

DOCUMENT = ""
"""Stands for the name of an array that is the document itself."""


class LargeArray:
    """Takes one document apart that has outgrown what may be held of it.

    Args:
        text: Its begin, as much as may be held; never changed.
        source: The blocks that follow, and whether there is another one; empty blocks
            say that the next one is not here yet.
        names: Members of the document of which one may hold the array, and
            :data:`DOCUMENT` where it may be that itself.
        limits: How large an element, or what stands around the array, may be.
        is_whole: The text goes to the end of the object.

    Attributes:
        name: Of the array; :data:`DOCUMENT`.
        rest: What is held of the text; at the end, what follows the document.
        is_whole: Nothing follows that.

    Raises:
        BadObjectError: There is no such array in the begin.
    """

    def __init__(
        self,
        text: bytes | bytearray,
        source: Iterator[tuple[bytes, bool]],
        names: Collection[str],
        limits: DecodeLimits,
        *,
        is_whole: bool,
    ) -> None:
        self.rest = text
        self._source = source
        self._names = names
        self._limits = limits
        self.is_whole = is_whole
        self._passed_bytes = 0
        self.name, self._at = self._begin()

    def elements(self) -> Generator[msgspec.Raw | None]:
        """Yield the elements, or None where the next one is not here yet.

        Raises:
            BadObjectError: The text is not JSON, as far as brackets tell, or an element
                is too large.
            RecursionError: An element is nested too deeply.
        """
        try:
            yield from self._elements()
            if self.name:
                yield from self._members_behind()
            self._drop(self._at)
        except BadObjectError as error:
            if error.code != "not_json":
                raise
            raise BadObjectError(
                error.code,
                f"{error} of what begins at byte {self._passed_bytes} of its document",
            ) from error

    def _begin(self) -> tuple[str, int]:
        """Find the array: its name, and where it begins in the text."""
        view = memoryview(self.rest)
        at = after_space(view, 0)
        if byte_at(view, at) == b"[" and DOCUMENT in self._names:
            return DOCUMENT, at + 1
        if byte_at(view, at) == b"[":
            raise self._limits.document_too_large()
        if byte_at(view, at) != b"{":
            raise not_json("no object and no array", at)
        try:
            member_at = first_member(view, at + 1)
            while member_at is not None:
                name, at = name_at(view, member_at)
                if name in self._names and byte_at(view, at) == b"[":
                    return name, at + 1
                member_at = next_member(view, end_of_value(view, at))
        except BadObjectError as error:
            if error.code != "not_json":
                raise
        raise self._limits.document_too_large()

    def _elements(self) -> Generator[msgspec.Raw | None]:
        separator = Separator()
        is_first = True
        wanted_bytes = 0
        while True:
            if self.is_whole or len(self.rest) >= wanted_bytes:
                view = memoryview(self.rest)
                begin = after_space(view, self._at)
                mark = byte_at(view, begin)
                if is_first and mark == b"]":
                    self._at = begin + 1
                    return
                if mark or self.is_whole:
                    is_first = False
                    end, is_end = yield from elements_here(
                        view, begin, separator, is_whole=self.is_whole
                    )
                    if is_end:
                        self._at = end
                        return
                    self._drop(end)
                    # Twice as much of a long one, before it is looked at again.
                    wanted_bytes = min(2 * len(self.rest), self._limits.document_bytes)
            self._check_element()
            yield from self._more()

    def _check_element(self) -> None:
        if len(self.rest) <= self._limits.document_bytes:
            return
        if byte_at(memoryview(self.rest), 0) not in (b"{", b"[", b'"'):
            raise not_json("no value", 0)
        raise self._limits.record_too_large(
            f"a record of more than {len(self.rest):,} bytes of JSON"
        )

    def _members_behind(self) -> Generator[None]:
        """Pass over what stands behind the array, to the end of the document."""
        self._drop(self._at)
        while True:
            try:
                self._at = self._end_of_document()
            except BadObjectError as error:
                if self.is_whole or error.code != "not_json":
                    raise
            else:
                return
            if len(self.rest) > self._limits.document_bytes:
                raise self._limits.document_too_large()
            wanted_bytes = 2 * len(self.rest) + 1
            while len(self.rest) < wanted_bytes and (yield from self._more()):
                pass

    def _end_of_document(self) -> int:
        view = memoryview(self.rest)
        at = next_member(view, 0)
        end = 0
        while at is not None:
            name, at = name_at(view, at)
            if name in self._names:
                raise BadObjectError(
                    "no_records", f"the object has more than one array: {name} follows"
                )
            end = end_of_value(view, at)
            at = next_member(view, end)
        return after_space(view, end) + 1

    def _drop(self, end: int) -> None:
        self._passed_bytes += end
        self.rest = self.rest[end:]
        self._at = 0

    def _more(self) -> Generator[None, None, bool]:
        """Take the next block; return whether there was one."""
        while not self.is_whole:
            block, has_more = next(self._source, (b"", False))
            self.is_whole = not has_more
            yield None
            if block:
                self.rest = self.rest + block  # records may be views of it
                return True
        return False
