"""Downloads: admitted by the budget, retried apart from each other, given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from plugin_bridge.forward.backoff import Backoff
from tests.fakes.calls import (
    RecordedDownloads,
    RecordedQueueCalls,
    make_message,
    make_refs,
)
from worker.config.model import SourceConfig
from worker.deliver.budget import Budget, estimate_bytes
from worker.deliver.fetching import MAX_ATTEMPTS, Fetching
from worker.deliver.inbox import DownloadFailed
from worker.deliver.ledger import Fate, HeldObject, Ledger
from worker.deliver.progress import Progress
from worker.deliver.settlement import Settlement
from worker.errors import (
    AccessDeniedError,
    CommonFaultError,
    DownloadError,
    MissingObjectError,
    TrailfeedError,
)

if TYPE_CHECKING:
    from worker.deliver.calls import Downloads, QueueCalls

SIZE_BYTES = 100_000


class Scene:
    """A fetching with everything around it."""

    def __init__(self, *, limit_bytes: int = 10**9, **source: str) -> None:
        self.calls = RecordedQueueCalls()
        self.downloads = RecordedDownloads()
        self.ledger = Ledger()
        self.budget = Budget(limit_bytes)
        self.settlement = Settlement(
            cast("QueueCalls", self.calls),
            self.ledger,
            Progress(),
            visibility_timeout_s=600,
        )
        self.fetching = Fetching(
            SourceConfig.model_validate(
                {
                    "queue_url": "https://sqs.us-east-1.amazonaws.com/123456789012/q",
                    "region": "us-east-1",
                    **source,
                }
            ),
            downloads=cast("Downloads", self.downloads),
            budget=self.budget,
            ledger=self.ledger,
            settlement=self.settlement,
            progress=Progress(),
            backoff=Backoff(),
            jitter=lambda: 1.0,
        )

    def want(self, number: int, objects: int = 1) -> tuple[HeldObject, ...]:
        holder = self.ledger.hold(
            make_message(number),
            make_refs(objects, size_bytes=SIZE_BYTES),
            received_at=0.0,
            extend_at=200.0,
        )
        for item in holder.objects:
            self.fetching.want(item)
        return holder.objects

    def fail(self, item: HeldObject, error: TrailfeedError, now: float) -> None:
        self.fetching.on_failed(DownloadFailed(item, error), now)


def test_no_more_downloads_than_there_are_threads() -> None:
    scene = Scene()
    scene.downloads.concurrency = 3
    items = scene.want(0, objects=5)
    scene.fetching.step(0.0)
    assert scene.downloads.started == list(items[:3])
    assert scene.fetching.backlog == 5
    scene.fetching.on_downloaded()
    scene.fetching.step(0.0)
    assert scene.downloads.started == list(items[:4])


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
def test_failed_reads_are_tried_again_and_then_left_to_sqs(
    kind: type[DownloadError],
) -> None:
    scene = Scene()
    (item,) = scene.want(0)
    now = 0.0
    for attempt in range(1, MAX_ATTEMPTS + 1):
        scene.fetching.step(now)
        assert len(scene.downloads.started) == attempt
        scene.fail(item, kind("reset", "s3://bucket/key: reset"), now)
        assert scene.budget.used_bytes == 0
        now = scene.fetching.due(now) or now
    scene.settlement.step(now, at_once=True)
    assert item.holder.fate is Fate.ABANDONED
    assert len(scene.calls.changes) == 1


def test_a_failing_object_delays_no_other() -> None:
    scene = Scene()
    (bad,) = scene.want(0)
    scene.fetching.step(0.0)
    scene.fail(bad, DownloadError("reset", "reset"), 0.0)
    (good,) = scene.want(1)
    scene.fetching.step(0.0)
    assert scene.downloads.started[-1] is good


def test_a_fault_that_all_share_holds_the_messages_and_stops_the_reading() -> None:
    scene = Scene()
    (item,) = scene.want(0)
    scene.fetching.step(0.0)
    scene.fail(item, CommonFaultError("ExpiredToken", "credentials expired"), 0.0)
    assert item.holder.fate is Fate.HELD
    assert not scene.fetching.is_open(0.0)
    scene.fetching.step(0.0)
    assert len(scene.downloads.started) == 1
    due = scene.fetching.due(0.0)
    assert due is not None
    scene.fetching.step(due)
    assert len(scene.downloads.started) == 2
    assert item.attempts == 0, "a fault of all is not counted against one"


def test_a_missing_object_goes_back_or_is_passed_over() -> None:
    error = MissingObjectError("NoSuchKey", "s3://bucket/key: not there")
    scene = Scene()
    (item,) = scene.want(0)
    scene.fetching.step(0.0)
    scene.fail(item, error, 0.0)
    assert item.holder.fate is Fate.ABANDONED

    scene = Scene(on_missing_object="delete")
    missing, present = scene.want(0, objects=2)
    scene.fetching.step(0.0)
    scene.fail(missing, error, 0.0)
    assert missing.holder.fate is Fate.HELD, "the other object is still owed"
    assert scene.ledger.finish(present) is missing.holder
