"""What systemd is told, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.observe.health import SILENT_AFTER_S, is_silent
from worker.pool.watch import KILL_AFTER_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.observe.board import SlotReading
    from worker.pool.notify import Notifier

STATUS_EVERY_S = 5.0

HOPELESS_AFTER_S = SILENT_AFTER_S + KILL_AFTER_S + 10.0
"""By then the supervisor has replaced a worker that hangs, if it can."""


class Herald:
    """Judges by the board when the pool is ready, and whether it lives.

    Args:
        notifier: Carries the news; None: there is nobody to be told.
    """

    def __init__(self, notifier: Notifier | None) -> None:
        self._notifier = notifier
        self._is_ready = False
        self._is_ending = False
        self._status_due = 0.0

    def look(self, readings: Sequence[SlotReading], now: float) -> None:
        """Tell what there is to tell.

        Args:
            readings: Of all slots.
            now: Monotonic instant.
        """
        if self._notifier is None:
            return
        if not self._is_ready and all(one.has_booted for one in readings):
            self._is_ready = True
            self._notifier.ready()
        if not any(
            is_silent(one, now, silent_after_s=HOPELESS_AFTER_S) for one in readings
        ):
            self._notifier.sign_of_life(now)
        if now >= self._status_due:
            self._status_due = now + STATUS_EVERY_S
            self._notifier.status(self._status(readings))

    def reloading(self, now: float) -> None:
        """Workers are replaced for a new configuration.

        Args:
            now: Monotonic instant.
        """
        if self._notifier is not None:
            self._notifier.reloading(now)

    def reloaded(self) -> None:
        """That is over."""
        if self._notifier is not None:
            self._notifier.ready()

    def stopping(self) -> None:
        """The pool drains."""
        self._is_ending = True
        if self._notifier is not None:
            self._notifier.stopping()

    def _status(self, readings: Sequence[SlotReading]) -> str:
        at_work = sum(one.has_booted for one in readings)
        doing = "draining" if self._is_ending else f"{at_work} workers"
        apart = sum(
            one.has_booted and not one.progress.is_connected for one in readings
        )
        return (
            f"{doing}; {sum(one.progress.held for one in readings)} messages held, "
            f"{sum(one.progress.records_delivered for one in readings)} records "
            f"delivered{f'; {apart} without the receiver' if apart else ''}"
        )
