"""What a slot knows survives the workers that were in it."""

from __future__ import annotations

from worker.pool.slots import Slot


def test_processor_time_adds_up_and_never_goes_back() -> None:
    slot = Slot(0, pid=5, kill_at=1.0, cpu_s=2.5, rss_bytes=10)
    shown = [slot.care().cpu_s]
    slot.reaped(2.4)  # a little less than what was measured of the living
    shown.append(slot.care().cpu_s)
    slot.pid, slot.cpu_s = 6, 1.0
    shown.append(slot.care().cpu_s)
    slot.reaped(1.5)
    shown.append(slot.care().cpu_s)
    assert shown == [2.5, 2.5, 3.5, 4.0]
    assert slot.care().pid == slot.care().rss_bytes == 0
