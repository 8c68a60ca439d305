"""Looks at the board, and at the quarantine where there is one."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from worker.deliver.quarantine_account import peek
from worker.observe.reading import PoolReading

if TYPE_CHECKING:
    from pathlib import Path

    from worker.observe.board import Board
    from worker.observe.reading import Facts
    from worker.observe.recent_errors import RecentErrors

QUARANTINE_EVERY_S = 5.0


class Lookout:
    """Safe to use from several threads.

    Args:
        board: Of the pool.
        facts: Of the supervisor.
        errors: The last ones of its log.
        quarantine: Its folder; None: there is none.
    """

    def __init__(
        self,
        board: Board,
        facts: Facts,
        errors: RecentErrors,
        quarantine: Path | None,
    ) -> None:
        self._board = board
        self._facts = facts
        self._errors = errors
        self._quarantine = quarantine
        self._standing: tuple[int, int] | None = None
        self._changed_ns = -1
        self._peek_due = 0.0
        self._peeking = threading.Lock()

    def look(self) -> PoolReading:
        """Read everything, once."""
        slots = tuple(self._board.read(slot) for slot in range(self._board.slots))
        now = time.monotonic()
        return PoolReading(
            facts=self._facts,
            state=self._board.state,
            slots=slots,
            now=now,
            epoch_s=datetime.now(UTC).timestamp(),
            quarantine=self._standing_at(now),
            errors=tuple(self._errors.read()),
        )

    def _standing_at(self, now: float) -> tuple[int, int] | None:
        """Count anew only what has changed: there may be a million items."""
        if self._quarantine is None:
            return None
        with self._peeking:
            if now >= self._peek_due:
                self._peek_due = now + QUARANTINE_EVERY_S
                self._peek(self._quarantine)
            return self._standing

    def _peek(self, folder: Path) -> None:
        items = folder / "items"
        try:
            changed_ns = items.stat().st_mtime_ns if items.is_dir() else 0
            if changed_ns != self._changed_ns:
                self._standing = peek(folder / "account", items=items)
                self._changed_ns = changed_ns
        except ValueError:
            pass  # it is being changed: the last numbers stand until the next look
        except OSError:
            self._standing, self._changed_ns = None, -1
