"""How far a backfill came: a folder in ``state.dir``, which outlives the process.

``backfill/RUN/`` holds one SQLite database with the request, the last key that was
dealt with and the counts; with ``--direct`` also the work list, and the pool's own
journal. A killed process loses nothing of it that was noted.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
from collections import Counter
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self

from worker.backfill.request import Request
from worker.deliver.file_lock import lock
from worker.deliver.private_file import make_database_private
from worker.errors import ConfigError, TrailfeedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER: Final = "backfill"
DATABASE: Final = "run.sqlite3"

KEEP_S: Final = 30 * 86_400
"""For so long a run that is over can be looked at."""

_LOCK: Final = "run.lock"
_BUSY_TIMEOUT_S: Final = 10.0
_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS work (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        ref TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        receives INTEGER NOT NULL DEFAULT 0,
        visible_at REAL NOT NULL DEFAULT 0,
        handle TEXT
    )""",
    """CREATE TABLE IF NOT EXISTS failed (
        ref TEXT NOT NULL,
        size_bytes INTEGER NOT NULL
    )""",
)


class RunError(TrailfeedError):
    """A run cannot be begun or gone on with."""


@dataclass(slots=True)
class Standing:
    """How far a run came.

    Attributes:
        cursor: Nothing up to this key is left to be looked at.
        objects: Fed so far: sent, or put on the work list.
        size_bytes: Of these.
        left_out: How many were not fed, by reason.
        total_objects: Of the whole run, once that was counted.
        total_bytes: The same.
        begun_at: ISO 8601, UTC.
        finished_at: The same; empty: it is not over.
    """

    begun_at: str
    cursor: str = ""
    objects: int = 0
    size_bytes: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    total_objects: int | None = None
    total_bytes: int | None = None
    finished_at: str = ""

    @property
    def dealt_with(self) -> int:
        """Objects fed, and those left out."""
        return self.objects + self.left_out.total()

    def document(self) -> dict[str, Any]:
        # Not asdict: that cannot copy a Counter.
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def add(
        self, objects: int, size_bytes: int, left_out: Counter[str], cursor: str
    ) -> None:
        """Take in what was fed and left out up to a key."""
        self.objects += objects
        self.size_bytes += size_bytes
        self.left_out += left_out
        self.cursor = cursor


class Run:
    """One backfill, locked from construction until :meth:`close`.

    The lock is inherited: while a process that was forked meanwhile is alive, nobody
    else can go on with the run. The database is not, so :meth:`open` comes after it.

    Args:
        folder: Of the run, with its database.

    Raises:
        RunError: Another process is at it.
        ConfigError: The folder cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run_id = folder.name
        with _problems_of(folder):
            self._lock_fd = os.open(
                folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640
            )
            try:
                lock(self._lock_fd, folder / _LOCK, wait_s=0.0)
            except BlockingIOError:
                os.close(self._lock_fd)
                raise RunError(
                    f"run {self.run_id} is being worked on by another process: wait "
                    "for its end, or stop it"
                ) from None
        known = known_run(folder)
        self.request = known.request
        self.standing = known.standing
        self._database: sqlite3.Connection | None = None

    @classmethod
    def begin(cls, state_dir: Path, run_id: str, request: Request, now: str) -> Self:
        """Make a run, and lock it.

        Raises:
            ConfigError: The folder cannot be made.
        """
        folder = state_dir / FOLDER / run_id
        with _problems_of(folder):
            folder.mkdir(mode=0o750, parents=True)
            with contextlib.closing(open_run_database(folder)) as database:
                _write(database, "request", request.document())
                _write(database, "standing", Standing(now).document())
        return cls(folder)

    def open(self) -> sqlite3.Connection:
        """Open the database, for this process alone.

        Raises:
            ConfigError: It cannot be used.
        """
        if self._database is None:
            with _problems_of(self.folder):
                self._database = open_run_database(self.folder)
        return self._database

    def note(self) -> None:
        """Write :attr:`standing` down.

        Raises:
            ConfigError: The database cannot be written.
        """
        with _problems_of(self.folder):
            _write(self.open(), "standing", self.standing.document())

    @contextlib.contextmanager
    def noting(self) -> Iterator[sqlite3.Connection]:
        """Change the work list and note :attr:`standing`, or neither.

        Raises:
            ConfigError: The database cannot be written.
        """
        database = self.open()
        with _problems_of(self.folder):
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                self.note()
                database.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
                raise

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
        os.close(self._lock_fd)


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A run as it lies there, whoever works on it."""

    folder: Path
    request: Request
    standing: Standing

    @property
    def run_id(self) -> str:
        return self.folder.name


