"""SQS to S3 to records to a receiver: everything once, in order, then deleted."""

from __future__ import annotations

import gzip
import itertools
import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.fakes.daemon import Daemon, merged, wait_until
from tests.fakes.forward_receiver import Faults, RecordingReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.system.conftest import Stage

pytestmark = pytest.mark.system

UNTIL_EMPTY = ("--until-empty", "--idle-s", "0.2")


@pytest.fixture
def socket_path(tmp_path: Path) -> Path:
    return tmp_path / "forward.sock"


@pytest.fixture(params=["unix", "tcp"])
def receiver(
    request: pytest.FixtureRequest, socket_path: Path
) -> Iterator[RecordingReceiver]:
    made = (
        RecordingReceiver.unix(socket_path)
        if request.param == "unix"
        else RecordingReceiver.tcp()
    )
    with made as listening:
        yield listening


def event_ids(receiver: RecordingReceiver) -> list[object]:
    return [record["eventID"] for record in receiver.records()]


def test_until_empty_delivers_everything_once_and_exits_0(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    uploaded = stage.upload(80)
    settings = stage.settings(receiver.address)
    with Daemon(stage.folder, settings, *UNTIL_EMPTY) as daemon:
        assert daemon.wait() == 0
    assert sorted(map(str, event_ids(receiver))) == sorted(uploaded)
    assert stage.depth() == 0
    assert len(receiver.frames()) < 80, "small objects share chunks"


def test_records_of_one_object_keep_their_order(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    uploaded = stage.upload(40)
    settings = merged(
        stage.settings(receiver.address), {"output": {"chunk_bytes": 2000}}
    )
    with Daemon(stage.folder, settings, *UNTIL_EMPTY) as daemon:
        assert daemon.wait() == 0
    place = {event_id: n for n, event_id in enumerate(event_ids(receiver))}
    assert len(place) == len(uploaded)
    for file_ids in _by_file(uploaded, stage):
        places = [place[event_id] for event_id in file_ids]
        assert places == sorted(places)


def _by_file(uploaded: list[str], stage: Stage) -> list[list[str]]:
    """The uploaded ids, file by file, read back from the bucket."""
    s3 = stage.aws.client("s3")
    listing = s3.list_objects_v2(Bucket=stage.pipeline.bucket)["Contents"]
    files = []
    for item in listing:
        body = s3.get_object(Bucket=stage.pipeline.bucket, Key=item["Key"])["Body"]
        records = json.loads(gzip.decompress(body.read()))["Records"]
        files.append([record["eventID"] for record in records])
    assert sorted(itertools.chain.from_iterable(files)) == sorted(uploaded)
    return files


def test_a_worker_killed_half_way_loses_nothing(
    stage: Stage, socket_path: Path
) -> None:
    uploaded = stage.upload(120)
    with RecordingReceiver.unix(socket_path, Faults(stalls=True)) as receiver:
        settings = merged(
            stage.settings(receiver.address),
            {"source": {"visibility_timeout_s": 5}, "output": {"chunk_bytes": 4000}},
        )
        with Daemon(stage.folder, settings, *UNTIL_EMPTY) as daemon:
            wait_until(lambda: stage.visible() < 120)
            daemon.wait_for_boot(2)
            daemon.kill_worker(0)
            receiver.faults.stalls = False
            assert daemon.wait() == 0
            assert daemon.has_logged("was killed by SIGKILL")
    assert set(map(str, event_ids(receiver))) == set(uploaded)
    assert stage.depth() == 0


def test_a_receiver_that_reads_nothing_stops_the_polling(
    stage: Stage, socket_path: Path
) -> None:
    uploaded = stage.upload(120)
    with RecordingReceiver.unix(socket_path, Faults(stalls=True)) as receiver:
        settings = merged(
            stage.settings(receiver.address),
            {
                "pool": {"workers": 1, "downloads_per_worker": 2},
                "output": {"chunk_bytes": 4000, "window_chunks": 2},
            },
        )
        with Daemon(stage.folder, settings, *UNTIL_EMPTY) as daemon:
            wait_until(lambda: stage.visible() < 120)
            levels = _watch_until_steady(stage)
            assert levels[-1] > 60, "it receives no more than it has room for"
            receiver.faults.stalls = False
            assert daemon.wait() == 0
    assert sorted(map(str, event_ids(receiver))) == sorted(uploaded)


def _watch_until_steady(stage: Stage) -> list[int]:
    """Look at the queue until it has not moved for many looks in a row."""
    levels: list[int] = []
    while len(levels) < 15 or len(set(levels[-15:])) > 1:
        levels.append(stage.visible())
        time.sleep(0.1)
        assert len(levels) < 300
    return levels


def test_no_receiver_no_receive(stage: Stage, socket_path: Path) -> None:
    uploaded = stage.upload(20)
    visible = stage.visible()
    settings = stage.settings(f"unix://{socket_path}")
    with Daemon(stage.folder, settings, *UNTIL_EMPTY) as daemon:
        wait_until(lambda: daemon.has_logged("No such file"))
        assert stage.visible() == visible
        with RecordingReceiver.unix(socket_path) as receiver:
            assert daemon.wait() == 0
    assert sorted(map(str, event_ids(receiver))) == sorted(uploaded)


def test_a_receiver_without_acks_gets_everything_when_asked_for_none(
    stage: Stage, socket_path: Path
) -> None:
    uploaded = stage.upload(30)
    with RecordingReceiver.unix(socket_path, Faults(acks=False)) as receiver:
        settings = merged(
            stage.settings(receiver.address),
            {"output": {"require_ack": False, "receiver": "vector"}},
        )
        with Daemon(stage.folder, settings, *UNTIL_EMPTY) as daemon:
            assert daemon.wait() == 0
        receiver.wait_for_records(len(uploaded))
    assert sorted(map(str, event_ids(receiver))) == sorted(uploaded)
    assert stage.depth() == 0


def test_the_test_event_of_a_new_notification_is_deleted(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    assert stage.depth() == 1
    settings = stage.settings(receiver.address)
    with Daemon(stage.folder, settings, *UNTIL_EMPTY) as daemon:
        assert daemon.wait() == 0
        assert daemon.has_logged(": test_event")
    assert stage.depth() == 0
    assert receiver.records() == []
