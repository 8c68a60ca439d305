"""What dead workers held is worked on without being received again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fakes.calls import RecordedCommits, make_message
from tests.unit.worker.deliver.test_intake import Scene as IntakeScene
from tests.unit.worker.deliver.test_intake import event
from worker.deliver.adoption import (
    EXTENDED_WITHIN_S,
    IDLE_AFTER_S,
    STUCK_AFTER_S,
    Adoption,
)
from worker.deliver.inbox import Committed, VisibilityChanged
from worker.deliver.inheritance import Inherited
from worker.deliver.journal_batch import Begin, Mine

if TYPE_CHECKING:
    from worker.deliver.ledger import HeldObject


class Scene(IntakeScene):
    """An adoption with everything around it; SQS extends what it is told to."""

    def __init__(self) -> None:
        self.commits = RecordedCommits()
        super().__init__(commits=self.commits)
        self.progress.is_connected = True
        self.adoption = Adoption(
            intake=self.intake,
            journaling=self.journaling,
            failing=self.failing,
            settlement=self.settlement,
            ledger=self.ledger,
            progress=self.progress,
            has_journal=True,
        )
        self.alone: list[str] = []

    def inherit(self, *deaths: int, body: str | None = None) -> None:
        """The journal is opened, and has messages that so many workers died with."""
        messages = [
            make_message(n, event(f"k{n}") if body is None else body)
            for n in range(len(deaths))
        ]
        self.adoption.on_opened(
            [Inherited(m, 5.0, d) for m, d in zip(messages, deaths, strict=True)], 0.0
        )

    def extend(self) -> None:
        """SQS does what it was asked to."""
        self.settlement.step(0.0, at_once=False)
        changes, self.calls.changes = self.calls.changes, []
        returns, self.calls.returns = self.calls.returns, []
        for change in changes:
            is_return = returns.pop(0)
            del returns[: len(change) - 1]
            done = VisibilityChanged(change, is_return)
            self.settlement.on_visibility_changed(done, 0.0)

    def turn(self, now: float = 1.0) -> list[HeldObject]:
        """One turn of the loop; the journal has every object for this worker."""
        self.adoption.step(now)
        self.journaling.step(now)
        for batch in self.commits.batches:
            if batch.alone is not None:
                self.alone.append(batch.alone)
            keys = [step.key for step in batch.steps if isinstance(step, Begin)]
            self.journaling.on_committed(Committed(dict.fromkeys(keys, Mine(0))))
        self.commits.batches.clear()
        return self.journaling.take().fetch


@pytest.fixture
def scene() -> Scene:
    return Scene()


def ids(items: list[HeldObject]) -> list[str]:
    return [item.holder.message.id for item in items]


def test_nothing_is_received_before_the_journal_has_said_what_was_held(
    scene: Scene,
) -> None:
    assert not scene.adoption.is_over
    scene.inherit()
    assert scene.adoption.is_over


def test_a_journal_that_fails_is_not_waited_for(scene: Scene) -> None:
    scene.adoption.on_journal_failed()
    assert scene.adoption.is_over


def test_messages_are_taken_up_once_sqs_hides_them(scene: Scene) -> None:
    scene.inherit(0, 1)
    assert scene.turn() == []
    scene.extend()
    assert ids(scene.turn(2.0)) == ["m0", "m1"]
    assert scene.adoption.is_over
    assert scene.alone == []


def test_what_sqs_does_not_extend_is_left_to_it(scene: Scene) -> None:
    scene.inherit(0)
    scene.turn(EXTENDED_WITHIN_S)
    assert scene.adoption.is_over
    assert scene.ledger.held_count == 0


def test_suspects_are_worked_on_alone_and_first(scene: Scene) -> None:
    scene.inherit(1, 2, 2)
    scene.extend()
    (first,) = scene.turn()
    assert first.holder.message.id == "m1"
    assert scene.turn() == []
    assert not scene.adoption.is_over
    scene.ledger.finish(first)
    (second,) = scene.turn(2.0)
    assert second.holder.message.id == "m2"
    scene.ledger.abandon(second.holder)
    assert ids(scene.turn(3.0)) == ["m0"]
    assert scene.alone == ["m1", "m2", ""], "each is noted with its claim"
    assert scene.adoption.is_over


def test_a_suspect_of_which_only_acks_are_missing_gives_way(scene: Scene) -> None:
    scene.inherit(2, 2)
    scene.extend()
    (first,) = scene.turn()
    scene.ledger.emit(first)
    scene.ledger.finish(first)
    assert ids(scene.turn(2.0)) == ["m1"]
    assert first.is_wanted


@pytest.mark.parametrize(
    ("state", "limit_s"),
    [
        ({"is_reading": True}, STUCK_AFTER_S),
        ({"decoding_began": True}, STUCK_AFTER_S),
        ({}, IDLE_AFTER_S),
        ({"is_postponed": True}, 0.0),
    ],
    ids=["read", "decoded", "claimed by another worker", "refused by S3"],
)
def test_a_suspect_that_gets_nowhere_goes_on_beside_others(
    scene: Scene, state: dict[str, bool], limit_s: float
) -> None:
    scene.inherit(2, 2)
    scene.extend()
    (first,) = scene.turn(1.0)
    for name, value in state.items():
        setattr(first, name, value)
    scene.progress.progressed_at = 5.0
    if limit_s:
        assert scene.turn(5.0 + limit_s - 0.1) == []
        scene.progress.is_connected = False
        assert scene.turn(500.0) == [], "without a receiver nothing gets on"
        scene.progress.is_connected = True
    assert ids(scene.turn(5.0 + limit_s)) == ["m1"]
    assert first.is_wanted


def test_a_message_that_killed_alone_is_a_bad_object(scene: Scene) -> None:
    scene.inherit(2, 3)
    scene.extend()
    assert ids(scene.turn()) == ["m0"]
    assert [h.message.id for h in scene.ledger.held] == ["m0"]
    scene.settlement.step(1.0, at_once=True)
    ((guilty, delay_s),) = scene.calls.changes[0]
    assert (guilty.message.id, guilty.return_reason) == ("m1", "bad_object")
    assert delay_s > 0


def test_a_message_without_its_body_is_given_back(scene: Scene) -> None:
    scene.inherit(1, body="")
    assert scene.adoption.is_over
    scene.settlement.step(1.0, at_once=True)
    assert [delay_s for ((_, delay_s),) in scene.calls.changes] == [0]


def test_what_comes_late_is_given_back(scene: Scene) -> None:
    """Others are in work by then: nothing could be worked on alone."""
    scene.adoption.on_journal_failed()
    scene.step()
    scene.bring(make_message(9, event("other")))
    scene.inherit(2, 0)
    scene.settlement.step(1.0, at_once=True)
    assert {holder.message.id for holder, _ in scene.calls.changes[0]} == {"m0", "m1"}
    assert [h.message.id for h in scene.ledger.held] == ["m9"]


def test_a_drain_gives_back_what_waits(scene: Scene) -> None:
    scene.intake.close()
    scene.inherit(0, 2)
    assert scene.turn() == []
    assert scene.adoption.is_over
    assert scene.ledger.held_count == 0


def test_the_twelve_hours_count_from_the_first_receipt(scene: Scene) -> None:
    scene.inherit(0, body=json.dumps({"Event": "s3:TestEvent"}))
    (holder,) = scene.ledger.held
    assert holder.received_at == -5.0
