"""``[state].dir``: made, checked, and locked for one supervisor."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from worker.deliver.file_lock import lock
from worker.errors import ConfigError, TrailfeedError

if TYPE_CHECKING:
    from pathlib import Path

LOCK_WAIT_S = 5.0
"""Workers whose supervisor was killed hold the lock for a moment longer."""


class StateDirBusyError(TrailfeedError):
    """Another supervisor uses the directory."""


class StateDir:
    """The directory, locked from construction until :meth:`close`.

    The lock is inherited by the workers, so that a successor cannot begin while one of
    them is still at work.

    Args:
        path: ``state.dir``; made with mode 0750 when absent.

    Raises:
        ConfigError: It cannot be made or written, or its file system has no locks.
        StateDirBusyError: It is in use.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._fd = os.open(
                path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640
            )
        except OSError as error:
            raise ConfigError(
                (
                    f"state.dir: cannot write to {path} ({error.strerror}); name a "
                    'directory that this user may write, or "" to keep no state',
                )
            ) from error
        self._lock()

    def close(self) -> None:
        os.close(self._fd)

    def _lock(self) -> None:
        try:
            lock(self._fd, self.path, wait_s=LOCK_WAIT_S)
        except BlockingIOError:
            holder = os.pread(self._fd, 32, 0).decode(errors="replace").strip()
            os.close(self._fd)
            raise StateDirBusyError(
                f"state.dir: {self.path} is in use by another trailfeed "
                f"(process {holder or 'unknown'}); stop that one, or give "
                "this one a directory of its own"
            ) from None
        except BaseException:
            os.close(self._fd)
            raise
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)
