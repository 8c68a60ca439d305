"""How long finished objects are remembered, and that the file shrinks with them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from tests.unit.worker.deliver.journal_steps import advance, begin, finish
from worker.deliver.journal import Batch, Finished, Journal, Mine, ObjectKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Open = Callable[..., Journal]


def test_what_is_older_than_the_window_is_forgotten_even_before_it_is_removed(
    open_journal: Open,
) -> None:
    journal = open_journal(window_s=60)
    begin(journal)
    finish(journal, now_s=100.0)
    assert begin(journal, now_s=159.0) == Finished()
    assert begin(journal, now_s=160.0) == Mine(0)


def test_without_a_window_nothing_unclaimed_is_remembered(open_journal: Open) -> None:
    journal = open_journal(window_s=0)
    begin(journal)
    advance(journal, 3)
    assert begin(journal) == Mine(3)
    finish(journal)
    assert begin(journal) == Mine(0)


def test_expire_removes_the_oldest_first_and_no_more_than_it_may(
    open_journal: Open,
) -> None:
    journal = open_journal(window_s=60)
    for second in range(5):
        batch = Batch()
        batch.finish(ObjectKey("b", str(second), "e:1"), 1)
        journal.commit(batch, float(second))
    assert journal.expire(62.0, limit_rows=2) == 2
    assert begin(journal, key=ObjectKey("b", "2", "e:1"), now_s=61.0) == Finished()
    assert journal.expire(62.0) == 1
    assert journal.expire(62.0) == 0
    assert begin(journal, key=ObjectKey("b", "3", "e:1"), now_s=62.0) == Finished()


def test_expire_leaves_what_is_claimed(open_journal: Open) -> None:
    journal = open_journal(window_s=60)
    begin(journal)
    advance(journal, 3)
    assert journal.expire(1_000.0) == 0
    assert begin(journal, now_s=1_000.0) == Mine(3)


def test_the_file_keeps_its_size_while_objects_come_and_go(
    open_journal: Open, tmp_path: Path
) -> None:
    journal = open_journal(window_s=60)

    def fill(start_s: int, seconds: int) -> int:
        for second in range(start_s, start_s + seconds):
            batch = Batch()
            for number in range(50):
                batch.finish(ObjectKey("b", f"{second}/{number}", "e:1"), 1)
            journal.commit(batch, float(second))
            journal.expire(float(second))
        with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as database:
            ((pages,),) = database.execute("PRAGMA page_count")
            return int(pages)

    first = fill(0, 120)
    assert fill(120, 360) < first * 1.3


def test_a_file_that_was_large_shrinks(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal(window_s=60)
    batch = Batch()
    for number in range(20_000):
        batch.finish(ObjectKey("b", str(number), "e:1"), 1)
    journal.commit(batch, 0.0)
    with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as database:
        ((before,),) = database.execute("PRAGMA page_count")
        while journal.expire(60.0):
            pass
        ((after,),) = database.execute("PRAGMA page_count")
    assert after < before / 3
