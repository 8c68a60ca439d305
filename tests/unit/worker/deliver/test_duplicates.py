"""Many notifications of one object cost one read, and lose no state of it."""

from __future__ import annotations

import pytest

from tests.unit.worker.deliver.test_journaling import ETAG, OTHER_ETAG, Scene, key
from worker.deliver import duplicates
from worker.deliver.inbox import Committed
from worker.deliver.journal_batch import Begin, Claimed, Finished, Mine


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_end_of_an_object_settles_all_that_wait_for_it(scene: Scene) -> None:
    first, *others = (scene.begin(number) for number in range(300))
    assert scene.turn(Mine(0)).fetch == [first]
    assert scene.journaling.backlog == 0
    scene.ledger.finish(first)
    assert scene.journaling.due() == 0.0
    assert scene.journaling.take().skip == others


def test_many_that_another_worker_is_at_are_one_question(scene: Scene) -> None:
    first, *others = (scene.begin(number) for number in range(300))
    scene.turn(Claimed())
    scene.now = 5.0
    scene.journaling.step(scene.now)
    (batch,) = scene.commits.batches
    assert [step for step in batch.steps if isinstance(step, Begin)] == [
        Begin(batch.steps[0].key, first.claimant)  # type: ignore[arg-type]
    ]
    decisions = scene.turn(Finished())
    assert decisions.skip == [first]
    scene.ledger.skip(first)
    assert scene.journaling.take().skip == others


def test_without_a_version_only_what_came_before_the_read_is_covered(
    scene: Scene,
) -> None:
    first, before = scene.begin(0, etag=None), scene.begin(1, etag=None)
    assert scene.turn().fetch == [first]
    first.is_reading = True
    after, later = scene.begin(2, etag=None), scene.begin(3, etag=None)
    event = scene.body(first)
    assert scene.turn(Mine(0)).emit == [event]
    scene.ledger.finish(first)
    decisions = scene.journaling.take()
    assert (decisions.skip, decisions.fetch) == ([before], [after])
    after.is_reading = True
    scene.body(after)
    assert scene.turn(Finished()).skip == [after]
    scene.ledger.skip(after)
    assert scene.journaling.take().skip == [later]


def test_what_names_a_state_that_was_not_read_is_read_again(scene: Scene) -> None:
    first, before = scene.begin(0), scene.begin(1)
    scene.turn(Mine(0))
    first.is_reading = True
    after = scene.begin(2)
    event = scene.body(first, etag=OTHER_ETAG)
    scene.journaling.step(scene.now + 1.0)
    answers = {key(ETAG): Mine(0), key(OTHER_ETAG): Mine(0)}
    scene.journaling.on_committed(Committed(answers))
    decisions = scene.journaling.take()
    assert (decisions.emit, decisions.fetch) == ([event], [after])
    scene.ledger.finish(first)
    assert scene.journaling.take().skip == [before], "it was received before the read"


def test_two_that_read_what_the_other_names_do_not_wait_for_each_other(
    scene: Scene,
) -> None:
    first, second = scene.begin(0, etag=ETAG), scene.begin(1, etag=OTHER_ETAG)
    scene.turn(Mine(0), etag=ETAG)
    scene.turn(Mine(0), etag=OTHER_ETAG)
    for item in (first, second):
        item.is_reading = True
    scene.body(first, etag=OTHER_ETAG)
    scene.body(second, etag=ETAG)
    done = set()
    for _ in range(6):
        for etag in (ETAG, OTHER_ETAG):
            decisions = scene.turn(Mine(0), etag=etag)
            for event in decisions.emit:
                scene.ledger.finish(event.item)
                done.add(event.item)
            for item in decisions.fetch:
                item.is_reading = True
                scene.body(item, etag=ETAG)
            for item in decisions.skip:
                scene.ledger.skip(item)
                done.add(item)
    assert done == {first, second}


@pytest.mark.parametrize("is_asked", [False, True])
def test_an_abandoned_leader_leaves_its_place(scene: Scene, *, is_asked: bool) -> None:
    first, second, third = (scene.begin(number) for number in range(3))
    if not is_asked:
        scene.turn(Mine(0))
    scene.ledger.abandon(first.holder)
    fetched = scene.turn(Mine(0)).fetch + scene.turn(Mine(0)).fetch
    assert fetched == [second]
    scene.ledger.finish(second)
    assert scene.journaling.take().skip == [third]


@pytest.mark.parametrize("reason", ["bad_object", "drain"])
def test_others_share_the_fate_of_an_object_that_fails(
    scene: Scene, reason: str
) -> None:
    first, second = scene.begin(0), scene.begin(1)
    scene.turn(Mine(0))
    first.holder.return_reason = reason
    scene.ledger.abandon(first.holder)
    left = scene.journaling.take().leave
    assert left == ([(second, reason)] if reason == "bad_object" else [])


def test_so_many_wait_and_no_more(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "MAX_OBJECTS", 3)
    first, *others = (scene.begin(number) for number in range(6))
    left = scene.journaling.take().leave
    assert left == [(item, "duplicate") for item in others[3:]]
    scene.turn(Mine(0))
    scene.ledger.finish(first)
    assert scene.journaling.take().skip == others[:3]
    again = scene.begin(7)
    assert scene.turn(Finished()).skip == [again]


def test_they_wait_without_the_journal_too_once_it_failed(scene: Scene) -> None:
    first, second = scene.begin(0), scene.begin(1)
    assert scene.fail().fetch == [first]
    third = scene.begin(2)
    event = scene.body(first)
    assert scene.journaling.take().emit == [event]
    scene.ledger.finish(first)
    assert scene.journaling.take().skip == [second, third]
