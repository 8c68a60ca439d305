"""The journal's file under several processes, SIGKILL and a full disk."""

from __future__ import annotations

import resource
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.worker.deliver.journal_children import (
    KEY,
    TIMEOUT_S,
    Child,
    object_key,
    open_journal,
)
from tests.unit.worker.deliver.journal_steps import message, take_over
from worker.deliver import journal as journal_module
from worker.deliver.journal import Batch, Finished, Mine, ObjectKey
from worker.deliver.journal_schema import MAX_LOG_BYTES
from worker.errors import JournalError
from worker.source.messages import Message

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

pytestmark = pytest.mark.functional

WORKERS = 6


# Several processes ----------------------------------------------------------------


def claim_all(to_parent: Connection, path: Path, owner: str) -> None:
    to_parent.recv()
    journal = open_journal(path, owner)
    claimed = []
    for start in range(0, 400, 10):
        batch = Batch()
        keys = [object_key(number) for number in range(start, start + 10)]
        for key in keys:
            batch.begin(key, "m")
        standings = journal.commit(batch, 0.0)
        mine = [key for key in keys if isinstance(standings[key], Mine)]
        claimed += mine
        batch = Batch()
        for key in mine[::2]:
            batch.finish(key, 5)
        journal.commit(batch, 0.0)
    journal.close()
    to_parent.send(claimed)


def test_workers_that_start_at_once_share_a_new_file_and_each_claim_is_one_of_them(
    path: Path,
) -> None:
    children = [Child(claim_all, path, f"run1:{n}:a") for n in range(WORKERS)]
    for child in children:
        child.tell()
    claimed = [key for child in children for key in child.hear()]
    for child in children:
        child.close()
    assert sorted(key.key for key in claimed) == sorted(
        object_key(number).key for number in range(400)
    )


def inherit(to_parent: Connection, path: Path, owner: str) -> None:
    to_parent.recv()
    journal = open_journal(path, owner)
    inherited = take_over(journal)
    journal.close()
    to_parent.send(inherited)


def test_workers_of_a_new_run_inherit_each_message_once(path: Path) -> None:
    for slot in range(4):
        with closing(open_journal(path, f"run1:{slot}:a")) as journal:
            batch = Batch()
            for number in range(50):
                batch.hold(message(f"m{slot}-{number}", "h"))
                batch.begin(object_key(50 * slot + number), "m")
            journal.commit(batch, 0.0)
    children = [Child(inherit, path, f"run2:{n}:b") for n in range(WORKERS)]
    for child in children:
        child.tell()
    inherited = [one for child in children for one in child.hear()]
    for child in children:
        child.close()
    assert sorted(inherited) == sorted(
        (f"m{slot}-{number}", "h") for slot in range(4) for number in range(50)
    )
    with closing(open_journal(path, "run2:0:c")) as journal:
        batch = Batch()
        for number in range(200):
            batch.begin(object_key(number), "m")
        assert set(journal.commit(batch, 0.0).values()) == {Mine(0)}


def write_much(to_parent: Connection, path: Path, owner: str) -> None:
    to_parent.recv()
    journal = open_journal(path, owner)
    log = path.with_name(path.name + "-wal")
    largest_bytes = 0
    for round_ in range(150):
        batch = Batch()
        for number in range(100):
            key = ObjectKey("b", f"{owner}/{round_}/{number}", "e:1")
            batch.finish(key, 1)
        journal.commit(batch, 0.0)
        largest_bytes = max(largest_bytes, log.stat().st_size)
    to_parent.send(largest_bytes)
    to_parent.recv()
    journal.close()


def test_the_log_is_bounded_while_all_write_at_once(path: Path) -> None:
    children = [Child(write_much, path, f"run1:{n}:a") for n in range(4)]
    for child in children:
        child.tell()
    sizes_bytes = [child.hear() for child in children]
    for child in children:
        child.tell()
        child.close()
    assert MAX_LOG_BYTES / 2 < max(sizes_bytes) < 8 * MAX_LOG_BYTES


