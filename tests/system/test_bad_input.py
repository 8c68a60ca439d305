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
        (gzip.compress(b'{"records": []}'), "Records"),
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
        assert daemon.has_logged("going on without it")


@pytest.mark.parametrize("body", ["", "   "])
def test_an_empty_object_is_no_error(
    stage: Stage, receiver: RecordingReceiver, body: str
) -> None:
    stage.put("AWSLogs/empty.json.gz", gzip.compress(body.encode()) if body else b"")
    with Daemon(stage.folder, stage.settings(receiver.address)) as daemon:
        if body:
            wait_until(lambda: daemon.has_logged("back to the queue"))
            assert daemon.has_logged("AWSLogs/empty.json.gz")
        else:
            wait_until(lambda: stage.depth() == 0)


@pytest.mark.parametrize("body", ["hello", "{}", '{"Records": 5}', "[1, 2"])
def test_what_is_no_notification_stays_in_the_queue(
    stage: Stage, receiver: RecordingReceiver, body: str
) -> None:
    stage.send(body)
    uploaded = stage.upload(5)
    with Daemon(stage.folder, stage.settings(receiver.address)) as daemon:
        receiver.wait_for_records(len(uploaded))
        wait_until(lambda: stage.depth() == 1)
        assert daemon.has_logged("back to the queue")
        assert daemon.has_logged("message_id")
        assert "Traceback" not in daemon.log


def test_what_is_no_notification_is_deleted_where_so_configured(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    stage.send("hello")
    settings = merged(
        stage.settings(receiver.address), {"source": {"on_unknown_message": "delete"}}
    )
    with Daemon(stage.folder, settings) as daemon:
        wait_until(lambda: stage.depth() == 0)
        assert daemon.has_logged("deleting a message")
