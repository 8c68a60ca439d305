from __future__ import annotations

from typing import TYPE_CHECKING

from worker.deliver.progress import Progress
from worker.observe.board import Care, SlotReading
from worker.pool.summary import SUMMARY_EVERY_S, Summary

if TYPE_CHECKING:
    import pytest


def reading(lags: tuple[float, ...] = (), **numbers: int) -> SlotReading:
    progress = Progress(**numbers)  # type: ignore[arg-type]
    for lag_s in lags:
        progress.object_lag.observe(lag_s)
    return SlotReading(True, 1.0, progress, Care())


def test_each_minute_tells_of_itself_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    summary = Summary()
    summary.look([reading()], 100.0)
    first = reading((2.0, 4.0), objects_done=2, records_delivered=30, held=5)
    summary.look([first], 100.0 + SUMMARY_EVERY_S - 0.1)
    assert caplog.messages == []
    summary.look([first, reading(messages_deleted=1)], 100.0 + SUMMARY_EVERY_S)
    second = reading((2.0, 4.0), objects_done=2, records_delivered=30, held=1)
    summary.look(
        [second, reading(messages_deleted=4, objects_failed=1)],
        100.0 + 2 * SUMMARY_EVERY_S,
    )
    assert caplog.messages == [
        "last 60 s: 2 objects, 30 records delivered, 3.0 s after the event; 1 messages "
        "deleted, 5 held, 0 failures",
        "last 60 s: 0 objects, 0 records delivered; 3 messages deleted, 1 held, "
        "1 failures",
    ]
    summary.conclude([second], 120.04)
    assert caplog.messages[-1] == "2 objects, 30 records, 0 messages deleted, 120.0 s"