def known_runs(state_dir: Path) -> list[KnownRun]:
    """The runs in ``state.dir``, oldest first; what cannot be read is passed over."""
    found = []
    with contextlib.suppress(OSError):
        for folder in sorted((state_dir / FOLDER).iterdir()):
            with contextlib.suppress(ConfigError, LookupError, TypeError, ValueError):
                found.append(known_run(folder))
    return found


def known_run(folder: Path) -> KnownRun:
    """Read a run.

    Raises:
        ConfigError: There is none, or it cannot be read.
    """
    with _problems_of(folder):
        uri = f"{(folder / DATABASE).absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
            notes = _notes(database)
    return KnownRun(
        folder, Request.of_document(notes["request"]), _standing(notes["standing"])
    )


def unfinished(runs: list[KnownRun], request: Request) -> KnownRun | None:
    """The newest run of the same request that is not over."""
    for run in reversed(runs):
        is_same = run.request.as_typed() == request.as_typed()
        if is_same and not run.standing.finished_at:
            return run
    return None


def run_folder(state_dir: Path, run_id: str) -> Path:
    """Where a run lies that somebody named.

    Raises:
        RunError: There is none of that name.
    """
    for run in known_runs(state_dir):
        if run.run_id == run_id:
            return run.folder
    raise RunError(
        f"{run_id!r}: there is no such run in {state_dir / FOLDER} (state.dir)"
    )


def forget_old(state_dir: Path, now: datetime, *, window_s: int) -> None:
    """Remove runs that are over for longer than any journal remembers them."""
    keep_s = max(window_s, KEEP_S)
    for run in known_runs(state_dir):
        finished_at = run.standing.finished_at
        if finished_at:
            age = now - datetime.fromisoformat(finished_at)
            if age.total_seconds() > keep_s:
                shutil.rmtree(run.folder, ignore_errors=True)


def new_run_id(now: datetime, random_hex: str) -> str:
    """A name that sorts by time."""
    return f"backfill-{now:%Y%m%dT%H%M%SZ}-{random_hex}"


def open_run_database(folder: Path) -> sqlite3.Connection:
    """Open a run's database; make it where it is absent.

    Raises:
        OSError: It cannot be made.
        sqlite3.Error: It cannot be used.
    """
    make_database_private(folder / DATABASE)
    database = sqlite3.connect(
        folder / DATABASE,
        timeout=_BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        for table in _TABLES:
            database.execute(table)
    except BaseException:
        database.close()
        raise
    return database


def _write(database: sqlite3.Connection, name: str, value: object) -> None:
    database.execute("REPLACE INTO note VALUES (?, ?)", (name, json.dumps(value)))


def _notes(database: sqlite3.Connection) -> dict[str, Any]:
    rows = database.execute("SELECT name, value FROM note").fetchall()
    return {name: json.loads(value) for name, value in rows}


def _standing(document: dict[str, Any]) -> Standing:
    return Standing(**{**document, "left_out": Counter(document["left_out"])})


@contextlib.contextmanager
def _problems_of(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(
            (
                f"state.dir: cannot use {folder} ({reason}): let this user write "
                "there, or name another directory",
            )
        ) from error
