"""A bucket that cannot be read, or is slow, takes nothing from others."""

from __future__ import annotations

from collections import Counter

from tests.unit.worker.deliver.test_fetching import Scene
from worker.deliver.aws_state import AwsState
from worker.deliver.fetching import MAX_ATTEMPTS
from worker.deliver.ledger import Fate
from worker.deliver.postponed import MAX_OBJECTS
from worker.deliver.scopes import SUSPICIOUS_OBJECTS
from worker.deliver.settlement import outage_delay_s
from worker.errors import AccessDeniedError, DownloadError

REFUSED = AccessDeniedError("access_denied", "s3://forbidden/: access denied")


def test_a_forbidden_bucket_takes_no_room_from_others() -> None:
    scene = Scene()
    scene.downloads.concurrency = 4
    forbidden = [scene.want(n, bucket="forbidden")[0] for n in range(60)]
    for now in range(3):
        scene.fetching.step(now)
        for item in forbidden[:]:
            if item in scene.downloads.started and not item.attempts:
                scene.fail(item, REFUSED, now)
    scene.fetching.step(3.0)
    assert sum(item.attempts for item in forbidden) < 8, "one at a time is tried"
    assert scene.fetching.backlog < 2, "they keep nothing from being received"
    assert scene.fetching.may_receive(3.0)
    (good,) = scene.want(100)
    scene.fetching.step(3.0)
    assert scene.downloads.started[-1] is good
    scene.fetching.report()
    (failing,) = scene.progress.failing_buckets.buckets
    assert (failing.name, failing.state) == ("forbidden", AwsState.ACCESS_DENIED)
    assert failing.held_objects >= 59
    assert scene.progress.messages_returned.total == 0
    assert all(item.holder.fate is Fate.HELD for item in forbidden)


def test_what_a_failing_bucket_has_no_room_for_is_left_to_sqs_for_long() -> None:
    scene = Scene()
    items = [scene.want(n, bucket="forbidden")[0] for n in range(SUSPICIOUS_OBJECTS)]
    scene.fetching.step(0.0)
    for item in items:
        scene.fail(item, REFUSED, 0.0)
    items += [scene.want(n, bucket="forbidden")[0] for n in range(10, MAX_OBJECTS + 30)]
    scene.fetching.step(0.0)
    scene.settlement.step(0.0, at_once=True)
    fates = Counter(item.holder.fate for item in items)
    assert fates == {Fate.HELD: MAX_OBJECTS, Fate.ABANDONED: 24}
    delays_s = {delay_s for batch in scene.calls.changes for _, delay_s in batch}
    assert delays_s == {outage_delay_s(1)}
    (other,) = scene.want(10_000, bucket="other")
    scene.fetching.step(0.0)
    assert scene.downloads.started[-1] is other
    scene.fail(other, REFUSED, 0.0)
    assert other.holder.fate is Fate.HELD, "of each bucket there is one to try"


def test_a_bucket_that_can_be_read_again_hurries_what_waits() -> None:
    scene = Scene()
    items = [scene.want(n, bucket="forbidden")[0] for n in range(20)]
    scene.downloads.concurrency = 6
    scene.fetching.step(0.0)
    for item in tuple(scene.downloads.started):
        scene.fail(item, REFUSED, 0.0)
    scene.fetching.step(0.5)
    scene.downloads.concurrency = 100
    scene.downloads.started.clear()
    now = 0.5
    while not scene.downloads.started:
        now += 1.0
        scene.fetching.step(now)
    (tried,) = scene.downloads.started
    scene.succeed(tried, now)
    scene.fetching.step(now + 1.0)
    assert set(scene.downloads.started) == set(items)
    scene.fetching.report()
    assert scene.progress.failing_buckets.buckets == []


def test_an_archived_object_goes_back_for_its_own_sake() -> None:
    scene = Scene()
    (item,) = scene.want(0)
    now = 0.0
    for _ in range(MAX_ATTEMPTS):
        scene.fetching.step(now)
        scene.fail(item, DownloadError("archived", "restore it"), now)
        now = scene.fetching.due() or now
    assert item.holder.fate is Fate.ABANDONED


def test_a_bucket_that_does_not_answer_leaves_downloads_to_others() -> None:
    scene = Scene()
    for number in range(100):
        scene.want(number, bucket="silent")
    for now in range(100):
        scene.fetching.step(float(now))
    assert len(scene.downloads.started) == 14
    assert scene.fetching.backlog < 20, "the others are no backlog"
    (good,) = scene.want(1000)
    scene.fetching.step(100.0)
    assert scene.downloads.started[-1] is good


def test_a_busy_bucket_takes_up_what_was_set_aside() -> None:
    scene = Scene()
    items = [scene.want(number)[0] for number in range(40)]
    scene.fetching.step(0.0)
    scene.succeed(items[0], 0.2)
    scene.fetching.step(0.2)
    while len(scene.downloads.started) < len(items):
        scene.succeed(scene.downloads.started[-1], 0.2)
        scene.fetching.step(0.2)
    assert scene.downloads.started[:14] == items[:14]
    assert set(scene.downloads.started) == set(items)
