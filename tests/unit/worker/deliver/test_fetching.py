"""Downloads: admitted by the budget, retried apart from each other, given up."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, cast

import pytest

from tests.fakes.calls import (
    RecordedDownloads,
    RecordedQueueCalls,
    make_message,
    make_refs,
)
from worker.config.model import SourceConfig
from worker.deliver.aws_state import AwsState
from worker.deliver.budget import Budget, estimate_bytes
from worker.deliver.chronicle import Chronicle
from worker.deliver.failing import Failing
from worker.deliver.fetching import (
    FIRST_LOOK_S,
    MAX_ATTEMPTS,
    MAX_LOOK_S,
    Fetching,
)
from worker.deliver.inbox import Downloaded, DownloadFailed
from worker.deliver.journaling import Journaling
from worker.deliver.ledger import Fate, HeldObject, Ledger
from worker.deliver.progress import Progress
from worker.deliver.scopes import EVERYTHING_OBJECTS
from worker.deliver.settlement import Settlement
from worker.errors import (
    AccessDeniedError,
    CommonFaultError,
    DownloadError,
    MissingObjectError,
    TrailfeedError,
)
from worker.source.objects import Body

if TYPE_CHECKING:
    from worker.deliver.calls import Downloads, QueueCalls

SIZE_BYTES = 100_000


class Scene:
    """A fetching with everything around it."""

    def __init__(self, *, limit_bytes: int = 10**9, **source: str) -> None:
        self.calls = RecordedQueueCalls()
        self.downloads = RecordedDownloads()
        self.budget = Budget(limit_bytes)
        self.journaling = Journaling(self.budget, None)
        self.progress = Progress()
        self.chronicle = Chronicle(
            self.journaling,
            self.progress,
            clock=lambda: 0.0,
            wall_clock=lambda: 1e9,
        )
        self.ledger = Ledger(self.chronicle)
        self.settlement = Settlement(
            cast("QueueCalls", self.calls),
            self.ledger,
            self.progress,
            visibility_timeout_s=600,
            jitter=lambda: 1.0,
        )
        config = SourceConfig.model_validate(
            {
                "queue_url": "https://sqs.us-east-1.amazonaws.com/123456789012/q",
                "region": "us-east-1",
                **source,
            }
        )
        self.fetching = Fetching(
            downloads=cast("Downloads", self.downloads),
            budget=self.budget,
            failing=Failing(
                config,
                ledger=self.ledger,
                journaling=self.journaling,
                settlement=self.settlement,
                progress=self.progress,
                quarantine=None,
            ),
            progress=self.progress,
            chronicle=self.chronicle,
            jitter=lambda: 1.0,
        )

    def succeed(self, item: HeldObject, now: float = 0.0) -> None:
        event = Downloaded(item, Body(b"", 0, "etag", None))
        self.fetching.on_downloaded(event, now)

    def want(
        self, number: int, objects: int = 1, *, bucket: str = "bucket"
    ) -> tuple[HeldObject, ...]:
        holder = self.ledger.hold(
            make_message(number),
            make_refs(objects, size_bytes=SIZE_BYTES, bucket=bucket),
            received_at=0.0,
            extend_at=200.0,
        )
        for item in holder.objects:
            self.fetching.want(item)
        return holder.objects

    def fail(self, item: HeldObject, error: TrailfeedError, now: float) -> None:
        self.fetching.on_failed(DownloadFailed(item, error), now)


def test_no_more_downloads_than_there_are_threads_and_not_all_for_one_bucket() -> None:
    scene = Scene()
    scene.downloads.concurrency = 3
    items = scene.want(0, objects=5)
    others = scene.want(1, objects=2, bucket="other")
    scene.fetching.step(0.0)
    assert scene.downloads.started == [*items[:2], others[0]]
    scene.succeed(items[0])
    scene.fetching.step(0.0)
    assert scene.downloads.started[3:] == [others[1]]
    scene.succeed(others[0])
    scene.fetching.step(1.0)
    assert len(scene.downloads.started) == 5
    assert scene.downloads.started[-1] in items[2:]


def test_the_budget_admits_by_the_size_that_the_notification_names() -> None:
    scene = Scene(limit_bytes=2 * estimate_bytes(SIZE_BYTES))
    items = scene.want(0, objects=3)
    scene.fetching.step(0.0)
    assert scene.downloads.started == list(items[:2])
    scene.budget.release(items[0])
    scene.fetching.step(0.0)
    assert len(scene.downloads.started) == 3


def test_objects_of_an_abandoned_message_are_not_read() -> None:
    scene = Scene()
    (item,) = scene.want(0)
    scene.ledger.abandon(item.holder)
    (other,) = scene.want(1)
    scene.fetching.step(0.0)
    assert scene.downloads.started == [other]


@pytest.mark.parametrize("kind", [DownloadError, AccessDeniedError])
def test_failed_reads_are_left_to_sqs_when_other_objects_can_be_read(
    kind: type[DownloadError],
) -> None:
    scene = Scene()
    (item,) = scene.want(0)
    (other,) = scene.want(1)
    now = 0.0
    for attempt in range(1, MAX_ATTEMPTS + 1):
        scene.fetching.step(now)
        assert scene.downloads.started.count(item) == attempt
        scene.fail(item, kind("reset", "s3://bucket/key: reset"), now)
        if attempt == 1:
            scene.succeed(other)
            scene.budget.release(other)
        assert scene.budget.used_bytes == 0
        now = scene.fetching.due() or now
    scene.settlement.step(now, at_once=True)
    assert item.holder.fate is Fate.ABANDONED
    assert len(scene.calls.changes) == 1


def test_while_nothing_can_be_read_no_message_goes_back() -> None:
    scene = Scene()
    items = [scene.want(number)[0] for number in range(3)]
    now = 0.0
    for _ in range(20 * MAX_ATTEMPTS):
        scene.fetching.step(now)
        for item in scene.downloads.started:
            scene.fail(item, DownloadError("slow_down", "S3 answers 503"), now)
        scene.downloads.started.clear()
        now = scene.fetching.due() or now
    scene.settlement.step(now, at_once=True)
    ((*_, (_, timeout_s)),) = scene.calls.changes
    assert timeout_s == 600, "extended, not given back"
    assert [item.holder.fate for item in items] == [Fate.HELD] * 3
    assert now > 60.0, "and S3 is not hammered"


def test_a_failing_object_delays_no_other() -> None:
    scene = Scene()
    (bad,) = scene.want(0)
    scene.fetching.step(0.0)
    scene.fail(bad, DownloadError("reset", "reset"), 0.0)
    (good,) = scene.want(1)
    scene.fetching.step(0.0)
    assert scene.downloads.started[-1] is good


def test_a_fault_that_all_share_holds_the_messages_and_stops_the_receiving() -> None:
    scene = Scene()
    items = [scene.want(number)[0] for number in range(EVERYTHING_OBJECTS)]
    scene.fetching.step(0.0)
    for item in items:
        assert scene.fetching.may_receive(0.0)
        scene.fail(item, CommonFaultError("credentials_refused", "expired"), 0.0)
    scene.fetching.on_receive(0.0)
    assert not scene.fetching.may_receive(0.0)
    assert all(item.holder.fate is Fate.HELD for item in items)
    due = scene.fetching.due()
    assert due is not None
    scene.fetching.step(due)
    scene.succeed(scene.downloads.started[-1], now=due)
    assert scene.fetching.may_receive(due)


def test_while_nothing_can_be_read_a_receive_looks_more_and_more_rarely() -> None:
    scene = Scene()
    for number in range(EVERYTHING_OBJECTS):
        scene.want(number)
    scene.fetching.step(0.0)
    for item in tuple(scene.downloads.started):
        scene.fail(item, CommonFaultError("unreachable", "no route"), 0.0)
    looks = [0.0]
    while looks[-1] < 600:
        now = looks[-1]
        scene.fetching.on_receive(now)
        while not scene.fetching.may_receive(now):
            now += 0.25
        looks.append(now)
    pauses = [after - before for before, after in pairwise(looks)]
    assert pauses[0] == FIRST_LOOK_S
    assert pauses[-1] == MAX_LOOK_S
    assert pauses == sorted(pauses)


def test_when_s3_is_back_nobody_waits_for_long() -> None:
    scene = Scene()
    items = [scene.want(number)[0] for number in range(EVERYTHING_OBJECTS)]
    now = 0.0
    for _ in range(8 * EVERYTHING_OBJECTS):
        scene.fetching.step(now)
        for item in scene.downloads.started:
            scene.fail(item, DownloadError("slow_down", "S3 answers 503"), now)
        scene.downloads.started.clear()
        now = scene.fetching.due() or now
    while not scene.downloads.started:
        now = scene.fetching.due() or now
        scene.fetching.step(now)
    scene.succeed(scene.downloads.started[0], now)
    scene.fetching.step(now + 1.0)
    assert set(scene.downloads.started) == set(items)


def test_it_receives_again_when_nothing_is_left_to_try() -> None:
    scene = Scene()
    items = [scene.want(number)[0] for number in range(EVERYTHING_OBJECTS)]
    scene.fetching.step(0.0)
    for item in items:
        scene.fail(item, CommonFaultError("ExpiredToken", "credentials expired"), 0.0)
        scene.ledger.abandon(item.holder)
    scene.fetching.on_receive(0.0)
    scene.fetching.step(1000.0)
    assert scene.fetching.may_receive(0.0)


def test_a_missing_object_goes_back_or_is_passed_over() -> None:
    error = MissingObjectError("NoSuchKey", "s3://bucket/key: not there")
    scene = Scene()
    (item,) = scene.want(0)
    scene.fetching.step(0.0)
    scene.fail(item, error, 0.0)
    assert item.holder.fate is Fate.ABANDONED
    assert scene.progress.objects.counts["returned"] == 1

    scene = Scene(on_missing_object="delete")
    missing, present = scene.want(0, objects=2)
    scene.fetching.step(0.0)
    scene.fail(missing, error, 0.0)
    assert missing.holder.fate is Fate.HELD, "the other object is still owed"
    assert scene.progress.objects.counts["dropped"] == 1
    assert scene.ledger.finish(present) is missing.holder


def test_the_state_of_s3_is_that_of_the_last_read() -> None:
    scene = Scene()
    refused, cut, fine = (scene.want(number)[0] for number in range(3))
    scene.fetching.step(0.0)
    scene.fail(refused, CommonFaultError("credentials_refused", "no"), 0.0)
    assert scene.progress.s3_state == AwsState.CREDENTIALS_REFUSED
    scene.succeed(fine)
    assert scene.progress.s3_state == AwsState.WORKS
    scene.fail(cut, DownloadError("truncated", "short"), 0.0)
    assert scene.progress.s3_state == AwsState.WORKS, "the fault of one object"
    assert (scene.progress.downloads_done, scene.progress.downloads_failed) == (1, 2)
