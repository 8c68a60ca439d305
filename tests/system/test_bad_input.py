"""Bad input: one line that says what and where; nothing lost, nobody harmed."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from tests.fakes.daemon import Daemon, merged, wait_until
from tests.fakes.forward_receiver import RecordingReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.system.conftest import Stage

pytestmark = pytest.mark.system

WHOLE = gzip.compress(json.dumps({"Records": [{"eventID": "1"}] * 50}).encode())


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[RecordingReceiver]:
    with RecordingReceiver.unix(tmp_path / "forward.sock") as made:
        yield made


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (WHOLE[:-20], "truncated"),
        (b"\x1f\x8b\x08 not gzip at all", "gzip"),
        (gzip.compress(b"no json"), "JSON"),
        (gzip.compress(b'"no records"'), "holds a text, where an object"),
        (WHOLE + b"garbage", "followed by something else"),
    ],
    ids=["truncated", "not-gzip", "not-json", "no-records", "garbage"],
)
def test_a_bad_object_stays_in_the_queue_and_delays_no_other(
    stage: Stage, receiver: RecordingReceiver, body: bytes, sentence: str
) -> None:
    stage.put("AWSLogs/bad.json.gz", body)
    uploaded = stage.upload(10)
    with Daemon(stage.folder, stage.settings(receiver.address)) as daemon:
        receiver.wait_for_records(len(uploaded))
        wait_until(lambda: stage.depth() == 1)
        (line,) = (m for m in daemon.messages() if "back to the queue" in m)
        assert sentence in line
        assert f"s3://{stage.pipeline.bucket}/AWSLogs/bad.json.gz" in line
        assert "Traceback" not in daemon.log
        assert len(daemon.workers()) == 2
        assert not daemon.has_logged("next one in")


def test_a_missing_object_stays_in_the_queue(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    stage.put("AWSLogs/gone.json.gz", WHOLE)
    stage.aws.client("s3").delete_object(
        Bucket=stage.pipeline.bucket, Key="AWSLogs/gone.json.gz"
    )
    with Daemon(stage.folder, stage.settings(receiver.address)) as daemon:
        wait_until(lambda: daemon.has_logged("back to the queue"))
        assert daemon.has_logged("AWSLogs/gone.json.gz")
        wait_until(lambda: stage.depth() == 1)


def test_a_missing_object_is_passed_over_where_so_configured(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    stage.put("AWSLogs/gone.json.gz", WHOLE)
    stage.aws.client("s3").delete_object(
        Bucket=stage.pipeline.bucket, Key="AWSLogs/gone.json.gz"
    )
    settings = merged(
        stage.settings(receiver.address), {"source": {"on_missing_object": "delete"}}
    )
    with Daemon(stage.folder, settings) as daemon:
        wait_until(lambda: stage.depth() == 0)
        wait_until(lambda: daemon.has_logged("passing over it"))


def test_an_empty_object_is_passed_over(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    stage.put("AWSLogs/empty.json.gz", b"")
    with Daemon(stage.folder, stage.settings(receiver.address)) as daemon:
        wait_until(lambda: stage.depth() == 0)
        wait_until(lambda: daemon.has_logged(": empty_object"))
        (entry,) = (e for e in daemon.entries() if ": empty_object" in e["message"])
    assert entry["level"] == "info", "there is nothing to mend"
    assert entry["bucket"] == stage.pipeline.bucket
    assert entry["key"] == "AWSLogs/empty.json.gz"
    assert receiver.records() == []


def test_an_object_of_nothing_but_blanks_holds_no_records(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    stage.put("AWSLogs/blank.json.gz", gzip.compress(b" \r\n"))
    with Daemon(stage.folder, stage.settings(receiver.address)) as daemon:
        wait_until(lambda: stage.depth() == 0)
        assert not daemon.has_logged("back to the queue")
    assert receiver.records() == []


def test_a_record_that_the_receiver_refuses_harms_none_of_its_neighbours(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    """With nothing else in the queue that could show whether the receiver is well."""
    records = [{"eventID": str(number)} for number in range(47)]
    stage.put(
        "AWSLogs/a.json.gz", gzip.compress(json.dumps({"Records": records}).encode())
    )
    receiver.faults.refused_event_ids = frozenset({"23"})
    with Daemon(stage.folder, stage.settings(receiver.address)):
        receiver.wait_for_records(46)
        assert stage.depth() == 1  # until the receiver refused the one often enough
    arrived = sorted(int(str(one["eventID"])) for one in receiver.records())
    assert arrived == [number for number in range(47) if number != 23]


@pytest.mark.parametrize("body", ["hello", "{}", '{"Records": 5}', "[1, 2"])
def test_what_is_no_notification_stays_in_the_queue_where_so_configured(
    stage: Stage, receiver: RecordingReceiver, body: str
) -> None:
    stage.send(body)
    uploaded = stage.upload(5)
    settings = merged(
        stage.settings(receiver.address), {"source": {"on_unknown_message": "retry"}}
    )
    with Daemon(stage.folder, settings) as daemon:
        receiver.wait_for_records(len(uploaded))
        wait_until(lambda: stage.depth() == 1)
        (entry,) = (e for e in daemon.entries() if "back to the queue" in e["message"])
        assert entry["message_id"]
        assert "Traceback" not in daemon.log


def test_what_is_no_notification_goes_to_the_quarantine(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    stage.send("hello, world")
    with Daemon(stage.folder, stage.settings(receiver.address)) as daemon:
        wait_until(lambda: stage.depth() == 0)
        wait_until(lambda: daemon.has_logged("quarantined as"))
        (entry,) = (e for e in daemon.entries() if "quarantined as" in e["message"])
    assert entry["message_id"]
    kept = (stage.folder / "state" / "quarantine").rglob("*")
    copies = [path.read_text() for path in kept if path.is_file()]
    assert any("hello, world" in copy for copy in copies), "the copy is on disk"


def test_a_bad_object_goes_to_the_quarantine_where_so_configured(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    stage.put("AWSLogs/bad.json.gz", WHOLE[:-20])
    uploaded = stage.upload(5)
    settings = merged(
        stage.settings(receiver.address), {"source": {"on_bad_object": "quarantine"}}
    )
    with Daemon(stage.folder, settings) as daemon:
        receiver.wait_for_records(len(uploaded))
        wait_until(lambda: stage.depth() == 0)
        wait_until(lambda: daemon.has_logged("quarantined as"))
        (entry,) = (e for e in daemon.entries() if "quarantined as" in e["message"])
    assert entry["key"] == "AWSLogs/bad.json.gz"
    kept = (stage.folder / "state" / "quarantine").rglob("*")
    copies = [path.read_bytes() for path in kept if path.is_file()]
    assert WHOLE[:-20] in copies, "the object as it was, on disk"


def test_what_is_no_notification_is_deleted_where_so_configured(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    stage.send("hello")
    settings = merged(
        stage.settings(receiver.address), {"source": {"on_unknown_message": "delete"}}
    )
    with Daemon(stage.folder, settings) as daemon:
        wait_until(lambda: stage.depth() == 0)
        wait_until(lambda: daemon.has_logged("passing over it"))
        assert receiver.records() == []
