"""A small disk for the state directory, which can be filled up."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


SIZE = "16m"
OWN_MOUNTS = "CHAOS_OWN_MOUNTS"  # set by scripts/chaos
BLOCK = bytes(65_536)
RECOVERY_S = 10.0
"""So long after there is room again trailfeed may still go on without its journal."""


class StateDisk:
    """A tmpfs of ``SIZE``; where none can be mounted, an ordinary folder.

    It is mounted only as root and in a mount namespace of one's own, so that nothing of
    it stays behind.

    Attributes:
        why_not: Why it cannot be filled; empty where it can.
        full_periods: When it was full, and ``RECOVERY_S`` more each time.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.full_periods: list[tuple[float, float]] = []
        folder.mkdir()
        self.why_not = _why_not()
        self._filler = folder / "filler"
        self._full_since: float | None = None
        if not self.why_not:
            mounted = subprocess.run(  # noqa: S603 - constants and our own folder
                ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder],  # noqa: S607
                check=False,
            )
            if mounted.returncode:
                self.why_not = "mount failed, see above"

    @property
    def is_full(self) -> bool:
        return self._full_since is not None

    def fill(self) -> None:
        """Leave no room at all."""
        self._full_since = time.monotonic()
        with self._filler.open("wb", buffering=0) as filler:
            size = len(BLOCK)
            while size:
                try:
                    filler.write(BLOCK[:size])
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2

    def free(self) -> None:
        """Give the room back."""
        if self._full_since is not None:
            self._filler.unlink()
            self.full_periods.append((self._full_since, time.monotonic() + RECOVERY_S))
            self._full_since = None

    def close(self) -> None:
        self.free()
        if not self.why_not:
            subprocess.run(["umount", self.folder], check=True)  # noqa: S603, S607


def _why_not() -> str:
    if os.geteuid() != 0:
        return "not root"
    return "" if os.environ.get(OWN_MOUNTS) else "not run by scripts/chaos"
