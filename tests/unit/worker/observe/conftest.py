"""A pool to look at, without processes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from worker.deliver.aws_state import AwsState
from worker.deliver.progress import Progress
from worker.observe.board import Care, PoolState, SlotReading
from worker.observe.reading import Facts, PoolReading

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_000.0
EPOCH_S = 1.8e9


@pytest.fixture
def worker() -> Callable[..., SlotReading]:
    """Makes one that is well, but for the fields of its progress that are given."""

    def make(*, beat_at: float = NOW, pid: int = 7, **progress: Any) -> SlotReading:
        well = Progress(
            is_connected=True, sqs_state=AwsState.WORKS, progressed_at=NOW - 1.0
        )
        return SlotReading(
            has_booted=beat_at > 0,
            beat_at=beat_at,
            progress=dataclasses.replace(well, **progress),
            care=Care(pid=pid, spawned_at=NOW - 40.0),
        )

    return make


@pytest.fixture
def pool() -> Callable[..., PoolReading]:
    """Makes a reading of workers."""

    def make(*slots: SlotReading, is_ending: bool = False) -> PoolReading:
        return PoolReading(
            facts=Facts("1.2", started_at=EPOCH_S - 60.0),
            state=PoolState(
                beat_at=NOW - 0.5,
                is_ending=is_ending,
                reloads=3,
                budget_limit_bytes=100,
            ),
            slots=slots,
            now=NOW,
            epoch_s=EPOCH_S,
            quarantine=(2, 8192),
        )

    return make
