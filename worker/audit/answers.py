"""Answers written out: as a table, as JSON lines, as CSV, or counted."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Final, TextIO

from rich.table import Table
from rich.text import Text

from worker.printable import printable
from worker.transform.audit import FIELDS, SUCCESS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Mapping, Sequence

    from worker.transform.audit import View

COUNTABLE: Final = tuple(
    field
    for field in FIELDS
    if field not in {"when", "request_id", "event_id", "message_id"}
)
"""Fields that many events share."""

ABSENT: Final = "-"

SHOWN: Final = ("when", "who", "what", "to_what", "where", "from_where", "outcome")
"""Fields of the view that a table shows."""

_COLUMNS: Final = (
    "when (UTC)",
    "who",
    "did what",
    "on what",
    "where",
    "from where",
    "outcome",
)
_WIDTHS: Final = (19, 28, 30, 28, 12, 18)
"""Of the columns but the last, where rows are written as they come."""


def cells_of(seen: Mapping[str, object]) -> tuple[str, ...]:
    """What the table shows of an event, printable whatever the event holds.

    Args:
        seen: Its view, or the fields of it in :data:`SHOWN`.
    """
    when, *others = (_text(seen[name]) for name in SHOWN)
    when = when.removesuffix("Z").replace("T", " ")
    return tuple(map(printable, (when, *others)))


def _text(value: object) -> str:
    return value if isinstance(value, str) and value else ABSENT


def table_of(views: Iterable[Mapping[str, object]]) -> Table:
    """One row an event, in the given order; what failed is red."""
    table = Table(*_COLUMNS, header_style="bold", box=None, pad_edge=False)
    for seen in views:
        style = "" if seen["outcome"] == SUCCESS else "red"
        table.add_row(*map(Text, cells_of(seen)), style=style)
    return table


def heading() -> str:
    """Over rows that are written as they come."""
    return _row(_COLUMNS)


def row_of(seen: Mapping[str, object]) -> str:
    """One event as one line of text."""
    return _row(cells_of(seen))


def _row(cells: Sequence[str]) -> str:
    *columns, last = cells
    padded = (
        cell if len(cell) > width else cell.ljust(width)
        for cell, width in zip(columns, _WIDTHS, strict=True)
    )
    return "  ".join((*padded, last))


def json_line(seen: View) -> str:
    """The whole view as one line."""
    return json.dumps(seen, separators=(",", ":"))


def write_csv(
    views: Iterable[Mapping[str, object]],
    file: TextIO,
    fields: Sequence[str] = FIELDS,
) -> None:
    """The fields of the view, under a line with their names."""
    writer = csv.DictWriter(file, fields, lineterminator="\n")
    writer.writeheader()
    for seen in views:
        writer.writerow({name: _plain(value) for name, value in seen.items()})


def write_counts(
    counts: Counter[tuple[str, ...]], fields: Sequence[str], limit: int, file: TextIO
) -> None:
    """Write counts with a line that names the fields, the most frequent first."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("count", *fields))
    for key, count in most_common(counts, limit):
        writer.writerow((count, *map(_plain, key)))


def _plain(value: object) -> str:
    """As a cell on one line, whose controls are escaped.

    A text that a spreadsheet would take for a formula is marked as text.

    Source: OWASP, "CSV Injection".
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else ""
    is_formula = text.startswith(("=", "+", "-", "@", "\t", "\r"))
    return printable(f"'{text}" if is_formula else text)


def counts_of(
    counts: Counter[tuple[str, ...]], fields: Sequence[str], limit: int
) -> Table:
    """The most frequent first."""
    table = Table("count", *fields, header_style="bold", box=None, pad_edge=False)
    table.columns[0].justify = "right"
    for key, count in most_common(counts, limit):
        table.add_row(str(count), *(Text(printable(value)) for value in key))
    return table


def most_common(
    counts: Counter[tuple[str, ...]], limit: int
) -> list[tuple[tuple[str, ...], int]]:
    """The most frequent first, and equally frequent ones by name; limit 0: all."""
    most_first = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return most_first[: limit or None]
