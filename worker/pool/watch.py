"""Judges running workers: heartbeat, memory, and how they fare."""

from __future__ import annotations

import logging
import os
import signal
from typing import TYPE_CHECKING

import psutil

from worker.observe.health import SILENT_AFTER_S, is_silent
from worker.pool.signals import REPLACE_LARGE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.observe.board import SlotReading
    from worker.pool.slots import Slot

logger = logging.getLogger(__name__)

KILL_AFTER_S = 5.0
MEASURE_EVERY_S = 5.0
SUMMARY_EVERY_S = 60.0


class Watch:
    """Looks at each worker on every turn of the supervisor's loop.

    Args:
        max_rss_bytes: A worker above it drains and is replaced; 0: no limit.
        silent_after_s: A worker without a heartbeat for so long is dumped and
            killed.
    """

    def __init__(
        self, *, max_rss_bytes: int, silent_after_s: float = SILENT_AFTER_S
    ) -> None:
        self._max_rss_bytes = max_rss_bytes
        self._silent_after_s = silent_after_s
        self._processes: dict[int, psutil.Process] = {}
        self._measure_at = 0.0
        self._summary_at = 0.0
        self._suspects: dict[int, float] = {}

    def limit(self, max_rss_bytes: int) -> None:
        """Hold workers to another limit from now on."""
        self._max_rss_bytes = max_rss_bytes

    def look(self, slot: Slot, reading: SlotReading, now: float) -> None:
        """Dump and kill a silent worker; drain one that has grown too large."""
        if slot.pid is None:
            return
        if slot.kill_at is not None:
            if now >= slot.kill_at:
                os.kill(slot.pid, signal.SIGKILL)
        elif is_silent(
            reading, now, silent_after_s=self._silent_after_s
        ) and self._is_same_as_last(slot.pid, reading.beat_at):
            logger.error(
                "worker %d gives no sign of life for %.0f s; its stacks follow",
                slot.number,
                now - max(reading.beat_at, slot.spawned_at),
            )
            # faulthandler prints every thread's stack, then the default action kills.
            os.kill(slot.pid, signal.SIGABRT)
            slot.kill_at = now + KILL_AFTER_S

    def measure(self, slots: Iterable[Slot], now: float) -> None:
        """Measure the workers every few seconds, log how they fare every minute."""
        if now < self._measure_at:
            return
        self._measure_at = now + MEASURE_EVERY_S
        is_summary = 0.0 < self._summary_at <= now
        if is_summary or not self._summary_at:
            self._summary_at = now + SUMMARY_EVERY_S
        for slot in slots:
            if slot.pid is not None:
                self._measure(slot, log=is_summary)
        live = {slot.pid for slot in slots}
        self._processes = {k: v for k, v in self._processes.items() if k in live}
        self._suspects = {k: v for k, v in self._suspects.items() if k in live}

    def _is_same_as_last(self, pid: int, beat_at: float) -> bool:
        """Whether two looks in a row found the same old beat.

        After a pause of the whole machine the first one is no fault of the worker's.
        """
        last = self._suspects.get(pid)
        self._suspects = {**self._suspects, pid: beat_at}
        return last == beat_at

    def _measure(self, slot: Slot, *, log: bool) -> None:
        pid = slot.pid
        if pid is None:
            return
        try:
            process = self._processes.setdefault(pid, psutil.Process(pid))
            rss_bytes = process.memory_info().rss
            cpu_percent = process.cpu_percent()
            cpu = process.cpu_times()
        except psutil.Error:
            return  # it has just ended; the next reap says how
        slot.rss_bytes, slot.cpu_s = rss_bytes, cpu.user + cpu.system
        if 0 < self._max_rss_bytes < rss_bytes and not slot.is_leaving:
            logger.warning(
                "worker %d holds %d bytes, above pool.max_worker_rss_bytes (%d); "
                "draining it",
                slot.number,
                rss_bytes,
                self._max_rss_bytes,
            )
            slot.is_leaving = True
            os.kill(pid, REPLACE_LARGE)
        if log:
            logger.info(
                "worker %d: %.0f MB, %.0f %% of a processor",
                slot.number,
                rss_bytes / 1e6,
                cpu_percent,
            )
