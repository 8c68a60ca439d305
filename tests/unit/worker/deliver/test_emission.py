"""Emission: order, sharing of chunks, back-pressure, and objects that are bad."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, cast

import msgpack
import pytest

from plugin_bridge.forward.entries import EventEncoder
from tests.fakes.calls import RecordedCommits, RecordedQueueCalls, make_message
from worker.config.model import DecodeConfig, SourceConfig
from worker.deliver.budget import Budget
from worker.deliver.chronicle import Chronicle
from worker.deliver.chunks import ChunkBuilder
from worker.deliver.emission import Emission
from worker.deliver.failing import Failing
from worker.deliver.inbox import Committed, Downloaded
from worker.deliver.journaling import Journaling
from worker.deliver.ledger import Fate, HeldObject, Ledger
from worker.deliver.progress import Progress
from worker.deliver.segments import Segmenter
from worker.deliver.settlement import Settlement
from worker.source.notifications import ObjectRef
from worker.source.objects import Body

if TYPE_CHECKING:
    from plugin_bridge.client import Chunk, ForwardClient
    from worker.deliver.calls import QueueCalls
    from worker.deliver.disk import JournalCalls
    from worker.deliver.stages import Transform

CHUNK_BYTES = 1000
LINGER_S = 0.1
MAX_ENTRY_BYTES = 5_000
WINDOW_CHUNKS = 8


class Window:
    """In place of the client: takes chunks while it has room."""

    def __init__(self) -> None:
        self.room = 100
        self.acked = 0
        self.chunks: list[Chunk] = []

    @property
    def has_room(self) -> bool:
        return self.room > 0

    @property
    def unacked_chunks(self) -> int:
        return len(self.chunks) - self.acked

    def send(self, chunk: Chunk, now: float) -> None:
        del now
        assert self.has_room
        self.room -= 1
        self.chunks.append(chunk)

    def ids(self) -> list[str]:
        """The records' ids, in the order in which they were sent."""
        found: list[str] = []
        for chunk in self.chunks:
            unpacker = msgpack.Unpacker()
            unpacker.feed(chunk.payload)
            entries = [record["eventID"] for _, record in unpacker]
            assert len(entries) == chunk.count
            found += entries
        return found


