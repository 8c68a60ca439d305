"""The shared page: every slot by itself, nothing lost on the way."""

from __future__ import annotations

import dataclasses
from itertools import count

from worker.deliver.aws_state import AwsState
from worker.deliver.failing_buckets import FailingBuckets
from worker.deliver.numbers import Histogram, Tally
from worker.deliver.progress import STANDING, UNKNOWN, Progress
from worker.observe.board import Board, Care, PoolState


def distinct(start: int) -> Progress:
    """A progress whose every number differs, as far as its type lets it."""
    made, numbers = Progress(), count(start)
    for field in dataclasses.fields(Progress):
        value = getattr(made, field.name)
        if isinstance(value, Tally | Histogram):
            row = [float(next(numbers)) for _ in value.to_row()]
            setattr(made, field.name, value.like(row))
        elif isinstance(value, FailingBuckets):
            value.set([(f"bucket-{start}", AwsState.KMS, next(numbers))])
        else:
            setattr(made, field.name, type(value)(next(numbers)))
    return made


def test_what_a_worker_writes_the_others_read() -> None:
    board = Board(3)
    for slot in range(3):
        writer = board.writer(slot)
        writer.publish(distinct(1000 * slot))
        writer.beat(slot + 0.25)
    for slot in range(3):
        reading = board.read(slot)
        assert reading.has_booted
        assert reading.beat_at == slot + 0.25
        assert reading.progress == distinct(1000 * slot)


def test_a_worker_begins_where_the_one_before_it_has_ended() -> None:
    board = Board(2)
    first = Progress(records_delivered=3, held=7, queue_visible=5.0)
    first.messages_returned.add("drain", 2)
    first.chunk_ack.observe(0.2)
    board.writer(0).publish(first)
    board.writer(1).publish(distinct(1))
    board.clear(0)
    assert not board.read(0).has_booted
    between = board.read(0).progress
    assert (between.records_delivered, between.held) == (3, 0)
    assert between.queue_visible == UNKNOWN
    second = Progress(records_delivered=4, held=1)
    second.messages_returned.add("drain")
    second.chunk_ack.observe(0.3)
    writer = board.writer(0)
    for _ in range(2):  # what was written once is not added twice
        writer.publish(second)
    after = board.read(0).progress
    assert (after.records_delivered, after.held) == (7, 1)
    assert after.messages_returned.counts["drain"] == 3
    assert (after.chunk_ack.count, after.chunk_ack.total) == (2, 0.5)
    assert board.read(1).progress == distinct(1)


def test_no_counter_goes_back_when_a_slot_is_cleared() -> None:
    board = Board(1)
    board.writer(0).publish(distinct(1))
    before = board.read(0).progress
    board.clear(0)
    after = board.read(0).progress
    for field in dataclasses.fields(Progress):
        expected = Progress() if field.name in STANDING else before
        assert getattr(after, field.name) == getattr(expected, field.name), field.name


def test_what_the_supervisor_writes_is_apart_from_what_workers_write() -> None:
    board = Board(2)
    care = Care(pid=7, spawned_at=1.5, restarts=2, rss_bytes=10, cpu_s=0.5)
    state = PoolState(beat_at=3.5, is_ending=True, reloads=1)
    board.set_care(1, care)
    board.state = state
    board.receiver_is_gone = True
    board.writer(0).publish(distinct(1))
    board.writer(1).publish(distinct(500))
    assert (board.read(0).care, board.read(1).care) == (Care(), care)
    assert board.state == state
    assert board.receiver_is_gone
