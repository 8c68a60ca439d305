"""Totals survive the workers that made them."""

from __future__ import annotations

from worker.deliver.progress import Progress
from worker.pool.slots import Slot, total


def test_totals_of_dead_workers_add_up() -> None:
    slot = Slot(0, pid=5, kill_at=1.0, is_leaving=True)
    slot.reaped(Progress(records_delivered=3, objects_done=1, held=7, empty_since=9.0))
    slot.pid = 6
    slot.reaped(Progress(records_delivered=4))
    assert slot.past == Progress(records_delivered=7, objects_done=1)
    assert slot.pid is None
    assert slot.kill_at is None
    assert not slot.is_leaving


def test_how_a_worker_stands_does_not_add_up() -> None:
    both = (Progress(held=1, unacked_chunks=2, empty_since=3.0), Progress(held=4))
    assert total(both) == Progress()
