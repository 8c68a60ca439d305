"""The journal's file: made, checked and opened.

One SQLite database in WAL mode. The tables keep to what SQLite 3.24 can do, because
long-lived distributions link their Python against libraries of that age.

==========  ============================================================================
``object``  one row an object of which records were acknowledged: how many, under which
            fingerprint, and whether that is all. It stays for the window.
``claim``   one row an object being worked on: by which owner, for which message. A
            table of its own, so that a claim touches a few hot pages and the large
            table is written once an object.
``held``    one row a message that an owner holds, with all that a successor needs to
            work on with it: receipt handle, body and when it was received; how many
            workers died with it; and whether it is the only one in work. An empty owner
            ended in order. It has rowids, as long bodies would leave its pages
            otherwise, which costs three times as much.
==========  ============================================================================

A file of an earlier schema is brought up to this one when it is opened, in one
transaction; one of a later schema is refused.

An object's ``id`` is the digest of its ``ObjectKey``, not its name: a CloudTrail key is
longer than all the rest of the row and its index entry.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from itertools import chain
from typing import TYPE_CHECKING, Final

from worker.deliver.file_lock import lock
from worker.deliver.private_file import make_database_private
from worker.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_TIMEOUT_S: Final = 5.0
"""How long a transaction waits for those of the other workers."""

MAX_LOG_BYTES: Final = 8 * 1024 * 1024
"""Above this, the write-ahead log is to be cut."""

CUT_TIMEOUT_S: Final = 0.2
"""How long a cut waits for those who write and read, while others wait for it."""

_STEPS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """CREATE TABLE object (
            id BLOB PRIMARY KEY,
            fingerprint TEXT NOT NULL,
            records INTEGER NOT NULL,
            is_finished INTEGER NOT NULL,
            updated_s INTEGER NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX object_by_age ON object (updated_s)",
        """CREATE TABLE claim (
            id BLOB PRIMARY KEY,
            owner TEXT NOT NULL,
            claimant TEXT NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE held (
            message_id TEXT PRIMARY KEY,
            owner TEXT NOT NULL,
            receipt_handle TEXT NOT NULL
        ) WITHOUT ROWID""",
    ),
    (
        "ALTER TABLE held RENAME TO former_held",
        """CREATE TABLE held (
            message_id TEXT PRIMARY KEY,
            owner TEXT NOT NULL,
            receipt_handle TEXT NOT NULL,
            body BLOB,
            receive_count INTEGER NOT NULL,
            sent_s REAL,
            held_since_s INTEGER NOT NULL,
            deaths INTEGER NOT NULL,
            is_alone INTEGER NOT NULL
        )""",
        "INSERT INTO held SELECT message_id, owner, receipt_handle,"
        " NULL, 1, NULL, 0, 0, 0 FROM former_held",
        "DROP TABLE former_held",
    ),
)
"""The statements that make each schema of the one before it. A step that was released
stays as it is; what is to be different is another step's."""

SCHEMA_VERSION: Final = len(_STEPS)
"""Kept in ``user_version``; 0 is a file just made."""

_WAY_OUT: Final = (
    "move it and its -wal file away to begin a new one; what was delivered before may "
    "then be delivered once more"
)


def prepare_journal(path: Path) -> None:
    """Make the file, or read all of it, and close it again: once, before the fork.

    Args:
        path: ``journal.sqlite3`` in ``state.dir``, which exists.

    Raises:
        ConfigError: It cannot be made, read or written, is damaged, or is of a newer
            version.
    """
    with _problems_of(path):
        connection = open_database(path)
        try:
            ((verdict,),) = connection.execute("PRAGMA quick_check(1)")
        finally:
            connection.close()
    if verdict != "ok":
        raise _damaged(path, verdict.replace("\n", " "))


def open_database(path: Path) -> sqlite3.Connection:
    """Open the file, in autocommit mode; make it where it is absent or empty.

    A connection must not be carried over a fork. It may be used in another thread than
    the one that opened it, but never in two at once.

    Raises:
        ConfigError: As for :func:`prepare_journal`, but not every page is read.
    """
    with _problems_of(path), _alone_in(path.parent):
        make_database_private(path)
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            _set_up(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def cut_log(connection: sqlite3.Connection) -> bool:
    """Copy the write-ahead log into the database and empty it, if nobody is in the way.

    SQLite's automatic checkpoints do not keep others from writing, so that while a pool
    is busy they never come to the log's end, and it grows; they also keep this one out.

    Returns:
        Whether it is empty.

    Raises:
        sqlite3.Error: It failed; what was committed stays so.
    """
    connection.execute(f"PRAGMA busy_timeout = {int(CUT_TIMEOUT_S * 1000)}")
    try:
        ((is_busy, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
    return not is_busy


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    version = _pragma(connection, "user_version")
    if version > len(_STEPS):
        raise ConfigError(
            (
                f"state.dir: {path} was written by a newer trailfeed (schema "
                f"{version}, this one knows {len(_STEPS)}); run that one, or "
                f"{_WAY_OUT}",
            )
        )
    ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_master")
    if version == 0 and tables:
        raise ConfigError(
            (
                f"state.dir: {path} is a database, but no journal of trailfeed; name a "
                "directory of trailfeed's own",
            )
        )
    if version == 0:  # only an empty file takes this setting
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    # See cut_log.
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("BEGIN IMMEDIATE")
    for statement in chain.from_iterable(_STEPS[version:]):
        connection.execute(statement)
    # Written each time: a file that cannot be written shall be found out here.
    connection.execute(f"PRAGMA user_version = {len(_STEPS)}")
    connection.execute("COMMIT")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int
    ((value,),) = connection.execute(f"PRAGMA {name}")
    return value


@contextlib.contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Keep others from opening at the same time.

    SQLite does not wait for a lock while it changes a file to WAL mode.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        lock(descriptor, directory, wait_s=BUSY_TIMEOUT_S)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _problems_of(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(
            (
                f"state.dir: {path} cannot be used ({reason}); free space, let this "
                'user write there, name another directory, or "" to keep no state',
            )
        ) from error
    except sqlite3.DatabaseError as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, reason: str) -> ConfigError:
    return ConfigError((f"state.dir: {path} is damaged ({reason}); {_WAY_OUT}",))
