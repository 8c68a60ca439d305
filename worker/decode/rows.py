"""Rows of cells under the names of columns: CSV and white-space separated. No I/O.

A row becomes a record of texts. Cells that it lacks are null, those that it has too
many are a list in :data:`REST_FIELD`.
"""

from __future__ import annotations

import csv
import itertools
import re
import sys
from collections import deque
from typing import TYPE_CHECKING, Any

from worker.decode.cells import CellReader, regular_cells
from worker.decode.limits import DEFAULT_LIMITS, SMALL_BYTES
from worker.decode.text import characters, lines
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from worker.decode.limits import DecodeLimits

REST_FIELD = "_rest"
"""Field for the cells beyond the last column."""

MAX_COLUMNS = 1 << 16
_SMALL_CHARACTERS = SMALL_BYTES // 8
"""Longer rows are looked at before they are taken apart."""

_PLAIN_CELL = re.compile(r"[^ \t]++")
_WSV = CellReader(" \t", is_run=True, has_moments=True)


class RowReader:
    """One record a row; rows without any cell are passed over.

    Args:
        charset: Of the text.
        columns: Their names; empty: the first row has them.
        rows: Takes lines apart into rows of cells.
        limits: How long a line may be.
    """

    def __init__(
        self,
        charset: str,
        columns: Sequence[str],
        rows: Callable[[Iterator[str | None]], Iterator[list[str] | None]],
        limits: DecodeLimits = DEFAULT_LIMITS,
    ) -> None:
        self._charset = charset
        self._columns = list(columns)
        self._rows = rows
        self._limits = limits

    def items(
        self, blocks: Iterable[bytes], holds: Callable[[int], None]
    ) -> Generator[dict[str, Any] | None]:
        """Yield the rows' records; see :class:`worker.decode.reader.Reader`."""
        columns = self._columns
        rest_field = _rest_field(columns)
        texts = characters(blocks, self._charset)
        for row in self._rows(lines(texts, holds, self._limits)):
            if not row:
                if row is None:
                    yield None
            elif not columns:
                columns = _names(row)
                rest_field = _rest_field(columns)
            elif len(row) == len(columns):
                yield dict(zip(columns, row, strict=True))
            else:
                yield _uneven(columns, row, rest_field)

    def record(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return the record itself."""
        return item

    def text(self, item: dict[str, Any]) -> bytes:
        """Never called: a row has no JSON text, so the configuration is refused."""
        raise NotImplementedError


def csv_rows(
    delimiter: str, limits: DecodeLimits = DEFAULT_LIMITS
) -> Callable[[Iterator[str | None]], Iterator[list[str] | None]]:
    r"""Return what takes lines apart as RFC 4180 has it, or nearly so.

    Cells may be in quotes, and then hold delimiters, line ends and doubled quotes. What
    stands between a closing quote and the delimiter is part of the cell.

    With a blank for a delimiter the lines are an access log's: no row goes on in the
    next line, and a quote ends a cell as :mod:`worker.decode.cells` says.
    """
    if delimiter == " ":
        reader = CellReader(delimiter, is_run=False, has_moments=False)

        def cells(line: str) -> list[str]:
            found = regular_cells(line)
            return reader.cells(line) if found is None else found

        return lambda source: _rows_of_lines(source, delimiter, cells, limits)
    csv.field_size_limit(sys.maxsize)  # lines and rows are bounded

    def rows(source: Iterator[str | None]) -> Iterator[list[str] | None]:
        feed = _CsvFeed(source, delimiter, limits)
        reader = csv.reader(feed.lines(), delimiter=delimiter)
        while True:
            try:
                row = next(reader, None)
            except _PauseError:
                yield None
                reader = csv.reader(feed.lines(), delimiter=delimiter)
                continue
            except csv.Error as error:
                # Its only fault here, and Python's words are about opening files.
                raise BadObjectError(
                    "not_csv",
                    f"row {feed.row} is not CSV: a carriage return is neither in "
                    "quotes nor before a line feed",
                ) from error
            if row is None:
                return
            feed.next_row()
            yield row

    return rows


class _PauseError(Exception):
    """The next line is not here yet."""


class _CsvFeed:
    """Lines for the CSV parser, as long as their row is of a bearable size.

    The parser cannot wait in the middle of a row: it then gets the row's lines again,
    once there are twice as many characters of them.
    """

    def __init__(
        self, source: Iterator[str | None], delimiter: str, limits: DecodeLimits
    ) -> None:
        self._limits = limits
        self._source = source
        self._delimiter = delimiter
        self._given: list[str] = []  # of this row
        self._ahead: deque[str] = deque()
        self._ahead_characters = 0  # counted up as it grows, which is for each block
        self._wanted_characters = 0
        self.row = -1
        self.next_row()

    def next_row(self) -> None:
        """Count the next line as the begin of a row."""
        self.row += 1
        self._begin_row()

    def _begin_row(self) -> None:
        self._given.clear()
        self._characters = 0
        self._delimiters = 0
        self._counted = 0

    def lines(self) -> Iterator[str]:
        """Yield the lines that were not given yet, or not to the end of their row.

        Raises:
            _PauseError: The next one is not here yet; ask for new ones then.
        """
        self._gather()
        for line in itertools.chain(_taken(self._ahead), self._source):
            if line is None:
                self._pause()
                raise _PauseError
            self._given.append(line)
            self._characters += len(line) + 1
            if self._characters > _SMALL_CHARACTERS:
                self._check()
            yield f"{line}\n"
        if self._characters:  # asked for another line, so the row goes on
            raise _unclosed(self.row)

    def _pause(self) -> None:
        self._ahead.extend(self._given)  # nothing else is left in there
        self._ahead_characters = self._characters
        self._wanted_characters = 2 * self._characters
        self._begin_row()

    def _gather(self) -> None:
        """Wait for more of a row that was begun."""
        if self._ahead_characters >= self._wanted_characters:
            return
        for line in self._source:
            if line is None:
                raise _PauseError
            self._ahead.append(line)
            self._ahead_characters += len(line) + 1
            if self._ahead_characters >= self._wanted_characters:
                return

    def _check(self) -> None:
        """Count the delimiters of the lines that were not looked at yet."""
        self._delimiters += sum(
            line.count(self._delimiter) for line in self._given[self._counted :]
        )
        self._counted = len(self._given)
        self._limits.check_row(
            self._characters, self._delimiters + self._counted, self.row
        )


def _taken(lines: deque[str]) -> Iterator[str]:
    while lines:
        yield lines.popleft()


def wsv_rows(
    source: Iterator[str | None], limits: DecodeLimits = DEFAULT_LIMITS
) -> Iterator[list[str] | None]:
    """Take lines apart at blanks and tabs; see :mod:`worker.decode.cells`."""
    return _rows_of_lines(source, " \t", _wsv_cells, limits)


def _wsv_cells(text: str) -> list[str]:
    if '"' in text or "[" in text:
        return _WSV.cells(text)
    return _PLAIN_CELL.findall(text)  # in half the time


def _rows_of_lines(
    source: Iterator[str | None],
    blanks: str,
    cells: Callable[[str], list[str]],
    limits: DecodeLimits,
) -> Iterator[list[str] | None]:
    number = -1
    for line in source:
        if line is None:
            yield None
            continue
        number += 1
        text = line.removesuffix("\r")
        if len(text) > _SMALL_CHARACTERS:
            limits.check_row(len(text), sum(map(text.count, blanks)), number)
        yield cells(text)


def _names(row: list[str]) -> list[str]:
    """Columns' names: none empty, no two alike."""
    if len(row) > MAX_COLUMNS:
        raise BadObjectError(
            "too_many_values", f"the first row names more than {MAX_COLUMNS:,} columns"
        )
    taken: dict[str, int] = {}  # each with the number for the next one like it
    for number, cell in enumerate(row, 1):
        name = base = cell or f"column_{number}"
        while name in taken:
            taken[base] += 1
            name = f"{base}_{taken[base]}"
        taken[name] = 1
    return list(taken)


def _rest_field(columns: Sequence[str]) -> str:
    name = REST_FIELD
    while name in columns:
        name = f"_{name}"
    return name


def _uneven(columns: list[str], row: list[str], rest_field: str) -> dict[str, Any]:
    record: dict[str, Any] = dict.fromkeys(columns)
    record.update(zip(columns, row, strict=False))
    if len(row) > len(columns):
        record[rest_field] = row[len(columns) :]
    return record


def _unclosed(row_number: int) -> BadObjectError:
    return BadObjectError(
        "unclosed_quote", f"a quote that begins in row {row_number} is not closed"
    )
