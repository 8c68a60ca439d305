"""Who inherits a dead worker's objects and messages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.unit.worker.deliver.journal_steps import (
    DAY_S,
    OTHER,
    advance,
    begin,
    hold,
    message,
    take_over,
)
from worker.deliver.inheritance import Inherited
from worker.deliver.journal import Batch, Claimed, Journal, Mine, ObjectKey
from worker.deliver.journal_batch import claimant_of
from worker.deliver.journal_messages import MAX_BODY_BYTES
from worker.source.messages import Message

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
    assert take_over(successor, 0.0) == [("m1", "h1"), ("m2", "h2")]
    assert take_over(successor, 0.0) == []
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
    assert take_over(first, 0.0) == [
        ("run-1", "h"),
        ("run1-0", "h"),
        ("run1-5", "h"),
    ]
    assert take_over(second, 0.0) == []
    assert begin(second, key=ObjectKey("b", "run1-5", "e:1")) == Mine(0)


def test_a_worker_does_not_take_over_from_itself(open_journal: Open) -> None:
    journal = open_journal()
    begin(journal)
    hold(journal, ("m1", "h1"))
    assert take_over(journal, 0.0) == []
    assert begin(journal, "m2") == Claimed()


def test_what_was_let_go_is_not_inherited(open_journal: Open) -> None:
    dead = open_journal("run1:0:a")
    hold(dead, ("m1", "old"), ("m1", "new"), ("m2", "h2"))
    batch = Batch()
    batch.hold(message("m3", "h3"))
    batch.let_go("m3")
    batch.let_go("m2")
    batch.let_go("m2")
    batch.hold(message("m4", "h4"))
    dead.commit(batch, 0.0)
    assert take_over(open_journal("run1:0:b"), 0.0) == [
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
    assert take_over(open_journal("run1:0:c"), 0.0) == []
    assert take_over(open_journal("run1:1:c"), 0.0) == [("m", "h2")]


def test_a_message_received_last_and_let_go_at_once_is_nobodys(
    open_journal: Open,
) -> None:
    first, second = open_journal("run1:0:a"), open_journal("run1:1:b")
    hold(first, ("m", "h1"))
    batch = Batch()
    batch.hold(message("m", "h2"))
    batch.let_go("m")
    second.commit(batch, 0.0)
    assert take_over(open_journal("run2:0:c"), 0.0) == []


def test_an_inherited_count_outlives_a_long_outage(open_journal: Open) -> None:
    dead = open_journal("run1:0:a")
    begin(dead)
    advance(dead, 4)
    successor = open_journal("run2:0:b")
    later = 3.0 * DAY_S
    successor.take_over(later)
    assert successor.expire(later) == 0
    assert begin(successor, now_s=later) == Mine(4)


def deaths(journal: Journal) -> dict[str, int]:
    """How many workers died with each message that a journal inherits."""
    return {one.message.id: one.deaths for one in journal.take_over(0.0)}


def work_alone(journal: Journal, message_id: str) -> None:
    batch = Batch()
    batch.alone = message_id
    journal.commit(batch, 0.0)


def test_a_message_comes_as_it_was_received(open_journal: Open) -> None:
    sent_at = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
    whole = Message("m1", "h1", "{…}\ud800", 3, sent_at)
    large = Message("m2", "h2", "x" * (MAX_BODY_BYTES + 1))
    dead = open_journal("run1:0:a")
    batch = Batch()
    for one in (whole, large):
        batch.hold(one)
    dead.commit(batch, 100.0)
    assert open_journal("run1:0:b").take_over(107.5) == [
        Inherited(whole, 7.5, 1),
        Inherited(replace(large, body=""), 7.5, 1),
    ]
    assert deaths(open_journal("run1:0:c")) == {"m1": 2}, "a large one is let go"


def test_deaths_make_suspects_and_one_that_is_alone_is_guilty(
    open_journal: Open,
) -> None:
    hold(open_journal("run1:0:a"), ("m1", "h"), ("m2", "h"))
    second = open_journal("run1:0:b")
    assert deaths(second) == {"m1": 1, "m2": 1}
    hold(second, ("new", "h"))
    third = open_journal("run1:0:c")
    assert deaths(third) == {"m1": 2, "m2": 2, "new": 1}
    fourth = open_journal("run1:0:d")
    assert deaths(fourth) == {"m1": 2, "m2": 2, "new": 2}, "nothing was alone in work"
    work_alone(fourth, "m1")
    work_alone(fourth, "m2")
    fifth = open_journal("run1:0:e")
    assert deaths(fifth) == {"m1": 2, "m2": 3, "new": 2}, "the others are no worse"
    work_alone(fifth, "m1")
    work_alone(fifth, "")
    assert deaths(open_journal("run1:0:f")) == {"m1": 2, "m2": 3, "new": 2}


def test_a_message_that_was_not_begun_is_cleared(open_journal: Open) -> None:
    """It waits for another message's work on the same object, or was finished."""
    dead = open_journal("run1:0:a")
    hold(dead, ("begun", "h"), ("waiting", "h"))
    begin(dead, claimant_of("begun", 7))
    assert deaths(open_journal("run1:0:b")) == {"begun": 1, "waiting": 0}
    third = open_journal("run1:0:c")
    assert deaths(third) == {"begun": 2, "waiting": 1}, "none was begun by then"
    begin(third, claimant_of("begun", 0))
    work_alone(third, "waiting")
    assert deaths(open_journal("run1:0:d")) == {"begun": 2, "waiting": 3}


def test_who_leaves_in_order_died_of_nothing(open_journal: Open) -> None:
    hold(open_journal("run1:0:a"), ("m1", "h"), ("m2", "h"))
    leaving = open_journal("run1:0:b")
    assert deaths(leaving) == {"m1": 1, "m2": 1}
    work_alone(leaving, "m1")
    leaving.leave(blamed=["m2"])
    assert deaths(open_journal("run1:1:c")) == {"m1": 1}, "whichever slot comes first"
    assert deaths(open_journal("run1:0:d")) == {"m2": 2}
