"""What an object and a chunk take, and the line about each object."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from worker.deliver.budget import Budget
from worker.deliver.chronicle import Chronicle
from worker.deliver.journaling import Journaling
from worker.deliver.ledger import HeldObject, Ledger, Span
from worker.deliver.progress import Progress
from worker.source.messages import Message
from worker.source.notifications import ObjectRef

if TYPE_CHECKING:
    from worker.deliver.numbers import Histogram

EPOCH_S = 1.8e9
REF = ObjectRef("logs", "a.json.gz", size_bytes=500, event_time=EPOCH_S - 40.0)


class Scene:
    """A ledger and its chronicle; time is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.progress = Progress()
        self.chronicle = Chronicle(
            Journaling(Budget(10**9), None),
            self.progress,
            clock=lambda: self.now,
            wall_clock=lambda: EPOCH_S,
        )
        self.ledger = Ledger(self.chronicle)

    def hold(self, ref: ObjectRef = REF) -> HeldObject:
        sent_at = datetime.fromtimestamp(EPOCH_S - 30.0, UTC)
        message = Message("m", "handle", "", 1, sent_at)
        return self.ledger.hold(message, [ref], received_at=1.0, extend_at=1e9).objects[
            0
        ]

    def travel(self, item: HeldObject) -> None:
        """From the download at 2.0 to the acknowledgement at 9.0."""
        self.chronicle.fetching(item, 2.0)
        self.chronicle.fetching(item, 3.0)  # once more, after a failure
        self.chronicle.fetched(item, 450, 4.5)
        self.chronicle.decoded(item, 0.5)
        self.chronicle.decoded(item, 0.25)
        self.ledger.emit(item)
        self.ledger.seal("c", (Span(item, 0, 20, 20),))
        item.total_records = 20
        self.chronicle.sent("c", 6.0)
        self.now = 6.5
        self.chronicle.emitted(item)
        self.ledger.finish(item)
        self.now = 9.0
        self.chronicle.acked("c", 1000)
        self.ledger.acknowledge("c")


def test_every_stage_is_measured(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    scene = Scene()
    scene.travel(scene.hold())
    progress = scene.progress

    def one(histogram: Histogram) -> float:
        assert histogram.count == 1
        return histogram.total

    assert one(progress.stage_wait) == 1.0
    assert one(progress.stage_download) == 2.5
    assert one(progress.stage_decode) == 0.75
    assert one(progress.stage_emit) == 2.0
    assert one(progress.stage_ack) == 2.5
    assert one(progress.object_lag) == 40.0
    assert one(progress.message_lag) == 30.0
    assert one(progress.chunk_ack) == 3.0
    assert (progress.chunks_acked, progress.delivered_bytes) == (1, 1000)
    assert progress.objects.counts["delivered"] == 1
    assert progress.object_bytes.counts["delivered"] == 450
    (record,) = caplog.records
    assert (
        record.__dict__.items()
        >= {
            "bucket": "logs",
            "key": "a.json.gz",
            "message_id": "m",
            "records": 20,
            "bytes": 450,
            "wait_ms": 1000,
            "download_ms": 2500,
            "decode_ms": 750,
            "emit_ms": 2000,
            "ack_ms": 2500,
        }.items()
    )


def test_the_age_of_what_is_fed_once_more_is_no_lag() -> None:
    scene = Scene()
    scene.travel(scene.hold(replace(REF, run_id="backfill-1")))
    assert scene.progress.object_lag.count == 0
    assert scene.progress.message_lag.count == 1


def test_at_info_there_is_no_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scene = Scene()
    scene.travel(scene.hold())
    assert caplog.records == []


@pytest.mark.parametrize("end", ["abandoned", "skipped"])
def test_what_is_not_delivered_is_not_measured_and_not_kept(end: str) -> None:
    scene = Scene()
    item = scene.hold()
    scene.chronicle.fetching(item, 2.0)
    if end == "abandoned":
        scene.ledger.abandon(item.holder)
    else:
        scene.ledger.skip(item)
    scene.chronicle.fetched(item, 450, 4.5)  # too late: nobody asks for it any more
    scene.chronicle.emitted(item)
    assert scene.progress.objects.total == 0
    assert scene.progress.stage_wait.count == 0
