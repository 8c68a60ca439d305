from __future__ import annotations

import logging

from worker.observe.recent_errors import KEPT, RecentErrors
from worker.pool.log_format import StderrHandler


def test_the_newest_come_first_and_the_oldest_go() -> None:
    errors = RecentErrors()
    assert errors.read() == []
    for number in range(KEPT + 3):
        errors.add(float(number), f"line {number}")
    assert errors.read() == [
        (float(number), f"line {number}") for number in range(KEPT + 2, 2, -1)
    ]


def test_a_long_line_is_cut_between_characters() -> None:
    errors = RecentErrors()
    errors.add(1.0, "ü" * 1000)
    ((_, text),) = errors.read()
    assert set(text) == {"ü"}
    assert 200 < len(text) < 300


def test_the_log_keeps_errors_there_and_nothing_less(tmp_path) -> None:  # type: ignore[no-untyped-def]
    errors = RecentErrors()
    with (tmp_path / "log").open("w") as log:
        handler = StderrHandler("text", log.fileno(), errors.add)
        for level in (logging.INFO, logging.WARNING, logging.ERROR):
            record = logging.LogRecord("n", level, "", 0, "said at %d", (level,), None)
            record.created, record.worker = 5.0, 1
            handler.emit(record)
    ((epoch_s, text),) = errors.read()
    assert (epoch_s, text) == (5.0, "worker 1: said at 40")
