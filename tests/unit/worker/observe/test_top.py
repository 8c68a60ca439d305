"""What the terminal shows of two looks."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from worker.observe.overview import overview
from worker.observe.top import duration, screen, size

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.observe.board import SlotReading
    from worker.observe.reading import PoolReading

    Worker = Callable[..., SlotReading]
    Pool = Callable[..., PoolReading]


def drawn(now: dict[str, Any], before: dict[str, Any] | None, elapsed_s: float) -> str:
    console = Console(width=160, record=True, file=None, force_terminal=False)
    with console.capture() as capture:
        console.print(screen(now, before, elapsed_s))
    return capture.get()


@pytest.fixture
def before(worker: Worker, pool: Pool) -> dict[str, Any]:
    return overview(pool(worker(records_delivered=100), worker(is_connected=False)))


def test_rates_are_what_came_in_between(before: dict[str, Any]) -> None:
    now = copy.deepcopy(before)
    now["uptime_s"] += 4.0
    now["workers"][0] |= {
        "records_delivered": 500,
        "objects_done": 8,
        "cpu_s": 2.0,
        "object_lag": {"sum_s": 12.0, "count": 8},
    }
    now["workers"][0]["backpressure_s"]["s3"] += 3.0
    text = drawn(now, before, 4.0)
    assert "100 records/s  2.0 objects/s" in text
    assert "lag 1.5 s" in text
    (row,) = [line for line in text.splitlines() if line.startswith("0 ")]
    assert "s3 75%" in row
    assert "50%" in row


def test_what_is_wrong_is_said(before: dict[str, Any]) -> None:
    now = copy.deepcopy(before)
    now["errors"] = [{"at": "2026-11-21T09:00:00Z", "text": "worker 0: bad\x1b[2J key"}]
    now["workers"][0]["sqs"] = "credentials_refused"
    text = drawn(now, before, 1.0)
    assert "not ready" in text
    assert "receiver: not connected: worker 1" in text
    assert "sqs credentials_refused" in text
    assert "2026-11-21T09:00:00Z worker 0: bad\\x1b[2J key" in text
    assert "\x1b" not in text


def test_after_a_restart_rates_begin_anew(before: dict[str, Any]) -> None:
    now = copy.deepcopy(before)
    now["uptime_s"] = 10.0
    now["workers"][0]["records_delivered"] = 50
    assert "5 records/s" in drawn(now, before, 2.0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (59.94, "59.9 s"),
        (200.0, "3 min 20 s"),
        (7500.0, "2 h 5 min"),
        (273_600.0, "3 d 4 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"), [(0, "0 B"), (91_234_567, "91.2 MB"), (4e12, "4 TB")]
)
def test_sizes(size_bytes: float, text: str) -> None:
    assert size(size_bytes) == text