class Scene:
    """An emission with everything around it; time stands still unless it is moved."""

    def __init__(
        self,
        commits: RecordedCommits | None = None,
        transform: Transform | None = None,
    ) -> None:
        self.window = Window()
        self.calls = RecordedQueueCalls()
        self.budget = Budget(10**9)
        self.journaling = Journaling(self.budget, cast("JournalCalls", commits))
        self.progress = Progress()
        self.now = 0.0
        self.chronicle = Chronicle(
            self.journaling,
            self.progress,
            clock=lambda: self.now,
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
        encoder = EventEncoder()
        numbers = iter(range(10**6))
        self.emission = Emission(
            cast("ForwardClient", self.window),
            segmenter=Segmenter(
                DecodeConfig(),
                encoder,
                segment_bytes=CHUNK_BYTES,
                max_entry_bytes=MAX_ENTRY_BYTES,
                now=lambda: 1e9,
                progress=self.progress,
                transform=transform,
            ),
            builder=ChunkBuilder(
                encoder,
                tag="aws.cloudtrail",
                chunk_bytes=CHUNK_BYTES,
                linger_s=LINGER_S,
                random_bytes=lambda count: next(numbers).to_bytes(count, "big"),
            ),
            budget=self.budget,
            ledger=self.ledger,
            journaling=self.journaling,
            failing=Failing(
                SourceConfig.model_validate(
                    {
                        "queue_url": "https://sqs.us-east-1.amazonaws.com/123456789012/q",
                        "region": "us-east-1",
                    }
                ),
                ledger=self.ledger,
                journaling=self.journaling,
                settlement=self.settlement,
                progress=self.progress,
                quarantine=None,
            ),
            progress=self.progress,
            chronicle=self.chronicle,
            window_chunks=WINDOW_CHUNKS,
            clock=lambda: 0.0,
        )

    def bring(self, number: int, body: bytes) -> HeldObject:
        """An object's body arrives."""
        holder = self.ledger.hold(
            make_message(number),
            [ObjectRef("bucket", f"key-{number}")],
            received_at=0.0,
            extend_at=200.0,
        )
        (item,) = holder.objects
        self.budget.charge(item, len(body))
        self.emission.on_body(Downloaded(item, Body(body, len(body), "etag", None)))
        return item

    def step(self, now: float = 0.0, *, at_once: bool = False) -> None:
        self.emission.step(now, at_once=at_once)

    def settle(self) -> None:
        """Delete and give back what is due."""
        self.journaling.step(1.0)
        self.settlement.delete(self.journaling.take().delete, 1.0)
        self.settlement.step(1.0, at_once=True)

    def acknowledge_all(self) -> None:
        for chunk in self.window.chunks:
            self.emission.on_acked(chunk.id)


def log_file(prefix: str, count: int, *, padding: int = 0) -> bytes:
    records = [
        {
            "eventID": f"{prefix}-{n}",
            "eventTime": "2023-07-10T12:05:01Z",
            "x": "x" * padding,
        }
        for n in range(count)
    ]
    return gzip.compress(json.dumps({"Records": records}).encode())


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_small_objects_share_a_chunk_that_lingers(scene: Scene) -> None:
    scene.bring(0, log_file("a", 2))
    scene.bring(1, log_file("b", 2))
    scene.step(0.0)
    assert scene.window.chunks == []
    assert scene.emission.due() == LINGER_S
    scene.step(LINGER_S)
    assert len(scene.window.chunks) == 1
    assert scene.window.ids() == ["a-0", "a-1", "b-0", "b-1"]


def test_large_objects_fill_many_chunks_in_order(scene: Scene) -> None:
    scene.bring(0, log_file("a", 50, padding=100))
    scene.step(0.0)
    scene.step(LINGER_S)
    assert len(scene.window.chunks) > 5
    assert scene.window.ids() == [f"a-{n}" for n in range(50)]
    for chunk in scene.window.chunks:
        assert len(chunk.payload) <= CHUNK_BYTES


def test_a_message_is_deleted_only_after_the_last_ack(scene: Scene) -> None:
    item = scene.bring(0, log_file("a", 50, padding=100))
    scene.step(0.0)
    scene.step(LINGER_S)
    for chunk in scene.window.chunks[:-1]:
        scene.emission.on_acked(chunk.id)
    assert item.holder.fate is Fate.HELD
    scene.settle()
    assert scene.calls.deletes == []
    scene.emission.on_acked(scene.window.chunks[-1].id)
    scene.settle()
    assert [h.message.id for h in scene.calls.deletes[0]] == ["m0"]
    assert scene.progress.records_delivered == 50
    assert scene.budget.used_bytes == 0


def test_nothing_is_decoded_while_the_receiver_has_no_room(scene: Scene) -> None:
    scene.window.room = 2
    scene.bring(0, log_file("a", 50, padding=100))
    scene.bring(1, b"never looked at")
    for _ in range(5):
        scene.step(1.0)
    assert len(scene.window.chunks) == 2
    assert scene.emission.backlog == 2
    assert not scene.emission.can_go_on
    scene.window.room = 100
    assert scene.emission.can_go_on
    scene.step(1.0)
    scene.step(2.0)
    assert scene.window.ids()[:50] == [f"a-{n}" for n in range(50)]


def test_what_is_acknowledged_and_not_noted_takes_room_in_the_window() -> None:
    commits = RecordedCommits()
    scene = Scene(commits)
    scene.window.room = WINDOW_CHUNKS
    scene.bring(0, log_file("a", 200, padding=100))
    scene.step(0.0)
    scene.window.room = scene.window.acked = len(scene.window.chunks)
    scene.acknowledge_all()
    assert not scene.emission.can_go_on, "a kill would repeat a whole window by now"
    scene.journaling.step(0.0)
    assert len(commits.batches) == 1
    assert not scene.emission.can_go_on
    scene.journaling.on_committed(Committed({}))
    assert scene.emission.can_go_on


def test_acks_that_tell_the_journal_nothing_take_no_room() -> None:
    commits = RecordedCommits()
    scene = Scene(commits)
    scene.window.room = WINDOW_CHUNKS
    scene.bring(0, log_file("a", 200, padding=100))
    scene.step(0.0)
    scene.journaling.step(0.0)  # notes that the message is held
    scene.journaling.on_committed(Committed({}))
    scene.window.room = scene.window.acked = len(scene.window.chunks)
    scene.acknowledge_all()
    scene.journaling.step(0.0)
    assert len(commits.batches) == 1
    assert scene.emission.can_go_on


def test_draining_does_not_wait_for_company(scene: Scene) -> None:
    scene.bring(0, log_file("a", 1))
    scene.step(0.0, at_once=True)
    assert scene.window.ids() == ["a-0"]


def test_an_object_without_records_is_done_at_once(scene: Scene) -> None:
    scene.bring(0, gzip.compress(b'{"Records": []}'))
    scene.bring(1, b"")
    scene.step(0.0)
    scene.settle()
    assert len(scene.calls.deletes[0]) == 2
    assert scene.window.chunks == []
    assert scene.ledger.objects_done == 2


def test_a_bad_object_goes_back_and_others_pass(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    bad = scene.bring(0, log_file("bad", 3)[:-9])
    scene.bring(1, log_file("good", 3))
    scene.step(0.0)
    scene.step(LINGER_S)
    scene.acknowledge_all()
    scene.settle()
    assert bad.holder.fate is Fate.ABANDONED
    assert scene.window.ids() == ["good-0", "good-1", "good-2"]
    assert [[h.message.id for h in batch] for batch in scene.calls.deletes] == [["m1"]]
    assert [change[0].message.id for change in scene.calls.changes[0]] == ["m0"]
    assert scene.progress.objects_failed == 1
    assert "s3://bucket/key-0" in caplog.text
    assert scene.budget.used_bytes == 0


def test_a_large_record_goes_alone(scene: Scene) -> None:
    large = {"eventID": "large", "x": "x" * 2 * CHUNK_BYTES}
    records = [{"eventID": "first"}, large, {"eventID": "last"}]
    scene.bring(0, json.dumps({"Records": records}).encode())
    scene.step(0.0)
    scene.step(LINGER_S)
    assert [chunk.count for chunk in scene.window.chunks] == [1, 1, 1]
    assert scene.window.ids() == ["first", "large", "last"]


def test_a_record_that_the_receiver_cannot_take_makes_its_object_bad(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    item = scene.bring(0, log_file("huge", 1, padding=MAX_ENTRY_BYTES))
    scene.step(0.0, at_once=True)
    assert item.holder.fate is Fate.ABANDONED
    assert scene.window.chunks == []
    assert "record 0 takes" in caplog.text


def test_emission_of_a_message_stops_when_it_is_abandoned(scene: Scene) -> None:
    scene.window.room = 2
    item = scene.bring(0, log_file("a", 50, padding=100))
    scene.step(0.0)
    scene.ledger.abandon(item.holder)
    scene.window.room = 100
    scene.step(0.0)
    scene.step(LINGER_S)
    assert len(scene.window.ids()) < 50
    scene.acknowledge_all()
    scene.settle()
    assert scene.calls.deletes == []
    assert scene.budget.used_bytes == 0


def test_the_record_time_is_its_event_time(scene: Scene) -> None:
    scene.bring(0, log_file("a", 1))
    scene.step(0.0, at_once=True)
    (time, _record) = msgpack.unpackb(scene.window.chunks[0].payload)
    assert int.from_bytes(time.data[:4], "big") == 1_688_990_701


@pytest.mark.parametrize("text", ["never", "1912-04-15T02:20:00Z"])
def test_a_record_without_a_usable_time_gets_one_all_the_same(
    scene: Scene, text: str
) -> None:
    document = {"Records": [{"eventID": "a", "eventTime": text}]}
    scene.bring(0, json.dumps(document).encode())
    scene.step(0.0, at_once=True)
    (time, _record) = msgpack.unpackb(scene.window.chunks[0].payload)
    assert int.from_bytes(time.data[:4], "big") == 1_000_000_000


def test_an_object_whose_records_are_all_dropped_is_done() -> None:
    scene = Scene(transform=lambda _: None)
    item = scene.bring(0, log_file("a", 2500))
    for _ in range(9):
        scene.step(0.0)
    scene.settle()

    assert [h.message.id for h in scene.calls.deletes[0]] == ["m0"]
    assert scene.window.chunks == []
    assert (item.total_records, scene.progress.records_filtered) == (2500, 2500)
    assert scene.budget.used_bytes == 0


def test_the_journal_counts_dropped_records_too() -> None:
    scene = Scene(
        transform=lambda record: record if record["eventID"][-1] in "27" else None
    )
    item = scene.bring(0, log_file("a", 40, padding=300))
    scene.step(0.0)
    scene.step(LINGER_S)

    assert scene.window.ids() == [f"a-{n}" for n in range(40) if n % 10 in {2, 7}]
    counts = []
    for chunk in scene.window.chunks:
        scene.emission.on_acked(chunk.id)
        counts.append(item.acked_records)
    assert len(counts) > 2
    assert counts[:2] == [12, 22]  # up to the first record of the next chunk
    assert counts[-1] == 40


@pytest.mark.parametrize(("half", "index"), [(-2, 4), (-1, 6)])
def test_poison_among_dropped_records_is_named(
    caplog: pytest.LogCaptureFixture, half: int, index: int
) -> None:
    scene = Scene(
        transform=lambda record: record if record["eventID"] > "a-3" else None
    )
    scene.bring(0, log_file("a", 7))
    scene.step(0.0, at_once=True)
    (chunk,) = scene.window.chunks
    assert scene.window.ids() == ["a-4", "a-5", "a-6"]

    while chunk.count > 1:
        scene.emission.on_poisoned(chunk.id)
        scene.step(0.0)
        chunk = scene.window.chunks[half]
    scene.emission.on_poisoned(chunk.id)

    assert f"the receiver refuses its record {index}" in caplog.text
