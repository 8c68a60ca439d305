"""Killed at the worst instants: what comes twice is one window, and nothing is lost."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.fakes.aws_standin.process import AwsStandIn
from tests.fakes.daemon import Daemon, merged, settings_for, wait_until
from tests.fakes.forward_receiver import Faults, RecordingReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.daemon import Settings

pytestmark = pytest.mark.system

QUEUE = "events"
BUCKET = "logs"
WINDOW_CHUNKS = 2
RECORDS = 200


class Scene:
    """One object of some forty chunks in the queue, and one worker to deliver it."""

    def __init__(self, aws: AwsStandIn, receiver: RecordingReceiver, folder: Path):
        self.aws = aws
        self.receiver = receiver
        self.folder = folder
        self.expected = [f"event-{n}" for n in range(RECORDS)]
        queue_url = aws.make_queue(QUEUE)
        records = [
            {"eventID": one, "eventTime": "2026-11-20T12:00:00Z", "x": "x" * 300}
            for one in self.expected
        ]
        body = gzip.compress(json.dumps({"Records": records}).encode())
        aws.load(BUCKET, {"AWSLogs/one.json.gz": body}, queue=QUEUE)
        self.settings = merged(
            settings_for(aws, queue_url, receiver.address, folder),
            {
                # Longer than any test waits: a successor must fetch messages back.
                "source": {"visibility_timeout_s": 600},
                "output": {"chunk_bytes": 2000, "window_chunks": WINDOW_CHUNKS},
                "pool": {"workers": 1},
            },
        )

    @property
    def journal_path(self) -> Path:
        return self.folder / "state" / "journal.sqlite3"

    def journal_says(self, query: str) -> int:
        with closing(
            sqlite3.connect(f"file:{self.journal_path}?mode=ro", uri=True)
        ) as journal:
            ((number,),) = journal.execute(query)
        return int(number)

    def noted_records(self) -> int:
        return self.journal_says("SELECT coalesce(sum(records), 0) FROM object")

    def is_claimed(self) -> bool:
        return self.journal_says("SELECT count(*) FROM claim") == 1

    def is_noted_as_finished(self) -> bool:
        return self.journal_says("SELECT count(*) FROM object WHERE is_finished") == 1

    def has_arrived(self) -> bool:
        return set(self.event_ids()) == set(self.expected)

    def event_ids(self, *, since_frame: int = 0) -> list[str]:
        return [
            str(entry.record["eventID"])
            for frame in self.receiver.frames()[since_frame:]
            for entry in frame.entries()
        ]

    def until_empty(self, changes: Settings | None = None) -> None:
        """A run that ends by itself."""
        settings = merged(self.settings, changes or {})
        with Daemon(
            self.folder, settings, "--until-empty", "--idle-s", "0.2"
        ) as daemon:
            assert daemon.wait() == 0
        assert self.aws.depth(QUEUE) == 0


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with (
        AwsStandIn() as aws,
        RecordingReceiver.unix(tmp_path / "forward.sock", Faults()) as receiver,
    ):
        yield Scene(aws, receiver, tmp_path)


def kill_everyone(daemon: Daemon) -> None:
    os.killpg(daemon.process.pid, signal.SIGKILL)
    daemon.wait()


def test_after_the_write_and_before_the_ack(scene: Scene) -> None:
    scene.receiver.faults.max_acks = 1
    with Daemon(scene.folder, scene.settings) as daemon:
        scene.receiver.wait_for_frames(1 + WINDOW_CHUNKS, timeout_s=60)
        wait_until(lambda: scene.noted_records() > 0)
        noted = scene.noted_records()
        daemon.kill_worker(0)
        before = scene.event_ids()
        scene.receiver.faults.max_acks = None
        wait_until(scene.has_arrived)
        wait_until(lambda: scene.aws.depth(QUEUE) == 0)
    assert before == scene.expected[: len(before)]
    assert len(list(scene.receiver.frames()[0].entries())) == noted
    assert scene.event_ids() == before + scene.expected[noted:]


def test_after_the_ack_and_before_the_journal(scene: Scene) -> None:
    scene.receiver.faults.stalls = True
    with Daemon(scene.folder, scene.settings) as daemon:
        daemon.wait_for_boot(1)
        wait_until(scene.is_claimed)
        with closing(
            sqlite3.connect(scene.journal_path, isolation_level=None)
        ) as journal:
            journal.execute("BEGIN IMMEDIATE")
            scene.receiver.faults.stalls = False
            wait_until(lambda: len(scene.receiver.acked()) == WINDOW_CHUNKS)
            kill_everyone(daemon)
            journal.execute("ROLLBACK")
    acked = scene.event_ids()
    assert len(scene.receiver.frames()) == WINDOW_CHUNKS, "no more than can be repeated"
    assert scene.noted_records() == 0
    scene.until_empty()
    assert scene.event_ids() == acked + scene.expected


def test_after_the_journal_and_before_the_delete(scene: Scene) -> None:
    scene.aws.set_faults({"sqs_no_delete": 1.0})
    with Daemon(scene.folder, scene.settings) as daemon:
        daemon.wait_for_boot(1)
        wait_until(scene.is_noted_as_finished)
        wait_until(lambda: daemon.has_logged("cannot delete"))
        kill_everyone(daemon)
    assert scene.aws.depth(QUEUE) == 1
    scene.aws.set_faults({})
    scene.until_empty()
    assert scene.event_ids() == scene.expected


def test_in_the_middle_and_then_with_another_configuration(scene: Scene) -> None:
    scene.receiver.faults.reversed_acks = WINDOW_CHUNKS + 1  # slows it down
    with Daemon(scene.folder, scene.settings) as daemon:
        daemon.wait_for_boot(1)
        wait_until(lambda: scene.noted_records() > 0)
        kill_everyone(daemon)
    assert not scene.has_arrived()
    frames_before = len(scene.receiver.frames())
    scene.receiver.faults.reversed_acks = 0
    # The count was made under another [decode]: it says nothing about this one.
    scene.until_empty({"decode": {"max_ratio": 999}})
    assert scene.event_ids(since_frame=frames_before) == scene.expected
