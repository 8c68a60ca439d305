"""Claims before work, notes before deletes, and no journal is no loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from tests.fakes.calls import RecordedCommits, make_message
from worker.deliver.budget import Budget
from worker.deliver.inbox import CommitFailed, Committed, Downloaded
from worker.deliver.journal_batch import Claimed, Finished, Mine, ObjectKey, Standing
from worker.deliver.journaling import (
    FIRST_PAUSE_S,
    GATHER_S,
    MAX_PAUSE_S,
    Journaling,
)
from worker.deliver.ledger import Fate, HeldObject, Ledger, Span
from worker.errors import JournalError
from worker.source.notifications import ObjectRef
from worker.source.objects import Body

if TYPE_CHECKING:
    from worker.deliver.decisions import Decisions
    from worker.deliver.disk import JournalCalls

ETAG = "5d41402abc4b2a76b9719d911017c592"
OTHER_ETAG = "7d793037a0760186574b0282f2f435e7"


class Scene:
    """A journaling whose journal answers what the test wants."""

    def __init__(self, *, has_journal: bool = True) -> None:
        self.commits = RecordedCommits()
        self.budget = Budget(10**9)
        self.journaling = Journaling(
            self.budget,
            cast("JournalCalls", self.commits) if has_journal else None,
            urgent_acks=2,
        )
        self.ledger = Ledger(self.journaling)
        self.now = 0.0

    def begin(self, number: int, *, etag: str | None = ETAG) -> HeldObject:
        """A message that names one object is received."""
        holder = self.ledger.hold(
            make_message(number),
            [ObjectRef("bucket", "key", etag=etag)],
            received_at=0.0,
            extend_at=200.0,
        )
        (item,) = holder.objects
        self.journaling.begin(item)
        return item

    def turn(self, answer: Standing | None = None, *, etag: str = ETAG) -> Decisions:
        """One turn of the loop, some time later; a batch under way is answered."""
        self.now += GATHER_S
        self.journaling.step(self.now)
        if self.commits.batches:
            self.commits.batches.clear()
            standings = {} if answer is None else {key(etag): answer}
            self.journaling.on_committed(Committed(standings))
        return self.journaling.take()

    def fail(self) -> Decisions:
        """The batch under way is not committed."""
        self.journaling.step(self.now)
        self.commits.batches.clear()
        error = JournalError("journal", "disk full")
        self.journaling.on_commit_failed(CommitFailed(error), self.now)
        return self.journaling.take()

    def body(self, item: HeldObject, *, etag: str = ETAG) -> Downloaded:
        event = Downloaded(item, Body(b"", 0, etag, None))
        self.journaling.on_body(event)
        return event


def key(etag: str = ETAG) -> ObjectKey:
    return ObjectKey("bucket", "key", f"e:{etag}")


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_an_object_is_fetched_once_it_is_claimed(scene: Scene) -> None:
    item = scene.begin(0)
    scene.journaling.step(0.0)
    assert scene.journaling.take().fetch == []
    assert scene.turn(Mine(7)).fetch == [item]
    assert item.acked_records == 7
    event = scene.body(item)
    assert scene.turn().emit == [event]


def test_a_finished_object_is_skipped(scene: Scene) -> None:
    item = scene.begin(0)
    decisions = scene.turn(Finished())
    assert decisions.skip == [item]
    assert decisions.fetch == []


def test_a_second_message_waits_and_is_done_with_the_first(scene: Scene) -> None:
    first, second = scene.begin(0), scene.begin(1)
    assert scene.turn(Mine(0)).fetch == [first]
    assert scene.journaling.backlog == 0
    scene.ledger.finish(first)
    assert scene.journaling.take().skip == [second]


def test_a_second_message_takes_over_when_the_first_is_abandoned(scene: Scene) -> None:
    first, second = scene.begin(0), scene.begin(1)
    scene.turn(Mine(0))
    scene.ledger.abandon(first.holder)
    assert scene.turn(Mine(3)).fetch == [second]


def test_another_workers_object_is_asked_for_again(scene: Scene) -> None:
    item = scene.begin(0)
    assert scene.turn(Claimed()).fetch == []
    assert scene.journaling.due() is not None
    scene.now = 5.0
    assert scene.turn(Mine(0)).fetch == [item]


def test_a_message_is_deleted_after_its_objects_are_noted(scene: Scene) -> None:
    item = scene.begin(0)
    scene.turn(Mine(0))
    complete = scene.ledger.finish(item)
    assert complete is not None
    scene.journaling.delete_after([complete])
    scene.journaling.step(scene.now + GATHER_S)
    (batch,) = scene.commits.batches
    assert [step for step in batch.steps if getattr(step, "is_finished", False)]
    assert scene.journaling.take().delete == []
    scene.journaling.on_committed(Committed({}))
    assert scene.journaling.take().delete == [complete]


def test_an_overwritten_object_is_claimed_as_what_it_is_now(scene: Scene) -> None:
    item = scene.begin(0)
    scene.turn(Mine(7))
    event = scene.body(item, etag=OTHER_ETAG)
    assert scene.journaling.take().emit == []
    assert scene.turn(Mine(0), etag=OTHER_ETAG).emit == [event]
    assert item.acked_records == 0


def test_an_object_that_nobody_named_is_claimed_by_its_body(scene: Scene) -> None:
    item = scene.begin(0, etag=None)
    assert scene.turn().fetch == [item]
    scene.budget.charge(item, 100)
    scene.body(item)
    assert scene.turn(Finished()).skip == [item]
    assert scene.budget.used_bytes == 0, "its body was not needed"


def test_without_a_journal_everything_passes_at_once() -> None:
    scene = Scene(has_journal=False)
    item = scene.begin(0)
    assert scene.turn().fetch == [item]
    event = scene.body(item)
    assert scene.turn().emit == [event]
    complete = scene.ledger.finish(item)
    assert complete is not None
    scene.journaling.delete_after([complete])
    assert scene.turn().delete == [complete]
    assert scene.journaling.is_idle


def test_delivery_goes_on_when_the_journal_fails_and_comes_back(scene: Scene) -> None:
    item = scene.begin(0)
    assert scene.fail().fetch == [item]
    complete = scene.ledger.finish(item)
    assert complete is not None
    scene.journaling.delete_after([complete])
    assert scene.turn().delete == [complete]
    scene.now = FIRST_PAUSE_S
    later = scene.begin(1)
    assert scene.turn(Mine(0)).fetch == [later]


def test_a_journal_that_goes_on_failing_is_tried_ever_more_rarely(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    pauses = []
    for number in range(8):
        scene.begin(number)
        scene.fail()
        failed_at = scene.now
        while not scene.commits.batches:
            scene.now += FIRST_PAUSE_S / 2
            scene.begin(100 + number)
            scene.journaling.step(scene.now)
        pauses.append(scene.now - failed_at)
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert pauses[-1] == MAX_PAUSE_S
    assert caplog.text.count("going on without the journal") == 2, "once a minute"


def test_a_failed_journal_never_makes_records_be_skipped(scene: Scene) -> None:
    item = scene.begin(0)
    scene.turn(Mine(7))
    scene.begin(1, etag=OTHER_ETAG)
    scene.fail()
    event = scene.body(item, etag=OTHER_ETAG)
    assert scene.turn().emit == [event]
    assert item.acked_records == 0


def test_what_was_begun_without_the_journal_is_noted_once_that_is_back(
    scene: Scene,
) -> None:
    item = scene.begin(0)
    scene.fail()
    scene.body(item)
    scene.ledger.emit(item)
    scene.ledger.seal("a", (Span(item, 0, 5, 5),))
    scene.turn()
    scene.now = FIRST_PAUSE_S
    scene.journaling.step(scene.now)
    item.total_records = 5
    scene.ledger.acknowledge("a")
    scene.ledger.finish(item)
    scene.commits.batches.clear()
    scene.journaling.on_committed(Committed({}))
    scene.journaling.step(scene.now + GATHER_S)
    (batch,) = scene.commits.batches
    (noted,) = (step for step in batch.steps if getattr(step, "is_finished", False))
    assert noted.key == key()


def test_an_abandoned_asker_gives_its_claim_up_again(scene: Scene) -> None:
    item = scene.begin(0)
    scene.ledger.abandon(item.holder)
    assert scene.turn(Mine(0)).fetch == []
    assert item.holder.fate is Fate.ABANDONED
    other = scene.begin(1)
    assert scene.turn(Mine(0)).fetch == [other]


def test_a_transaction_waits_a_little_for_more_to_say(scene: Scene) -> None:
    scene.begin(0)
    scene.turn(Mine(0))
    scene.begin(1, etag=OTHER_ETAG)
    scene.journaling.step(scene.now)
    assert not scene.commits.batches
    assert scene.journaling.due() == scene.now + GATHER_S
    scene.journaling.step(scene.now + GATHER_S)
    assert len(scene.commits.batches) == 1
    assert scene.journaling.due() is None, "it is under way"


def test_acknowledgements_that_a_kill_would_repeat_do_not_wait(scene: Scene) -> None:
    item = scene.begin(0)
    scene.turn(Mine(0))
    for _ in range(2):
        assert not scene.commits.batches
        item.acked_records += 1
        scene.journaling.on_advanced(item)
        scene.journaling.on_acked()
        scene.journaling.step(scene.now)
    assert len(scene.commits.batches) == 1
    assert scene.journaling.unnoted_acks == 2
