"""What one object may take of memory while it is decoded. No I/O.

A worker keeps a part of ``pool.inflight_bytes`` free for the object that it decodes.
What would not fit into that is refused before it is made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from worker.errors import BadObjectError

MIB: Final = 1 << 20

SMALL_BYTES: Final = MIB
"""Texts up to here are parsed without a look at what is in them: the worst of them, of
nothing but lists in each other, takes 48 times as much."""

_MIN_RECORD_BYTES: Final = 48 * SMALL_BYTES
_MIN_DOCUMENT_BYTES: Final = 16 * MIB
_MIN_WINDOW_BYTES: Final = 10 * MIB
"""Enough for xz and zstd as they compress by default."""

MAX_STREAMS: Final = 2
"""Large objects decoded by turns, so that one is at work while the other reads."""

# What values take at most (CPython 3.11 to 3.14, 64 bits; measured).
_OBJECT_BYTES: Final = 190
_ARRAY_BYTES: Final = 100
_MEMBER_BYTES: Final = 96

_COPIES: Final = 5
"""Of a text in ASCII: itself, its value, the encoder's buffer, which doubles, and what
comes out of that."""

_WIDE_COPIES: Final = 10
"""Of a byte of any other text: one character above U+FFFF makes all of a value's
characters take four bytes each."""

_MAX_WINDOWS: Final = 2
_NO_WINDOW_BYTES: Final = 1024  # zstd takes 0 for no limit

_LINE_COPIES: Final = 4
_WIDE_LINE_COPIES: Final = 16

_MARK: Final = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|(?P<mark>[{\[,])', re.DOTALL)
_MARK_BYTES: Final = {b"{": _OBJECT_BYTES, b"[": _ARRAY_BYTES, b",": _MEMBER_BYTES}


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Shares of ``pool.inflight_bytes``.

    Attributes:
        document_bytes: Text of one JSON document that is gathered.
        record_bytes: One record: its text or row, parsed, and encoded.
        window_bytes: What decompressors keep of what came out, of all layers together.
    """

    document_bytes: int
    record_bytes: int
    window_bytes: int

    @classmethod
    def of(cls, inflight_bytes: int) -> DecodeLimits:
        """Share out ``pool.inflight_bytes``; below 128 MiB the least that works."""
        return cls(
            document_bytes=max(inflight_bytes // 8, _MIN_DOCUMENT_BYTES),
            record_bytes=max(inflight_bytes // 4, _MIN_RECORD_BYTES),
            window_bytes=max(inflight_bytes // 8, _MIN_WINDOW_BYTES),
        )

    def window_of(self, number: int) -> int:
        """What the window of a compression may take.

        Args:
            number: Of those that have a large one, in an object; the outermost is 1.
        """
        second_bytes = _MIN_WINDOW_BYTES
        if self.window_bytes < 2 * second_bytes:
            second_bytes = _NO_WINDOW_BYTES
        if number == 1:
            return self.window_bytes - second_bytes
        return second_bytes if number == _MAX_WINDOWS else _NO_WINDOW_BYTES

    @property
    def total_bytes(self) -> int:
        """What is kept free for decoding.

        One record is made at a time, and one document grows beyond the budget; each of
        the objects that have begun may have a window.
        """
        windows_bytes = (MAX_STREAMS + 1) * self.window_bytes
        return self.document_bytes + self.record_bytes + windows_bytes

    def check_json(self, text: memoryview) -> None:
        """Make sure that a record fits, before it is parsed.

        Raises:
            BadObjectError: It may take more than its share.
        """
        if len(text) <= SMALL_BYTES:
            return
        self.check_text(len(text))
        copy = bytes(text)
        is_plain = copy.isascii() and b"\\u" not in copy
        copies = _COPIES if is_plain else _WIDE_COPIES
        self.check_text(len(copy), copies)
        room_bytes = self.record_bytes - len(copy) * copies
        at_most = sum(copy.count(mark) * size for mark, size in _MARK_BYTES.items())
        if at_most > room_bytes:  # as far as marks are not in texts
            for mark in _MARK.finditer(copy):
                room_bytes -= _MARK_BYTES.get(mark[0], 0)
                if room_bytes < 0:
                    raise self.too_many_values()

    def check_text(self, size_bytes: int, copies: int = _COPIES) -> None:
        """Make sure that a record's text fits, without a look at it.

        Raises:
            BadObjectError: It may take more than its share.
        """
        if size_bytes > SMALL_BYTES and size_bytes * copies > self.record_bytes:
            raise self.record_too_large(f"a record of {size_bytes:,} bytes of JSON")

    def check_line(self, characters: int, *, is_ascii: bool) -> None:
        """Make sure that a line or row fits, before its pieces are joined.

        Raises:
            BadObjectError: It may take more than its share.
        """
        copies = _LINE_COPIES if is_ascii else _WIDE_LINE_COPIES
        if characters > SMALL_BYTES and characters * copies > self.record_bytes:
            raise self._refusal(
                "line_too_long", f"a line of more than {characters:,} characters"
            )

    def check_row(self, characters: int, cells: int, row: int) -> None:
        """Make sure that a row of many lines or cells fits.

        Args:
            characters: Of it, so far.
            cells: Or what may be some.
            row: Its number.

        Raises:
            BadObjectError: It may take more than its share.
        """
        cells_bytes = _MEMBER_BYTES * cells
        if cells_bytes > self.record_bytes // 2:
            raise self._refusal(
                "too_many_values", f"row {row} of {cells:,} cells and lines"
            )
        # As wide as can be in the parser.
        if cells_bytes + _WIDE_LINE_COPIES * characters > self.record_bytes:
            raise self._refusal(
                "line_too_long",
                f"row {row} of {characters:,} characters, where a quote is perhaps not "
                "closed,",
            )

    def too_many_values(self) -> BadObjectError:
        """The error for a record of very many values."""
        return self._refusal("too_many_values", "a record of so many values")

    def record_too_large(self, what: str) -> BadObjectError:
        """The error for a record whose text is long."""
        return self._refusal("record_too_large", what)

    def document_too_large(self) -> BadObjectError:
        """The error for a document that has to be held whole."""
        return BadObjectError(
            "document_too_large",
            f"a JSON document of more than {self.document_bytes:,} bytes, an eighth of "
            "pool.inflight_bytes, is not held whole: raise that key, or name its array "
            "in decode.record_location",
        )

    def window_too_large(self, name: str, number: int) -> BadObjectError:
        """The error for a compression that looks back very far."""
        return BadObjectError(
            "window_too_large",
            f"the {name} data needs more than {self.window_of(number):,} bytes to be "
            "decompressed, a share of pool.inflight_bytes: raise that key",
        )

    def _refusal(self, code: str, what: str) -> BadObjectError:
        return BadObjectError(
            code,
            f"{what} may take more than {self.record_bytes:,} bytes of memory, a "
            "quarter of pool.inflight_bytes: raise that key",
        )


DEFAULT_LIMITS: Final = DecodeLimits.of(268_435_456)
