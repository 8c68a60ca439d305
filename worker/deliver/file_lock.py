"""The lock on a file or folder of the state directory."""

from __future__ import annotations

import errno
import fcntl
import time
from typing import TYPE_CHECKING, Final

from worker.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

POLL_S: Final = 0.05

_NO_LOCKS: Final = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
"""What flock gives on a file system without locks (NFS without its lock service)."""


def lock(descriptor: int, path: Path, *, wait_s: float) -> None:
    """Lock an open file or folder; the lock ends with the processes that have it open.

    Args:
        descriptor: Of the open file.
        path: Its name, for errors.
        wait_s: For how long another process may hold it.

    Raises:
        BlockingIOError: Another process held it all the time.
        ConfigError: The file system has no locks.
    """
    give_up_at = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up_at:
                raise
            time.sleep(POLL_S)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            raise ConfigError(
                (
                    f"state.dir: {path} is on a file system without locks "
                    f"({error.strerror}); name a directory on a local disk, or mount "
                    "this one with locks (NFS: with its lock service running)",
                )
            ) from error
        else:
            return
