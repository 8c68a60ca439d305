"""Who inherits a dead worker's objects and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.worker.deliver.journal_steps import DAY_S, OTHER, advance, begin, hold
from worker.deliver.journal import Batch, Claimed, Journal, Mine, ObjectKey

if TYPE_CHECKING:
    from collections.abc import Callable

    Open = Callable[..., Journal]


def test_a_replacement_inherits_from_its_own_slot_only(open_journal: Open) -> None:
    dead, alive = open_journal("run1:1:a"), open_journal("run1:10:b")
    begin(dead)
    advance(dead, 4)
    begin(alive, key=OTHER)
    hold(dead, ("m1", "h1"), ("m2", "h2"))
    hold(alive, ("m3", "h3"))
    successor = open_journal("run1:1:c")
    assert sorted(successor.take_over(0.0)) == [("m1", "h1"), ("m2", "h2")]
    assert successor.take_over(0.0) == []
    assert begin(successor, "again") == Mine(4)
    assert begin(successor, key=OTHER) == Claimed()


def test_the_first_worker_of_a_new_run_inherits_from_all_earlier_ones(
    open_journal: Open,
) -> None:
    for run, slot in (("run1", 0), ("run1", 5), ("run", 1)):
        journal = open_journal(f"{run}:{slot}:x")
        hold(journal, (f"{run}-{slot}", "h"))
        begin(journal, key=ObjectKey("b", f"{run}-{slot}", "e:1"))
    first, second = open_journal("run2:3:y"), open_journal("run2:0:y")
    assert sorted(first.take_over(0.0)) == [
        ("run-1", "h"),
        ("run1-0", "h"),
        ("run1-5", "h"),
    ]
    assert second.take_over(0.0) == []
    assert begin(second, key=ObjectKey("b", "run1-5", "e:1")) == Mine(0)


def test_a_worker_does_not_take_over_from_itself(open_journal: Open) -> None:
    journal = open_journal()
    begin(journal)
    hold(journal, ("m1", "h1"))
    assert journal.take_over(0.0) == []
    assert begin(journal, "m2") == Claimed()


def test_what_was_let_go_is_not_inherited(open_journal: Open) -> None:
    dead = open_journal("run1:0:a")
    hold(dead, ("m1", "old"), ("m1", "new"), ("m2", "h2"))
    batch = Batch()
    batch.hold("m3", "h3")
    batch.let_go("m3")
    batch.let_go("m2")
    batch.let_go("m2")
    batch.hold("m4", "h4")
    dead.commit(batch, 0.0)
    assert sorted(open_journal("run1:0:b").take_over(0.0)) == [
        ("m1", "new"),
        ("m4", "h4"),
    ]


def test_a_message_belongs_to_who_received_it_last(open_journal: Open) -> None:
    first, second = open_journal("run1:0:a"), open_journal("run1:1:b")
    hold(first, ("m", "h1"))
    hold(second, ("m", "h2"))
    batch = Batch()
    batch.let_go("m")
    first.commit(batch, 0.0)
    assert open_journal("run1:0:c").take_over(0.0) == []
    assert open_journal("run1:1:c").take_over(0.0) == [("m", "h2")]


def test_a_message_received_last_and_let_go_at_once_is_nobodys(
    open_journal: Open,
) -> None:
    first, second = open_journal("run1:0:a"), open_journal("run1:1:b")
    hold(first, ("m", "h1"))
    batch = Batch()
    batch.hold("m", "h2")
    batch.let_go("m")
    second.commit(batch, 0.0)
    assert open_journal("run2:0:c").take_over(0.0) == []


def test_an_inherited_count_outlives_a_long_outage(open_journal: Open) -> None:
    dead = open_journal("run1:0:a")
    begin(dead)
    advance(dead, 4)
    successor = open_journal("run2:0:b")
    later = 3.0 * DAY_S
    successor.take_over(later)
    assert successor.expire(later) == 0
    assert begin(successor, now_s=later) == Mine(4)