def test_a_long_read_delays_the_cut_and_no_commit(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    max_log_bytes = 300_000
    monkeypatch.setattr(journal_module, "MAX_LOG_BYTES", max_log_bytes)
    log = path.with_name(path.name + "-wal")
    with (
        closing(open_journal(path)) as journal,
        closing(sqlite3.connect(path, isolation_level=None)) as reader,
    ):
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM object").fetchall()

        def write(numbers: range) -> int:
            for start in numbers[::500]:
                batch = Batch()
                for number in range(start, start + 500):
                    batch.finish(object_key(number), 1)
                journal.commit(batch, 0.0)
            return log.stat().st_size

        assert write(range(10_000)) > 3 * max_log_bytes
        reader.execute("COMMIT")
        assert write(range(10_000, 15_000)) <= max_log_bytes


# SIGKILL --------------------------------------------------------------------------


def count_up(to_parent: Connection, path: Path, owner: str, start: int) -> None:
    journal = open_journal(path, owner)
    journal.take_over(0.0)
    batch = Batch()
    batch.begin(KEY, "m")
    assert journal.commit(batch, 0.0) == {KEY: Mine(start)}
    number = start
    while True:
        number += 1
        batch = Batch()
        batch.advance(KEY, number)
        batch.hold(message(f"m{number}", "h"))
        journal.commit(batch, 0.0)
        to_parent.send(number)


def test_a_killed_worker_loses_nothing_committed_and_leaves_nothing_half_done(
    path: Path,
) -> None:
    count = 0
    for life in range(15):
        child = Child(count_up, path, "run1:0:a", count)
        last = [child.hear() for _ in range(1 + 3 * life)][-1]
        child.kill()
        while child.has_said_something():
            try:
                last = child.hear()
            except EOFError:
                break
        with closing(open_journal(path, f"run1:0:{life}")) as journal:
            inherited = take_over(journal)
            batch = Batch()
            batch.begin(KEY, "m")
            standing = journal.commit(batch, 0.0)[KEY]
            batch = Batch()
            batch.release(KEY)
            journal.commit(batch, 0.0)
        assert isinstance(standing, Mine)
        assert last <= standing.records <= last + 1
        assert {message_id for message_id, _ in inherited} == {
            f"m{number}" for number in range(1, standing.records + 1)
        }
        count = standing.records


class _Stalled(dict[str, Message]):
    """Tells the parent that the transaction is half done, and never goes on."""

    def __init__(self, to_parent: Connection) -> None:
        super().__init__(m=message("m"))
        self._to_parent = to_parent

    def values(self) -> Any:
        self._to_parent.send("half done")
        time.sleep(10 * TIMEOUT_S)


def stall_in_transaction(to_parent: Connection, path: Path) -> None:
    journal = open_journal(path, "run1:0:a")
    batch = Batch(held=_Stalled(to_parent))
    batch.finish(KEY, 9)
    journal.commit(batch, 0.0)


def test_a_transaction_cut_by_sigkill_never_was_and_blocks_nobody(path: Path) -> None:
    child = Child(stall_in_transaction, path)
    assert child.hear() == "half done"
    child.kill()
    with closing(open_journal(path, "run1:1:b")) as journal:
        batch = Batch()
        batch.begin(KEY, "m")
        assert journal.commit(batch, 0.0) == {KEY: Mine(0)}


# A full disk ----------------------------------------------------------------------


def fill_the_disk(to_parent: Connection, path: Path) -> None:
    journal = open_journal(path)
    batch = Batch()
    batch.begin(KEY, "m")
    batch.advance(KEY, 1)
    journal.commit(batch, 0.0)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    full = path.with_name(path.name + "-wal").stat().st_size + 20_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (full, hard))
    batch = Batch()
    batch.advance(KEY, 2)
    for number in range(2_000):
        batch.finish(object_key(number), 1)
    messages = []
    for _ in range(2):
        try:
            journal.commit(batch, 0.0)
        except JournalError as error:
            messages.append(str(error))
    batch_after = Batch()
    batch_after.begin(KEY, "m")
    batch_after.begin(object_key(0), "m")
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    standings = journal.commit(batch_after, 0.0)
    journal.commit(batch, 0.0)
    later = Batch()
    later.begin(object_key(1), "m")
    standings |= journal.commit(later, 0.0)
    journal.close()
    to_parent.send((messages, standings))


def test_a_full_disk_fails_the_commit_whole_and_the_next_one_passes_again(
    path: Path,
) -> None:
    child = Child(fill_the_disk, path)
    messages, standings = child.hear()
    child.close()
    assert len(messages) == 2
    assert all(str(path) in message for message in messages)
    assert standings == {
        KEY: Mine(1),
        object_key(0): Mine(0),
        object_key(1): Finished(),
    }
