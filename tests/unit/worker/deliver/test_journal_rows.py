"""Many rows in one statement are as good as a statement each."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.unit.worker.deliver.journal_steps import message, take_over
from worker.deliver.journal import Batch, Finished, Journal, Mine, ObjectKey
from worker.deliver.journal_rows import MOST_ROWS, execute_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    Open = Callable[..., Journal]

COUNTS = [0, 1, 2, 3, MOST_ROWS, MOST_ROWS + 1, 2 * MOST_ROWS + 37]


@pytest.mark.parametrize("count", COUNTS)
def test_each_row_is_written_and_given_back(count: int) -> None:
    rows = [(n, f"text {n}") for n in range(count)]
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)")
        assert execute_rows(database, "REPLACE INTO t VALUES {rows}", rows) == []
        found = database.execute("SELECT id, text FROM t ORDER BY id").fetchall()
        assert found == rows
        asked = [(n,) for n, _ in rows]
        statement = "SELECT id FROM t WHERE text != ? AND id IN (VALUES {rows})"
        given = execute_rows(database, statement, asked, "text 1")
        assert sorted(given) == [one for one in asked if one != (1,)]


@pytest.mark.parametrize("count", COUNTS)
def test_a_batch_may_be_large(open_journal: Open, count: int) -> None:
    journal = open_journal()
    keys = [ObjectKey("bucket", f"key {n}", "e:tag") for n in range(count)]
    batch = Batch()
    for n, key in enumerate(keys):
        batch.begin(key, "claimant")
        batch.hold(message(f"message {n}", f"handle {n}"))
    assert journal.commit(batch, 1e9) == dict.fromkeys(keys, Mine(0))

    batch = Batch()
    for n, key in enumerate(keys):
        if n % 2:
            batch.finish(key, n)
            batch.let_go(f"message {n}")
        else:
            batch.advance(key, n)
    assert journal.commit(batch, 1e9) == {}

    batch = Batch()
    for key in keys:
        batch.begin(key, "claimant")
    expected = {key: Finished() if n % 2 else Mine(n) for n, key in enumerate(keys)}
    assert journal.commit(batch, 1e9) == expected
    assert take_over(open_journal("run2:0:other"), 1e9) == sorted(
        (f"message {n}", f"handle {n}") for n in range(0, count, 2)
    )
