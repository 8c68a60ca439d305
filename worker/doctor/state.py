"""The state directory: whether it can be used, by whom, and how much fits in.

Nothing is made or written. A daemon that is about to start waits for the moment in
which the lock is tried.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final

from worker.deliver.journal import FILE_NAME
from worker.deliver.journal_schema import SCHEMA_VERSION
from worker.doctor.finding import Answer, fail, ok, warn

if TYPE_CHECKING:
    from worker.config.model import Config
    from worker.doctor.finding import Finding

STATE: Final = "state directory"
JOURNAL: Final = "journal"
SPACE: Final = "free space"

LEAST_FREE_BYTES: Final = 1 << 30
_MIB: Final = 1 << 20
_WRITE: Final = os.R_OK | os.W_OK | os.X_OK


def look_at_state(config: Config) -> Answer[bool]:
    """Look at ``state.dir``, the journal in it, and the disk below it."""
    if not config.state.dir:
        said = "state.dir is empty: no journal and no quarantine, so that a crash may "
        return Answer((warn(STATE, f"{said}repeat what was under way"),), value=True)
    path = Path(config.state.dir)
    if not path.exists():
        return Answer(_absent(path), value=True)
    if not path.is_dir():
        said = f"{path} is no directory"
        return Answer((fail(STATE, said, "name a directory in state.dir"),))
    if not os.access(path, _WRITE):
        return Answer(
            (
                fail(
                    STATE,
                    f"{path} belongs to {_owner(path)}; {_me()} may not write there",
                    "run this as the user that runs trailfeed, or give it to that one",
                ),
            )
        )
    found = [ok(STATE, f"{path} belongs to {_owner(path)}, {_use(path)}")]
    if config.state.dedupe_window_s:
        found.append(_journal(path / FILE_NAME))
    found.append(_space(path, config))
    return Answer(tuple(found), value=True)


def _absent(path: Path) -> tuple[Finding, ...]:
    above = next(one for one in path.parents if one.exists())
    if above.is_dir() and os.access(above, _WRITE):
        return (ok(STATE, f"{path} is not there yet; the first start makes it"),)
    return (
        fail(
            STATE,
            f"{path} is not there, and {_me()} may not make it in {above}",
            f"make it, and give it to the user that runs trailfeed: install -d -o "
            f"trailfeed -m 750 {path}",
        ),
    )


def _use(path: Path) -> str:
    """Who holds the lock."""
    try:
        descriptor = os.open(path / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return "not used yet"
    except OSError as error:
        return f"its lock cannot be read ({error.strerror})"
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        return f"in use by process {holder or 'unknown'}"
    except OSError as error:
        return f"it cannot be locked ({error.strerror})"
    else:
        return "free"
    finally:
        os.close(descriptor)


def _journal(path: Path) -> Finding:
    if not path.exists():
        return ok(JOURNAL, "not there yet; the first start makes it")
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1)
        ) as connection:
            ((version,),) = connection.execute("PRAGMA user_version")
            ((objects,),) = connection.execute("SELECT count(*) FROM object")
    except sqlite3.Error as error:
        return fail(
            JOURNAL,
            f"{path} cannot be read: {error}",
            "move it and its -wal file away to begin a new one; what was delivered "
            "before may then be delivered once more",
        )
    if version > SCHEMA_VERSION:
        return fail(
            JOURNAL,
            f"{path} was written by a newer trailfeed (schema {version}, this one "
            f"knows {SCHEMA_VERSION})",
            "run that one",
        )
    return ok(JOURNAL, f"schema {version}, {objects:,} objects remembered")


def _space(path: Path, config: Config) -> Finding:
    free_bytes = shutil.disk_usage(path).free
    said = f"{free_bytes // _MIB:,} MiB are free below {path}"
    if free_bytes < LEAST_FREE_BYTES:
        return warn(
            SPACE,
            f"{said}: full, it costs the journal, and duplicates after a crash",
            "free space, or name another directory in state.dir",
        )
    quarantines = "quarantine" in {
        config.source.on_missing_object,
        config.source.on_bad_object,
        config.source.on_unknown_message,
    }
    if quarantines and free_bytes < config.state.quarantine_max_bytes:
        return warn(
            SPACE,
            f"{said}, and state.quarantine_max_bytes allows "
            f"{config.state.quarantine_max_bytes // _MIB:,} MiB",
            "lower it below what is free",
        )
    return ok(SPACE, said)


def _owner(path: Path) -> str:
    return _user(path.stat().st_uid)


def _me() -> str:
    return _user(os.geteuid())


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
