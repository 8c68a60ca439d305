"""Standard output: whole records only, and nothing deleted that was not written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import msgpack
import pytest

from tests.fakes.daemon import Daemon, merged, wait_until

if TYPE_CHECKING:
    from tests.system.conftest import Stage

pytestmark = pytest.mark.system

STDOUT: dict[str, object] = {"require_ack": False, "chunk_bytes": 4000}
UNTIL_EMPTY = ("--until-empty", "--idle-s", "0.2")


def run(stage: Stage, output: dict[str, object]) -> bytes:
    settings = merged(stage.settings("stdout:"), {"output": STDOUT | output})
    with Daemon(stage.folder, settings, *UNTIL_EMPTY, stdout=subprocess.PIPE) as daemon:
        assert daemon.process.stdout is not None
        written = daemon.process.stdout.read()
        assert daemon.wait() == 0
    return written


@pytest.mark.parametrize(
    "output",
    [{"receiver": "fluent-bit"}, {"receiver": "generic", "encoding": "json"}],
)
def test_one_json_object_a_line(stage: Stage, output: dict[str, object]) -> None:
    uploaded = stage.upload(50)
    records = [json.loads(line) for line in run(stage, output).splitlines()]
    assert sorted(record["eventID"] for record in records) == sorted(uploaded)
    assert stage.depth() == 0


def test_one_json_array_a_line_for_vector(stage: Stage) -> None:
    uploaded = stage.upload(50)
    lines = run(stage, {"receiver": "vector"}).splitlines()
    records = [record for line in lines for record in json.loads(line)]
    assert sorted(record["eventID"] for record in records) == sorted(uploaded)


def test_msgpack_maps_for_fluentd(stage: Stage) -> None:
    uploaded = stage.upload(50)
    unpacker = msgpack.Unpacker()
    unpacker.feed(run(stage, {"receiver": "fluentd"}))
    assert sorted(record["eventID"] for record in unpacker) == sorted(uploaded)


def test_msgpack_events_for_others(stage: Stage) -> None:
    uploaded = stage.upload(50)
    unpacker = msgpack.Unpacker()
    unpacker.feed(run(stage, {"receiver": "generic"}))
    events = list(unpacker)
    assert sorted(record["eventID"] for _, record in events) == sorted(uploaded)
    assert all(time.code == 0 and len(time.data) == 8 for time, _ in events)


def test_killed_workers_leave_only_whole_records(stage: Stage) -> None:
    uploaded = stage.upload(150)
    settings = merged(
        stage.settings("stdout:"),
        {"output": STDOUT, "source": {"visibility_timeout_s": 5}},
    )
    written = b""
    with Daemon(
        stage.folder,
        settings,
        "--until-empty",
        "--idle-s",
        "0.2",
        stdout=subprocess.PIPE,
    ) as daemon:
        assert daemon.process.stdout is not None
        # The pipe is full and the writer waits: kills hit workers in mid-frame.
        wait_until(lambda: stage.visible() < 100)
        for slot in (0, 1):
            written += os.read(daemon.process.stdout.fileno(), 20_000)
            daemon.kill_worker(slot)
        assert stage.depth() > 0, "there was work left"
        written += daemon.process.stdout.read()
        assert daemon.wait() == 0
        assert daemon.has_logged("was killed by SIGKILL")
    records = [json.loads(line) for line in written.splitlines()]
    assert {record["eventID"] for record in records} == set(uploaded)
    assert stage.depth() == 0


def test_a_closed_pipe_ends_the_run_with_1_and_deletes_only_what_was_written(
    stage: Stage,
) -> None:
    uploaded = stage.upload(150)
    settings = merged(stage.settings("stdout:"), {"output": STDOUT})
    with Daemon(stage.folder, settings, stdout=subprocess.PIPE) as daemon:
        assert daemon.process.stdout is not None
        written = b""
        while written.count(b"\n") < 5:
            written += os.read(daemon.process.stdout.fileno(), 4096)
        daemon.process.stdout.close()
        assert daemon.wait() == 1
        assert daemon.has_logged("the stdout writer ended with exit code 1")
    assert stage.depth() > 0
    assert stage.depth() == stage.visible(), "all of it can be received again at once"
    assert len(uploaded) > written.count(b"\n")


def test_a_dead_writer_ends_the_run_with_1(stage: Stage) -> None:
    stage.upload(150)
    settings = merged(stage.settings("stdout:"), {"output": STDOUT})
    with Daemon(stage.folder, settings, stdout=subprocess.PIPE) as daemon:
        wait_until(lambda: len(daemon.workers()) == 2)
        (writer,) = daemon.children() - set(daemon.workers().values())
        os.kill(writer, signal.SIGKILL)
        assert daemon.wait() == 1
        assert daemon.has_logged("the stdout writer was killed by SIGKILL")
    assert stage.depth() > 0
