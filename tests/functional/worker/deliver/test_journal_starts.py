"""The journal's file at the start: damaged, older or newer, or out of reach."""

from __future__ import annotations

import os
import resource
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.functional.worker.deliver.journal_children import (
    KEY,
    Child,
    object_key,
    open_journal,
)
from tests.unit.worker.deliver.journal_steps import take_over
from worker.deliver import journal_schema
from worker.deliver.journal import Batch, Finished, prepare_journal
from worker.deliver.journal_schema import SCHEMA_VERSION
from worker.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

pytestmark = pytest.mark.functional

NOBODY_UID = 65_534


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
    assert "was written by a newer trailfeed (schema 3" in problem_of(path)
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
    assert take_over(journal, 2_000) == [("m1", "handle")]
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
    assert take_over(journal, 2_000) == [("m1", "handle")]
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
