"""The shared page: every slot by itself, nothing lost on the way."""

from __future__ import annotations

import dataclasses

from worker.deliver.progress import Progress
from worker.pool.board import Board


def distinct(start: int) -> Progress:
    """A progress whose every field differs."""
    made = Progress(empty_since=start + 0.5)
    for number, field in enumerate(dataclasses.fields(Progress)):
        if field.name != "empty_since":
            setattr(made, field.name, start + number)
    return made


def test_what_a_worker_writes_the_supervisor_reads() -> None:
    board = Board(3)
    for slot in range(3):
        board.write(slot, slot + 0.25, distinct(100 * slot))
    for slot in range(3):
        reading = board.read(slot)
        assert reading.has_booted
        assert reading.beat_at == slot + 0.25
        assert reading.progress == distinct(100 * slot)


def test_clear_affects_one_slot_only() -> None:
    board = Board(2)
    for slot in range(2):
        board.write(slot, 1.0, distinct(slot))
    board.clear(0)
    assert not board.read(0).has_booted
    assert board.read(0).progress == Progress()
    assert board.read(1).progress == distinct(1)


def test_the_flag_for_a_lost_receiver_is_apart_from_the_slots() -> None:
    board = Board(1)
    assert not board.receiver_is_gone
    board.receiver_is_gone = True
    assert board.receiver_is_gone
    assert not board.read(0).has_booted
