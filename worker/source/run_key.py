"""The key that a daemon, its backfills and its replays have in common."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING, Final

from worker.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME: Final = "run.key"

_KEY_BYTES: Final = 32
_MAX_FILE_BYTES: Final = 1024


def run_key(state_dir: Path) -> bytes:
    """Read the key of ``state.dir``; make it, with mode 0600, where there is none.

    A copy of the file lets the backfills and replays of one host be honored by the
    daemons of others.

    Raises:
        ConfigError: It can be neither made nor read, or is too short to be one.
    """
    path = state_dir / FILE_NAME
    try:
        if not path.exists():
            _make(path)
        with path.open("rb") as file:
            key = file.read(_MAX_FILE_BYTES).strip()
    except OSError as error:
        raise ConfigError(
            (
                f"state.dir: cannot use {path} ({error.strerror}); let this user read "
                "and write there",
            )
        ) from error
    if len(key) < _KEY_BYTES:
        raise ConfigError(
            (f"state.dir: {path} holds no key; remove it, and another one is made",)
        )
    return key


def _make(path: Path) -> None:
    """Make the file whole, or not at all; another process may do so meanwhile."""
    new = path.with_name(f"{FILE_NAME}.{os.getpid()}.{secrets.token_hex(4)}")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            if os.geteuid() == 0:  # a command of root's, for the daemon's directory
                owner = path.parent.stat()
                os.fchown(fd, owner.st_uid, owner.st_gid)
            os.write(fd, secrets.token_hex(_KEY_BYTES).encode() + b"\n")
            os.fsync(fd)
        finally:
            os.close(fd)
        with contextlib.suppress(FileExistsError):
            os.link(new, path)
    finally:
        new.unlink()
