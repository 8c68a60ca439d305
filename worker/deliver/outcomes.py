"""What came out of each object, and a warning where that is nothing, or has no time.

So that nothing of an object goes missing without a word.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.deliver.complaint import Complaint

if TYPE_CHECKING:
    from worker.config.records import DecodeConfig
    from worker.deliver.ledger import HeldObject
    from worker.deliver.progress import Progress

logger = logging.getLogger(__name__)

EMPTY_BYTES: Final = 64
"""What is no larger, as stored, may well hold no record: ``{"Records":[]}``, or a
compressed line end."""


@dataclass(frozen=True, slots=True)
class Before:
    """The worker's counts when an object was begun."""

    without_location: int
    filtered: int
    without_time: int


class Outcomes:
    """Looks at each object once its last record was emitted.

    Objects that take turns share the counts: a warning may name another one of them.

    Args:
        decode: The section ``[decode]``.
        progress: The worker's counts.
    """

    def __init__(self, decode: DecodeConfig, progress: Progress) -> None:
        self._decode = decode
        self._progress = progress
        self._has_times = decode.format != "lines"
        self._is_let_through = False
        self._has_warned_of_filter = False
        self._complaint = Complaint(logger, over="", level=logging.WARNING)

    def begun(self) -> Before:
        """Remember the counts."""
        progress = self._progress
        return Before(
            progress.records_without_location,
            progress.records_filtered,
            progress.records_without_time,
        )

    def ended(
        self,
        item: HeldObject,
        before: Before,
        *,
        size_bytes: int,
        emitted: int,
        now: float,
    ) -> None:
        """Warn where an object gave nothing, or records without a time.

        Args:
            item: The object.
            before: The counts when it was begun.
            size_bytes: Of it, as stored.
            emitted: How many records came out now.
            now: Monotonic instant.
        """
        progress, decode = self._progress, self._decode
        emitted += item.acked_records
        self._is_let_through |= emitted > 0
        if self._has_times and progress.records_without_time > before.without_time:
            self._has_times = False  # it is said once
            logger.warning(
                "%s: records have no usable time: check decode.time_field (%s) and "
                "decode.time_format (%s); such records get their notification's time, "
                "and are counted",
                item.ref.url,
                decode.time_field,
                decode.time_format,
            )
        if emitted or size_bytes <= EMPTY_BYTES:
            return
        filtered = progress.records_filtered - before.filtered
        if filtered:
            self._warn_of_filter(item, filtered)
        elif progress.records_without_location > before.without_location:
            self._complaint.raised(
                f"{item.ref.url}: nothing is at decode.record_location "
                f"({decode.record_location}): no record of it is delivered",
                now,
                kind="record_location",
            )
        else:
            self._complaint.raised(
                f"{item.ref.url}: no record is found in its {size_bytes:,} bytes: "
                "check decode.format and decode.record_location",
                now,
                kind="no record",
            )

    def _warn_of_filter(self, item: HeldObject, records: int) -> None:
        """Say once that rules let nothing through, as long as they never did."""
        if self._is_let_through or self._has_warned_of_filter:
            return
        self._has_warned_of_filter = True
        logger.warning(
            "%s: filter.include and filter.exclude let none of its %d records through, "
            "nor any before them: check these rules",
            item.ref.url,
            records,
        )
