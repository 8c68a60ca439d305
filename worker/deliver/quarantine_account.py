"""How many bytes the quarantine takes: one number for all processes, and the lock.

The number stands in a file that is locked while the quarantine changes. It is emptied
before a change and written after it, with the folder's own modification time beside
it. So a process that dies in between leaves no number behind, and a change made by
hand, or lost with the machine's power, leaves one that does not match the folder:
either way the items are counted anew, which otherwise never happens.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BLOCK_BYTES: Final = 4096
"""What a file system gives out; an item takes whole blocks, and one for its folder."""

_MAX_ACCOUNT_BYTES = 64


def taken_bytes(*file_sizes: int) -> int:
    """What a folder with files of these sizes takes on disk."""
    blocks = 1 + sum(-(-size // BLOCK_BYTES) for size in file_sizes)
    return blocks * BLOCK_BYTES


class Account:
    """The number, while the lock is held."""

    def __init__(self, fd: int, items: Path, count: Callable[[], int]) -> None:
        self._fd = fd
        self._items = items
        self._count = count

    @property
    def used_bytes(self) -> int:
        """What all items take together."""
        text = os.pread(self._fd, _MAX_ACCOUNT_BYTES, 0)
        try:
            used_bytes, changed_ns = map(int, text.split())
        except ValueError:
            changed_ns = used_bytes = -1
        if used_bytes < 0 or changed_ns != self._items.stat().st_mtime_ns:
            used_bytes = self._count()
            self._write(used_bytes)
        return used_bytes

    @contextmanager
    def changing_by(self, size_bytes: int) -> Iterator[None]:
        """Around the one step that adds an item to the folder, or takes it out."""
        used_bytes = self.used_bytes + size_bytes
        os.ftruncate(self._fd, 0)
        yield
        self._write(used_bytes)

    def _write(self, used_bytes: int) -> None:
        # Where the disk has no room for it the items are counted next time.
        with suppress(OSError):
            os.ftruncate(self._fd, 0)
            changed_ns = self._items.stat().st_mtime_ns
            os.pwrite(self._fd, f"{used_bytes} {changed_ns}\n".encode(), 0)


@contextmanager
def locked_account(
    path: Path, *, items: Path, count: Callable[[], int]
) -> Iterator[Account]:
    """Lock the quarantine against every other thread and process.

    The lock ends with the process that holds it.

    Args:
        path: The file; made when absent.
        items: The folder whose entries are accounted for.
        count: Adds up what they take.
    """
    # Opened for each use: locks of one open file would not keep threads apart.
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield Account(fd, items, count)
    finally:
        os.close(fd)


def peek(path: Path, *, items: Path) -> tuple[int, int]:
    """Look without the lock: how many items, and how many bytes they take.

    Args:
        path: The file.
        items: The folder whose entries are accounted for.

    Raises:
        OSError: The folder cannot be read.
        ValueError: The number is just being changed, or was not counted yet.
    """
    try:
        with os.scandir(items) as entries:
            count = sum(1 for _ in entries)
        text = path.read_bytes()
    except FileNotFoundError:
        return 0, 0  # nothing was ever put there
    used_bytes, _ = map(int, text.split())
    return count, used_bytes
