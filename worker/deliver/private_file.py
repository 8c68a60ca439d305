"""Files of the state directory that only their owner may read."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

MODE: Final = 0o600

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def make_database_private(path: Path) -> None:
    """Make an empty database file with mode 0600, or take others' access away.

    SQLite gives the files beside it (``-wal``, ``-shm``) the mode of the database. An
    existing file is not opened here: closing it would end the process's locks on it.

    Raises:
        OSError: It can be neither made nor changed.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE))
    except FileExistsError:
        for name in (path, f"{path}-wal", f"{path}-shm"):
            _close_to_others(name)


def _close_to_others(path: Path | str) -> None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a text where it is SQLite's own file
    except FileNotFoundError:
        return
    # Root may look at the files of another user, and leaves them as they are.
    if found.st_uid == os.geteuid() and found.st_mode & _OTHERS:
        os.chmod(path, found.st_mode & ~_OTHERS & 0o7777)  # noqa: PTH101 - the same
