"""Says once a minute, and at the end, what the pool has done."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.observe.board import SlotReading

logger = logging.getLogger(__name__)

SUMMARY_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class _Totals:
    objects: int = 0
    records: int = 0
    filtered: int = 0
    without_location: int = 0
    without_time: int = 0
    deleted: int = 0
    failed: int = 0
    held: int = 0
    lag_s: float = 0.0
    lags: int = 0

    @classmethod
    def of(cls, readings: Iterable[SlotReading]) -> _Totals:
        seen = [reading.progress for reading in readings]
        return cls(
            objects=sum(one.objects_done for one in seen),
            records=sum(one.records_delivered for one in seen),
            filtered=sum(one.records_filtered for one in seen),
            without_location=sum(one.records_without_location for one in seen),
            without_time=sum(one.records_without_time for one in seen),
            deleted=sum(one.messages_deleted for one in seen),
            failed=sum(one.objects_failed for one in seen),
            held=sum(one.held for one in seen),
            lag_s=sum(one.object_lag.total for one in seen),
            lags=sum(one.object_lag.count for one in seen),
        )


class Summary:
    """Compares what is with what was a minute ago."""

    def __init__(self) -> None:
        self._due: float | None = None
        self._last = _Totals()

    def look(self, readings: Iterable[SlotReading], now: float) -> None:
        """Log a line if a minute is over."""
        if self._due is None:
            self._due = now + SUMMARY_EVERY_S
        if now < self._due:
            return
        self._due = now + SUMMARY_EVERY_S
        last, self._last = self._last, _Totals.of(readings)
        done = self._last
        lags = done.lags - last.lags
        lag = (
            f", {(done.lag_s - last.lag_s) / lags:.1f} s after the event"
            if lags
            else ""
        )
        logger.info(
            "last %.0f s: %d objects, %d records delivered%s%s; %d messages deleted, "
            "%d held, %d failures",
            SUMMARY_EVERY_S,
            done.objects - last.objects,
            done.records - last.records,
            _beside(
                done.filtered - last.filtered,
                done.without_location - last.without_location,
                done.without_time - last.without_time,
            ),
            lag,
            done.deleted - last.deleted,
            done.held,
            done.failed - last.failed,
        )

    @staticmethod
    def conclude(readings: Iterable[SlotReading], seconds: float) -> None:
        """Log what was done in all."""
        done = _Totals.of(readings)
        logger.info(
            "%d objects, %d records%s, %d messages deleted, %.1f s",
            done.objects,
            done.records,
            _beside(done.filtered, done.without_location, done.without_time),
            done.deleted,
            seconds,
        )


def _beside(filtered: int, without_location: int, without_time: int) -> str:
    """What else there is to be said of records, if anything."""
    parts = (
        (filtered, "filtered out"),
        (without_location, "without a record location"),
        (without_time, "dated by their notification"),
    )
    return "".join(f", {count} {what}" for count, what in parts if count)
