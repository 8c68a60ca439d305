"""The system calls under the quarantine, and what their failures mean."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from worker.errors import RetriableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from typing_extensions import Buffer

DISK_FULL = "quarantine_disk_full"
NO_ACCESS = "quarantine_no_access"

_DISK_FULL_NUMBERS = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def disk_faults(folder: Path, doing: str) -> Iterator[None]:
    """Translate what the disk refuses.

    Args:
        folder: Of the quarantine.
        doing: What may fail, as in "read": "cannot … the quarantine in …".

    Raises:
        RetriableError: With the code :data:`DISK_FULL` or :data:`NO_ACCESS`.
    """
    try:
        yield
    except OSError as error:
        failed = f"cannot {doing} the quarantine in {folder}: {error.strerror}"
        if error.errno in _DISK_FULL_NUMBERS:
            raise RetriableError(
                DISK_FULL,
                f"{failed}: free some space, or lower state.quarantine_max_bytes",
            ) from error
        raise RetriableError(
            NO_ACCESS, f"{failed}: check its owner and mode, and the disk"
        ) from error


@dataclass(frozen=True, slots=True)
class Blocks:
    """What goes into a file, a block at a time.

    Attributes:
        size_bytes: Of all of them.
        blocks: May raise :class:`RetriableError`; nothing is kept then.
    """

    size_bytes: int
    blocks: Iterable[Buffer]

    @classmethod
    def of(cls, data: Buffer) -> Self:
        """All of it in one block."""
        return cls(memoryview(data).nbytes, (data,))


def write_file(path: Path, content: Blocks) -> None:
    """Make a file for this user alone; on return it is synced to disk."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        for block in content.blocks:
            data = memoryview(block).cast("B")
            while data:
                data = data[os.write(fd, data) :]
        os.fsync(fd)
    finally:
        os.close(fd)


def open_folder(folder: Path) -> int:
    """Open a folder, to be synced or locked; nothing but a folder."""
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def sync_folder(folder: Path) -> None:
    """Sync a folder's entries to disk; not what they name."""
    fd = open_folder(folder)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sweep(parent: Path) -> None:
    """Remove the folders in ``parent`` that no living process has locked."""
    for folder in parent.iterdir():
        try:
            fd = open_folder(folder)
        except OSError:
            continue  # nothing of ours; it is no reason to keep nothing
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue  # its writer is alive
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(fd)
