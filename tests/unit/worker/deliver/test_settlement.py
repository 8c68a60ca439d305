"""Deletes in batches, extensions in time, lost handles, and what failed again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from tests.fakes.calls import (
    RecordedQueueCalls,
    SilentWitness,
    make_failure,
    make_message,
    make_refs,
)
from worker.deliver.inbox import Deleted, DeleteFailed, VisibilityChanged
from worker.deliver.ledger import Fate, HeldMessage, Ledger
from worker.deliver.progress import Progress
from worker.deliver.settlement import (
    DELETE_LINGER_S,
    MAX_DELAY_S,
    MAX_HELD_S,
    MAX_UNDELETED,
    Settlement,
    retry_delay_s,
)
from worker.errors import AwsError

if TYPE_CHECKING:
    from worker.deliver.calls import QueueCalls

TIMEOUT_S = 600
THIRD_S = 200


class Scene:
    """A settlement with everything around it, at a time of the test's own."""

    def __init__(self) -> None:
        self.calls = RecordedQueueCalls()
        self.ledger = Ledger(SilentWitness())
        self.progress = Progress()
        self.settlement = Settlement(
            cast("QueueCalls", self.calls),
            self.ledger,
            self.progress,
            visibility_timeout_s=TIMEOUT_S,
            jitter=lambda: 1.0,
        )

    def hold(self, number: int, at: float = 0.0) -> HeldMessage:
        return self.ledger.hold(
            make_message(number),
            make_refs(1),
            received_at=at,
            extend_at=self.settlement.extend_at(at),
        )

    def complete(self, count: int) -> list[HeldMessage]:
        holders = [self.hold(number) for number in range(count)]
        for holder in holders:
            self.ledger.complete(holder)
        return holders


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_full_batches_go_at_once_and_the_rest_lingers(scene: Scene) -> None:
    holders = scene.complete(23)
    scene.settlement.delete(holders, now=1.0)
    scene.settlement.step(1.0, at_once=False)
    assert scene.calls.deletes == [holders[:10], holders[10:20]]
    scene.settlement.step(1.0 + DELETE_LINGER_S, at_once=False)
    assert scene.calls.deletes[2:] == [holders[20:]]


def test_draining_waits_for_no_batch(scene: Scene) -> None:
    scene.settlement.delete(scene.complete(1), now=1.0)
    scene.settlement.step(1.0, at_once=True)
    assert len(scene.calls.deletes) == 1
    assert not scene.settlement.is_idle


def test_deleted_messages_are_counted_and_nothing_is_left(scene: Scene) -> None:
    holders = scene.complete(2)
    scene.settlement.delete(holders, now=1.0)
    scene.settlement.step(2.0, at_once=False)
    scene.settlement.on_deleted(Deleted(holders, ()), now=2.0)
    assert scene.progress.messages_deleted == 2
    assert scene.settlement.is_idle


def test_a_partial_failure_is_deleted_again_a_lost_handle_is_not(scene: Scene) -> None:
    first, second, third = holders = scene.complete(3)
    scene.settlement.delete(holders, now=1.0)
    scene.settlement.step(2.0, at_once=False)
    failures = (
        make_failure(second, "InternalError", handle_lost=False),
        make_failure(third, "ReceiptHandleIsInvalid", handle_lost=True),
    )
    scene.settlement.on_deleted(Deleted(holders, failures), now=2.0)
    scene.settlement.step(2.0, at_once=True)
    assert len(scene.calls.deletes) == 1, "not hammered, even while draining"
    scene.settlement.step(60.0, at_once=False)
    assert scene.calls.deletes[1:] == [[second]]
    assert scene.progress.messages_deleted == 1
    assert first not in scene.calls.deletes[1]


def test_a_failed_call_is_made_again_whole(scene: Scene) -> None:
    holders = scene.complete(2)
    scene.settlement.delete(holders, now=1.0)
    scene.settlement.step(2.0, at_once=False)
    error = AwsError("InternalError", "SQS is down")
    scene.settlement.on_delete_failed(DeleteFailed(holders, error), now=2.0)
    assert not scene.settlement.is_idle
    scene.settlement.step(60.0, at_once=False)
    assert scene.calls.deletes[1:] == [holders]


def test_held_messages_are_extended_at_a_third_of_the_timeout(scene: Scene) -> None:
    holders = [scene.hold(number) for number in range(12)]
    scene.settlement.step(THIRD_S - 1.0, at_once=False)
    assert scene.calls.changes == []
    scene.settlement.step(float(THIRD_S), at_once=False)
    assert [len(batch) for batch in scene.calls.changes] == [10, 2]
    assert scene.calls.changes[0][0] == (holders[0], TIMEOUT_S)
    scene.settlement.step(2.0 * THIRD_S - 1.0, at_once=False)
    assert len(scene.calls.changes) == 2, "not again before the next third"
    scene.settlement.step(2.0 * THIRD_S, at_once=False)
    assert len(scene.calls.changes) == 4


def test_no_extension_reaches_past_twelve_hours(scene: Scene) -> None:
    holder = scene.hold(0)
    near_the_end = MAX_HELD_S - 100.0
    holder.extend_at = near_the_end
    scene.settlement.step(near_the_end, at_once=False)
    assert scene.calls.changes == [[(holder, 100)]]
    scene.settlement.step(MAX_HELD_S - 1.0, at_once=False)
    assert scene.ledger.held_count == 1
    scene.settlement.step(float(MAX_HELD_S), at_once=False)
    assert holder.fate is Fate.ABANDONED
    assert len(scene.calls.changes) == 1


