"""Statements of many rows for the journal.

Each step that SQLite takes lets the worker's other threads run, and waits for them
afterwards: a row in a statement of its own costs that much more than one of many.
"""

from __future__ import annotations

from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

MOST_ROWS: Final = 128
"""In one statement: SQLite before 3.32 takes 999 parameters, and a row has up to 5."""


def execute_rows(
    database: sqlite3.Connection,
    statement: str,
    rows: Sequence[Sequence[object]],
    *first: object,
) -> list[tuple[Any, ...]]:
    """Run a statement over rows of parameters; return what it gives.

    Args:
        database: Where.
        statement: With ``{rows}`` where the rows stand, each in brackets.
        rows: Of one length. It may see one of them more than once.
        first: Parameters that come before them.
    """
    found: list[tuple[Any, ...]] = []
    for begin in range(0, len(rows), MOST_ROWS):
        block = list(rows[begin : begin + MOST_ROWS])
        count = 1 << (len(block) - 1).bit_length()  # few texts: SQLite's are kept
        block += block[-1:] * (count - len(block))
        text = _text(statement, len(block[0]), count)
        parameters = (*first, *chain.from_iterable(block))
        # Read to the end: an open read would hold up the write-ahead log.
        found += database.execute(text, parameters).fetchall()
    return found


@cache
def _text(statement: str, columns: int, count: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return statement.format(rows=", ".join([row] * count))
