"""The journal: nothing twice that need not be, whoever dies and when."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.fakes.daemon import Daemon, merged, toml, wait_until
from tests.fakes.forward_receiver import Faults, RecordingReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.daemon import Settings
    from tests.system.conftest import Stage

pytestmark = pytest.mark.system

KEY = "AWSLogs/one.json.gz"
UNTIL_EMPTY = ("--until-empty", "--idle-s", "0.2")
WINDOW_CHUNKS = 2
SMALL_CHUNKS = {"chunk_bytes": 2000, "window_chunks": WINDOW_CHUNKS}


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[RecordingReceiver]:
    with RecordingReceiver.unix(tmp_path / "forward.sock") as made:
        yield made


def cloudtrail_file(name: str, count: int) -> tuple[bytes, list[str]]:
    """A file of so many records, and their event ids."""
    event_ids = [f"{name}-{n}" for n in range(count)]
    records = [
        {"eventID": event_id, "eventTime": "2026-11-20T12:00:00Z", "padding": "x" * 80}
        for event_id in event_ids
    ]
    return gzip.compress(json.dumps({"Records": records}).encode()), event_ids


def notification_of(stage: Stage, key: str) -> str:
    """The message that S3 sent about an object, which stays in the queue."""
    messages = stage.aws.client("sqs").receive_message(
        QueueUrl=stage.pipeline.queue_url, MaxNumberOfMessages=10, VisibilityTimeout=0
    )["Messages"]
    (body,) = (m["Body"] for m in messages if quote(key, safe="") in m["Body"])
    return body


def event_ids(receiver: RecordingReceiver) -> list[str]:
    return [str(record["eventID"]) for record in receiver.records()]


def journal_says(stage: Stage, query: str) -> int:
    """One number out of the journal, which is in use."""
    path = stage.folder / "state" / "journal.sqlite3"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
        ((number,),) = journal.execute(query)
    return int(number)


def noted_records(stage: Stage) -> int:
    """How many acknowledged records the journal knows of."""
    return journal_says(stage, "SELECT coalesce(sum(records), 0) FROM object")


def all_hidden_are_noted(stage: Stage) -> bool:
    """Whether the journal knows of every message that some worker has received."""
    hidden = stage.depth() - stage.visible()
    return journal_says(stage, "SELECT count(*) FROM held") == hidden > 0


def run_until_empty(stage: Stage, settings: Settings) -> Daemon:
    with Daemon(stage.folder, settings, *UNTIL_EMPTY) as daemon:
        assert daemon.wait() == 0
    return daemon


def test_a_notification_sent_five_times_delivers_every_record_once(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    body, expected = cloudtrail_file("one", 300)
    stage.put(KEY, body)
    message = notification_of(stage, KEY)
    for _ in range(4):
        stage.send(message)
    settings = merged(stage.settings(receiver.address), {"output": SMALL_CHUNKS})
    run_until_empty(stage, settings)
    assert event_ids(receiver) == expected
    assert stage.depth() == 0


def test_without_a_window_a_notification_sent_twice_delivers_twice(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    body, expected = cloudtrail_file("one", 20)
    stage.put(KEY, body)
    stage.send(notification_of(stage, KEY))
    settings = merged(
        stage.settings(receiver.address), {"state": {"dedupe_window_s": 0}}
    )
    run_until_empty(stage, settings)
    assert sorted(event_ids(receiver)) == sorted(expected * 2)
    assert stage.depth() == 0


def test_what_was_delivered_is_remembered_by_the_next_run(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    body, expected = cloudtrail_file("one", 20)
    stage.put(KEY, body)
    message = notification_of(stage, KEY)
    settings = stage.settings(receiver.address)
    run_until_empty(stage, settings)
    stage.send(message)
    daemon = run_until_empty(stage, settings)
    assert event_ids(receiver) == expected
    assert stage.depth() == 0
    (entry,) = (e for e in daemon.entries() if "delivered before" in e["message"])
    assert entry["key"] == KEY


def test_an_object_overwritten_before_its_download_is_delivered_as_it_is_now(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    former, _ = cloudtrail_file("former", 20)
    latter, expected = cloudtrail_file("latter", 30)
    stage.put(KEY, former)
    stage.put(KEY, latter)
    run_until_empty(stage, stage.settings(receiver.address))
    assert event_ids(receiver) == expected
    assert stage.depth() == 0


def test_an_object_overwritten_after_its_delivery_is_delivered_again(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    former, first = cloudtrail_file("former", 20)
    latter, second = cloudtrail_file("latter", 30)
    settings = stage.settings(receiver.address)
    stage.put(KEY, former)
    run_until_empty(stage, settings)
    stage.put(KEY, latter)
    run_until_empty(stage, settings)
    assert event_ids(receiver) == first + second
    assert stage.depth() == 0


def test_a_killed_worker_repeats_no_more_than_its_window(
    stage: Stage, tmp_path: Path
) -> None:
    expected: list[str] = []
    for name in "abcdef":
        body, ids = cloudtrail_file(name, 200)
        stage.put(f"AWSLogs/{name}.json.gz", body)
        expected += ids
    # Wider than the window: two acknowledgements for each half second of silence.
    faults = Faults(reversed_acks=WINDOW_CHUNKS + 1)
    with RecordingReceiver.unix(tmp_path / "forward.sock", faults) as receiver:
        # Hidden for longer than the test waits: the successor must fetch them back.
        settings = merged(
            stage.settings(receiver.address),
            {"output": SMALL_CHUNKS, "source": {"visibility_timeout_s": 600}},
        )
        with Daemon(stage.folder, settings) as daemon:
            daemon.wait_for_boot(2)
            wait_until(lambda: len(receiver.acked()) >= 2 * (1 + 2 * WINDOW_CHUNKS))
            faults.stalls = True
            acked = records_of_chunks(receiver, set(receiver.acked()))
            wait_until(lambda: noted_records(stage) >= len(acked))
            frames_before = len(receiver.frames())
            daemon.kill_worker(0)
            assert set(event_ids(receiver)) < set(expected), "there was work left"

            faults.reversed_acks = 0
            faults.stalls = False
            wait_until(lambda: set(event_ids(receiver)) == set(expected))
            wait_until(lambda: stage.depth() == 0)
            daemon.signal(signal.SIGTERM)
            assert daemon.wait() == 0
        frames = receiver.frames()
        later = [
            str(entry.record["eventID"])
            for frame in frames[frames_before:]
            for entry in frame.entries()
        ]
        assert acked.isdisjoint(later), "what was acknowledged does not come again"
        window = WINDOW_CHUNKS * max(len(list(frame.entries())) for frame in frames)
        assert len(event_ids(receiver)) - len(expected) <= window


def records_of_chunks(receiver: RecordingReceiver, chunks: set[str]) -> set[str]:
    """Event ids of the records that these chunks carried."""
    return {
        str(entry.record["eventID"])
        for frame in receiver.frames()
        if frame.chunk in chunks
        for entry in frame.entries()
    }


@pytest.mark.parametrize("who", ["supervisor", "everyone"])
def test_a_run_after_a_kill_begins_where_the_former_ended(
    stage: Stage, tmp_path: Path, who: str
) -> None:
    uploaded = stage.upload(40)
    faults = Faults(stalls=True)
    with RecordingReceiver.unix(tmp_path / "forward.sock", faults) as receiver:
        settings = merged(
            stage.settings(receiver.address),
            {"source": {"visibility_timeout_s": 600}, "output": SMALL_CHUNKS},
        )
        with Daemon(stage.folder, settings) as daemon:
            daemon.wait_for_boot(2)
            wait_until(lambda: stage.visible() <= 20)
            # What was received in this very moment would stay hidden.
            wait_until(lambda: all_hidden_are_noted(stage))
            if who == "everyone":
                os.killpg(daemon.process.pid, signal.SIGKILL)
            else:
                daemon.signal(signal.SIGKILL)
            daemon.wait()
            assert stage.depth() >= 40, "all of it is still in the queue"
            faults.stalls = False
            # Its patience is far below the 600 s for which messages are hidden.
            run_until_empty(stage, settings)
        assert set(event_ids(receiver)) == set(uploaded)
        assert stage.depth() == 0


def test_a_drain_in_the_middle_of_an_object_is_gone_on_from(
    stage: Stage, tmp_path: Path
) -> None:
    body, expected = cloudtrail_file("one", 400)
    stage.put(KEY, body)
    faults = Faults(reversed_acks=WINDOW_CHUNKS + 1)
    with RecordingReceiver.unix(tmp_path / "forward.sock", faults) as receiver:
        settings = merged(
            stage.settings(receiver.address),
            {"output": SMALL_CHUNKS, "pool": {"workers": 1, "drain_timeout_s": 1}},
        )
        with Daemon(stage.folder, settings) as daemon:
            wait_until(lambda: len(receiver.acked()) >= 1 + 2 * WINDOW_CHUNKS)
            daemon.signal(signal.SIGTERM)
            assert daemon.wait() == 0
        assert set(event_ids(receiver)) < set(expected), "there was work left"
        acked = records_of_chunks(receiver, set(receiver.acked()))
        frames_before = len(receiver.frames())
        assert stage.depth() == 1

        faults.reversed_acks = 0
        run_until_empty(stage, settings)
        frames = receiver.frames()
        later = {
            str(entry.record["eventID"])
            for frame in frames[frames_before:]
            for entry in frame.entries()
        }
        assert set(event_ids(receiver)) == set(expected)
        window = WINDOW_CHUNKS * max(len(list(frame.entries())) for frame in frames)
        assert len(event_ids(receiver)) - len(expected) <= window
        assert len(acked & later) <= window
        assert stage.depth() == 0


def test_a_journal_that_is_no_database_ends_with_78(stage: Stage) -> None:
    journal = stage.folder / "state" / "journal.sqlite3"
    journal.parent.mkdir()
    journal.write_bytes(b"this is no database\n" * 500)
    expect_refusal(stage, journal)
    assert journal.read_bytes() == b"this is no database\n" * 500, "left as it was"


def test_a_journal_with_damaged_pages_ends_with_78(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    stage.upload(20)
    run_until_empty(stage, stage.settings(receiver.address))
    journal = stage.folder / "state" / "journal.sqlite3"
    with closing(sqlite3.connect(journal)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size_bytes = journal.stat().st_size
    with journal.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size_bytes - 4096))
    (stage.folder / "trailfeed.log").unlink()
    expect_refusal(stage, journal)


@pytest.mark.parametrize("replaced_by", [signal.SIGKILL, signal.SIGHUP])
def test_a_journal_that_breaks_while_the_pool_runs_is_done_without(
    stage: Stage, receiver: RecordingReceiver, replaced_by: signal.Signals
) -> None:
    """A worker is replaced while the file is no database; then it is away again."""
    journal = stage.folder / "state" / "journal.sqlite3"
    settings = merged(stage.settings(receiver.address), {"pool": {"workers": 1}})
    with Daemon(stage.folder, settings) as daemon:
        wait_until(lambda: stage.depth() == 0)  # S3's test event
        for suffix in ("", "-wal", "-shm"):
            journal.with_name(f"{journal.name}{suffix}").unlink()
        journal.write_bytes(b"this is no database\n" * 500)
        if replaced_by is signal.SIGHUP:
            changed = merged(settings, {"output": {"tag": "new"}})
            (stage.folder / "trailfeed.toml").write_text(toml(changed))
            daemon.signal(signal.SIGHUP)
        else:
            daemon.kill_worker(0)
        wait_until(lambda: daemon.has_logged("going on without the journal"))
        (line,) = [m for m in daemon.messages() if "going on without" in m]
        assert f"state.dir: {journal} is damaged" in line
        assert "move it and its -wal file away" in line
        uploaded = stage.upload(5)
        wait_until(lambda: len(event_ids(receiver)) == len(uploaded))

        journal.unlink()
        wait_until(lambda: daemon.has_logged("the journal is written again"))
        uploaded += stage.upload(5, seed=2)
        wait_until(lambda: stage.depth() == 0)
        assert sorted(event_ids(receiver)) == sorted(uploaded)
        finished = "SELECT count(*) FROM object WHERE is_finished"
        wait_until(lambda: journal_says(stage, finished) == 5)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_state_directory_that_cannot_be_written_ends_with_78(stage: Stage) -> None:
    state = stage.folder / "state"
    state.mkdir(mode=0o500)
    expect_refusal(stage, state)


def expect_refusal(stage: Stage, path: Path) -> None:
    """The run ends before it begins, with one line that names the file."""
    with Daemon(stage.folder, stage.settings("tcp://127.0.0.1:9")) as daemon:
        assert daemon.wait() == 78
    (line,) = daemon.log.splitlines()
    assert str(path) in line