def test_a_lost_handle_stops_the_work_on_its_message_only(scene: Scene) -> None:
    lost, kept = scene.hold(0), scene.hold(1)
    failure = make_failure(lost, "MessageNotInflight", handle_lost=True)
    scene.settlement.step(float(THIRD_S), at_once=False)
    scene.settlement.on_visibility_changed(
        VisibilityChanged([(lost, TIMEOUT_S), (kept, TIMEOUT_S)], False, (failure,)),
        now=201.0,
    )
    assert lost.fate is Fate.ABANDONED
    assert kept.fate is Fate.HELD
    assert not lost.objects


@pytest.mark.parametrize("is_whole_call", [True, False])
def test_an_extension_that_failed_is_made_again_soon(
    scene: Scene, *, is_whole_call: bool
) -> None:
    holder = scene.hold(0)
    scene.settlement.step(float(THIRD_S), at_once=False)
    event = (
        VisibilityChanged(
            [(holder, TIMEOUT_S)], False, (), AwsError("InternalError", "down")
        )
        if is_whole_call
        else VisibilityChanged(
            [(holder, TIMEOUT_S)],
            False,
            (make_failure(holder, "InternalError", handle_lost=False),),
        )
    )
    scene.settlement.on_visibility_changed(event, now=THIRD_S + 0.5)
    scene.settlement.step(THIRD_S + 60.0, at_once=False)
    assert len(scene.calls.changes) == 2


def test_giving_back_abandons_and_sets_the_delay(scene: Scene) -> None:
    holder = scene.hold(0)
    scene.settlement.give_back(holder, 30, reason="bad_object")
    scene.settlement.give_back(holder, 60, reason="drain")
    scene.settlement.step(0.0, at_once=False)
    assert scene.calls.changes == [[(holder, 30)]]
    assert holder.fate is Fate.ABANDONED
    assert not scene.settlement.is_idle
    scene.settlement.on_visibility_changed(VisibilityChanged([(holder, 30)], True), 0.0)
    assert scene.progress.messages_returned.counts["bad_object"] == 1
    assert scene.progress.messages_returned.total == 1
    assert scene.settlement.is_idle


def test_a_giving_back_that_failed_is_made_again(scene: Scene) -> None:
    holder = scene.hold(0)
    scene.settlement.give_back(holder, 0, reason="drain")
    scene.settlement.step(0.0, at_once=True)
    error = AwsError("InternalError", "SQS is down")
    scene.settlement.on_visibility_changed(
        VisibilityChanged([(holder, 0)], True, (), error), 0.0
    )
    assert not scene.settlement.is_idle
    scene.settlement.step(scene.settlement.due(), at_once=True)
    scene.settlement.step(30.0, at_once=True)
    assert scene.calls.changes == [[(holder, 0)], [(holder, 0)]]
    assert scene.progress.messages_returned.total == 0


def test_what_cannot_be_deleted_stays_hidden_and_stops_the_receiving(
    scene: Scene,
) -> None:
    holders = scene.complete(MAX_UNDELETED)
    assert scene.settlement.has_room
    scene.settlement.delete(holders, now=1.0)
    assert not scene.settlement.has_room
    scene.settlement.step(2.0, at_once=False)
    error = AwsError("AccessDenied", "not allowed to delete")
    for batch in scene.calls.deletes:
        scene.settlement.on_delete_failed(DeleteFailed(batch, error), now=2.0)
    scene.settlement.step(THIRD_S + 1.0, at_once=False)
    extended = {h for batch in scene.calls.changes for h, _ in batch}
    assert extended == set(holders)
    for batch in scene.calls.deletes[MAX_UNDELETED // 10 :]:
        scene.settlement.on_deleted(Deleted(batch, ()), now=300.0)
    assert scene.settlement.has_room


def test_long_messages_that_cannot_be_deleted_stop_the_receiving_sooner(
    scene: Scene,
) -> None:
    holders = scene.complete(17)
    for holder in holders:
        holder.message = replace(holder.message, body="x" * (1 << 20))
    scene.settlement.delete(holders[:15], now=1.0)
    assert scene.settlement.has_room
    scene.settlement.delete(holders[15:], now=1.0)
    assert not scene.settlement.has_room
    scene.settlement.on_deleted(Deleted(holders, ()), now=2.0)
    assert scene.settlement.has_room


def test_the_delay_grows_with_the_receive_count_up_to_a_limit() -> None:
    delays = [retry_delay_s(count) for count in range(1, 20)]
    assert delays == sorted(delays)
    assert delays[0] < delays[1] < delays[2]
    assert delays[-1] == MAX_DELAY_S


def test_what_dead_workers_held_is_given_back_until_sqs_takes_it(scene: Scene) -> None:
    scene.settlement.adopt([("m1", "r1"), ("m2", "r2")], now=0.0)
    scene.settlement.step(0.0, at_once=False)
    ((first, second),) = scene.calls.changes
    assert [(h.message.receipt_handle, s) for h, s in (first, second)] == [
        ("r1", 0),
        ("r2", 0),
    ]
    assert scene.calls.returns == [True, True]
    scene.settlement.on_visibility_changed(
        VisibilityChanged(
            [first, second], True, (), AwsError("Throttled", "throttled")
        ),
        0.0,
    )
    assert not scene.settlement.is_idle
    scene.settlement.step(60.0, at_once=False)
    assert scene.calls.changes[1] == [first, second]
    lost = make_failure(first[0], "ReceiptHandleIsInvalid", handle_lost=True)
    scene.settlement.on_visibility_changed(
        VisibilityChanged([first, second], True, (lost,)), 60.0
    )
    assert scene.settlement.is_idle
