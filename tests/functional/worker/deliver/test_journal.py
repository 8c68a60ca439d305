"""The journal's file under several processes, SIGKILL, a full disk and bad starts."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from worker.deliver import journal as journal_module
from worker.deliver import journal_schema
from worker.deliver.journal import (
    Batch,
    Finished,
    Journal,
    Mine,
    ObjectKey,
    prepare_journal,
)
from worker.deliver.journal_schema import MAX_LOG_BYTES, SCHEMA_VERSION
from worker.errors import ConfigError, JournalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

pytestmark = pytest.mark.functional

WORKERS = 6
NOBODY_UID = 65_534
TIMEOUT_S = 60.0
KEY = ObjectKey("b", "k", "e:1")

fork = multiprocessing.get_context("fork")


def object_key(number: int) -> ObjectKey:
    return ObjectKey("b", f"AWSLogs/{number}.json.gz", "e:1")


def open_journal(path: Path, owner: str = "run1:0:a") -> Journal:
    slot = int(owner.split(":")[1])
    return Journal(path, owner=owner, slot=slot, fingerprint="f", window_s=86_400)


class Child:
    """A process that runs ``target(connection, *args)``."""

    def __init__(self, target: Callable[..., None], *args: object) -> None:
        self._connection, theirs = fork.Pipe()
        self._process = fork.Process(target=target, args=(theirs, *args), daemon=True)
        self._process.start()
        theirs.close()

    def hear(self) -> Any:
        assert self._connection.poll(TIMEOUT_S)
        return self._connection.recv()

    def has_said_something(self) -> bool:
        return self._connection.poll()

    def tell(self) -> None:
        self._connection.send(None)

    def kill(self) -> None:
        os.kill(self._process.pid or 0, signal.SIGKILL)
        self._process.join(TIMEOUT_S)

    def close(self) -> None:
        self._process.join(TIMEOUT_S)
        assert self._process.exitcode == 0
        self._connection.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


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
    inherited = journal.take_over(0.0)
    journal.close()
    to_parent.send(inherited)


def test_workers_of_a_new_run_inherit_each_message_once(path: Path) -> None:
    for slot in range(4):
        with closing(open_journal(path, f"run1:{slot}:a")) as journal:
            batch = Batch()
            for number in range(50):
                batch.hold(f"m{slot}-{number}", "h")
                batch.begin(object_key(50 * slot + number), "m")
            journal.commit(batch, 0.0)
    children = [Child(inherit, path, f"run2:{n}:b") for n in range(WORKERS)]
    for child in children:
        child.tell()
    inherited = [message for child in children for message in child.hear()]
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
        batch.hold(f"m{number}", "h")
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
            inherited = journal.take_over(0.0)
            batch = Batch()
            batch.begin(KEY, "m")
            standing = journal.commit(batch, 0.0)[KEY]
            batch = Batch()
            batch.release(KEY)
            journal.commit(batch, 0.0)
        assert isinstance(standing, Mine)
        assert last <= standing.records <= last + 1
        assert {message for message, _ in inherited} == {
            f"m{number}" for number in range(count + 1, standing.records + 1)
        }
        count = standing.records


class _Stalled(dict[str, str]):
    """Tells the parent that the transaction is half done, and never goes on."""

    def __init__(self, to_parent: Connection) -> None:
        super().__init__(m="h")
        self._to_parent = to_parent

    def items(self) -> Any:
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


# Bad starts -----------------------------------------------------------------------


def problem_of(path: Path) -> str:
    """What both ways to open the file say, in one line that names key and file."""
    with pytest.raises(ConfigError) as opening:
        open_journal(path)
    with pytest.raises(ConfigError) as preparing:
        prepare_journal(path)
    assert opening.value.problems == preparing.value.problems
    (problem,) = opening.value.problems
    assert problem.startswith(f"state.dir: {path} ")
    assert "\n" not in problem
    return problem


def test_a_file_of_something_else_is_damaged(path: Path) -> None:
    path.write_bytes(b"no database at all, " * 1_000)
    assert "is damaged (file is not a database); move it" in problem_of(path)


def test_a_truncated_file_is_damaged(path: Path) -> None:
    open_journal(path).close()
    os.truncate(path, 5_000)
    assert "is damaged" in problem_of(path)


def test_a_damaged_page_is_found_when_the_file_is_prepared(path: Path) -> None:
    journal = open_journal(path)
    batch = Batch()
    for number in range(5_000):
        batch.finish(object_key(number), 1)
    journal.commit(batch, 0.0)
    journal.close()
    with path.open("r+b") as file:
        file.seek(20 * 4_096)
        file.write(b"\xff" * 4_096)
    with pytest.raises(ConfigError, match=r"state\.dir: .* is damaged .*; move it"):
        prepare_journal(path)


def test_a_newer_schema_is_refused(path: Path) -> None:
    open_journal(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = path.read_bytes()
    assert "was written by a newer trailfeed (schema 2" in problem_of(path)
    assert path.read_bytes() == before


FORMER_SCHEMA = """
    PRAGMA auto_vacuum = INCREMENTAL;
    PRAGMA journal_mode = WAL;
    CREATE TABLE object (
        id BLOB PRIMARY KEY, fingerprint TEXT NOT NULL, records INTEGER NOT NULL,
        is_finished INTEGER NOT NULL, updated_s INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX object_by_age ON object (updated_s);
    CREATE TABLE claim (
        id BLOB PRIMARY KEY, owner TEXT NOT NULL, claimant TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE held (
        message_id TEXT PRIMARY KEY, owner TEXT NOT NULL, receipt_handle TEXT NOT NULL
    ) WITHOUT ROWID;
    INSERT INTO object VALUES (x'01', 'f', 7, 0, 1000), (x'02', 'f', 9, 1, 1000);
    INSERT INTO held VALUES ('m1', 'run0:0:a', 'handle');
    PRAGMA user_version = 1;
"""
"""As the first release made and filled it: it stays as it is."""

LATER_STEP = (
    "ALTER TABLE object ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0",
    "UPDATE object SET bytes = records * 100",
)


@pytest.fixture
def former(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(FORMER_SCHEMA)
    return path


def shape_of(path: Path) -> list[object]:
    """The version, and each column of each table and index."""
    with closing(sqlite3.connect(path)) as database:
        shape: list[object] = database.execute("PRAGMA user_version").fetchall()
        names = database.execute("SELECT name FROM sqlite_master ORDER BY name")
        for (name,) in names.fetchall():
            shape += database.execute(f"PRAGMA table_xinfo({name})")
    return shape


def test_a_file_of_the_first_schema_is_as_this_version_makes_it(
    former: Path, tmp_path: Path
) -> None:
    made = tmp_path / "made.sqlite3"
    for path in (former, made):
        prepare_journal(path)
    assert shape_of(former) == shape_of(made)
    journal = open_journal(former)
    assert journal.take_over(2_000) == [("m1", "handle")]
    journal.close()


def test_a_former_schema_is_brought_up_with_what_it_holds(
    former: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a later version had added a column."""
    steps = (*journal_schema._STEPS, LATER_STEP)  # noqa: SLF001
    monkeypatch.setattr(journal_schema, "_STEPS", steps)
    for _ in range(2):  # once; the second start finds it done
        prepare_journal(former)
    with closing(sqlite3.connect(former)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (len(steps),)
        rows = database.execute("SELECT records, bytes FROM object ORDER BY id")
        assert rows.fetchall() == [(7, 700), (9, 900)]


def test_a_step_that_fails_leaves_the_file_as_it_was(
    former: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = (*LATER_STEP, "INSERT INTO nowhere VALUES (1)")
    steps = (*journal_schema._STEPS, broken)  # noqa: SLF001
    with monkeypatch.context() as patch:
        patch.setattr(journal_schema, "_STEPS", steps)
        assert "nowhere" in problem_of(former)
    with closing(sqlite3.connect(former)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1,)
    journal = open_journal(former)
    assert journal.take_over(2_000) == [("m1", "handle")]
    journal.close()


def test_another_programs_database_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    assert "no journal of trailfeed" in problem_of(path)
    assert path.read_bytes() == before


def test_a_directory_in_its_place_cannot_be_used(path: Path) -> None:
    path.mkdir()
    assert "cannot be used (unable to open database file)" in problem_of(path)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    problem = problem_of(tmp_path / "gone" / "journal.sqlite3")
    assert "cannot be used (No such file or directory)" in problem


@pytest.fixture
def public_dir() -> Iterator[Path]:
    """A directory whose parents any user may enter."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory


def report_problem(to_parent: Connection, path: Path) -> None:
    if os.geteuid() == 0:
        os.setuid(NOBODY_UID)
    to_parent.send(problem_of(path))


@pytest.mark.parametrize("exists", [False, True])
def test_a_directory_that_may_only_be_read_cannot_be_used(
    public_dir: Path, *, exists: bool
) -> None:
    path = public_dir / "journal.sqlite3"
    if exists:
        open_journal(path).close()
        path.chmod(0o444)
    public_dir.chmod(0o555)
    child = Child(report_problem, path)
    problem = child.hear()
    child.close()
    public_dir.chmod(0o755)
    assert "cannot be used (" in problem
    assert "name another directory" in problem


def fill_before_the_start(to_parent: Connection, path: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    to_parent.send(problem_of(path))


@pytest.mark.parametrize("exists", [False, True])
def test_a_disk_that_is_full_at_the_start_is_a_problem_then(
    path: Path, *, exists: bool
) -> None:
    if exists:
        open_journal(path).close()
    child = Child(fill_before_the_start, path)
    assert "cannot be used (" in child.hear()
    child.close()


def test_a_file_in_order_is_prepared_and_kept(path: Path) -> None:
    prepare_journal(path)
    with closing(open_journal(path)) as journal:
        batch = Batch()
        batch.finish(KEY, 9)
        journal.commit(batch, 0.0)
    prepare_journal(path)
    with closing(open_journal(path)) as journal:
        batch = Batch()
        batch.begin(KEY, "m")
        assert journal.commit(batch, 0.0) == {KEY: Finished()}
