"""Emission: order, sharing of chunks, back-pressure, and objects that are bad."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import msgpack
import pytest

from tests.fakes.calls import (
    RecordedCommits,
)
from tests.fakes.emission import (
    CHUNK_BYTES,
    LINGER_S,
    MAX_ENTRY_BYTES,
    WINDOW_CHUNKS,
    Scene,
    log_file,
)
from worker.deliver.inbox import Committed
from worker.deliver.ledger import Fate
from worker.deliver.segments import Segmenter

if TYPE_CHECKING:
    from worker.deliver.ledger import HeldObject


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
    assert caplog.text.count("refuses a chunk of 3 records, the first of s3://") == 1


class PanicException(BaseException):
    """As a library in Rust raises it."""


PanicException.__module__ = "pyo3_runtime"


@pytest.mark.parametrize("bug", [PanicException("panicked"), KeyError("x")])
def test_a_bug_in_a_decoder_is_that_objects_fault(
    monkeypatch: pytest.MonkeyPatch, bug: BaseException
) -> None:
    scene = Scene()
    decode = Segmenter.segments

    def segments(self: Segmenter, item: HeldObject, *args: Any, **more: Any) -> Any:
        if item.ref.key == "key-0":
            raise bug
        yield from decode(self, item, *args, **more)

    monkeypatch.setattr(Segmenter, "segments", segments)
    bad, good = scene.bring(0, log_file("a", 2)), scene.bring(1, log_file("b", 2))
    scene.step(0.0)
    scene.step(LINGER_S)
    assert bad.holder.fate is Fate.ABANDONED
    assert bad.holder.return_reason == "bad_object"
    assert good.holder.fate is Fate.HELD
    assert scene.window.ids() == ["b-0", "b-1"]


def test_want_of_memory_is_no_objects_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()

    def segments(*_: Any, **__: Any) -> Any:
        raise MemoryError
        yield

    monkeypatch.setattr(Segmenter, "segments", segments)
    scene.bring(0, log_file("a", 2))
    with pytest.raises(MemoryError):
        scene.step(0.0)
