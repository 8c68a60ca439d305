"""Workers that end over an object or are replaced, and what becomes of all others."""

from __future__ import annotations

import gzip
import json
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.fakes.daemon import Daemon, merged, toml, wait_until
from tests.fakes.forward_receiver import Faults, RecordingReceiver

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.daemon import Settings
    from tests.system.conftest import Stage

pytestmark = pytest.mark.system

GOOD = 40


def put_object(stage: Stage, name: str) -> str:
    """An object of one record, whose id is returned."""
    record = {"eventID": name, "eventTime": "2026-11-20T12:00:00Z", "x": "x" * 2000}
    body = gzip.compress(json.dumps({"Records": [record]}).encode())
    stage.put(f"AWSLogs/{name}.json.gz", body)
    return name


def held_messages(stage: Stage) -> int:
    path = stage.folder / "state" / "journal.sqlite3"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
        ((count,),) = journal.execute("SELECT count(*) FROM held")
    return int(count)


def event_ids(receiver: RecordingReceiver) -> set[str]:
    return {str(record["eventID"]) for record in receiver.records()}


def all_are_held(stage: Stage) -> bool:
    """Whether the queue holds each object's message, and the journal knows them all.

    A receive that is under way when a worker dies would hide what it brings.
    """
    return stage.depth() == held_messages(stage) == GOOD + 1


def expect_one_receive_each(stage: Stage) -> None:
    received = (stage.folder / "received").read_text().splitlines()
    assert all(line.endswith(" 1") for line in received)
    assert len(set(received)) == len(received)


SETTINGS: Settings = {
    "pool": {"workers": 1, "drain_timeout_s": 1},
    "output": {"chunk_bytes": 1000, "window_chunks": 1},
}


@pytest.mark.parametrize(
    ("bad", "on_bad_object"),
    [("deadly", "quarantine"), ("deadly", "retry"), ("hungry", "quarantine")],
)
def test_what_ends_workers_costs_itself_alone(
    stage: Stage, tmp_path: Path, bad: str, on_bad_object: str
) -> None:
    good = [put_object(stage, f"good-{n}") for n in range(GOOD // 2)]
    put_object(stage, bad)
    good += [put_object(stage, f"good-{n}") for n in range(GOOD // 2, GOOD)]
    faults = Faults(stalls=True)
    with RecordingReceiver.unix(tmp_path / "forward.sock", faults) as receiver:
        settings = merged(stage.settings(receiver.address), SETTINGS)
        settings["source"]["on_bad_object"] = on_bad_object
        if bad == "hungry":
            settings["pool"]["max_worker_rss_bytes"] = 200 << 20
        with Daemon(stage.folder, settings, module="tests.fakes.deadly") as daemon:
            daemon.wait_for_boot(1)
            wait_until(lambda: all_are_held(stage))
            faults.stalls = False
            outcome = f"AWSLogs/{bad}.json.gz: 3 workers ended over its message"
            wait_until(lambda: daemon.has_logged(outcome))
            wait_until(lambda: event_ids(receiver) == set(good))
            wait_until(lambda: stage.depth() == (on_bad_object == "retry"))
            end = {"deadly": "was killed by SIGKILL", "hungry": "above pool.max_worker"}
            ends = daemon.log.count(end[bad])
            assert ends == 3
            repeats = len(list(receiver.records())) - len(good)
            assert repeats <= ends, "no more than the window of each worker that ended"
    expect_one_receive_each(stage)


def test_a_worker_that_is_replaced_leaves_its_messages_to_the_next_one(
    stage: Stage, tmp_path: Path
) -> None:
    good = [put_object(stage, f"good-{n}") for n in range(GOOD + 1)]
    faults = Faults(stalls=True)
    with RecordingReceiver.unix(tmp_path / "forward.sock", faults) as receiver:
        settings = merged(stage.settings(receiver.address), SETTINGS)
        with Daemon(stage.folder, settings, module="tests.fakes.deadly") as daemon:
            daemon.wait_for_boot(1)
            wait_until(lambda: all_are_held(stage))
            changed = merged(settings, {"output": {"tag": "new"}})
            (stage.folder / "trailfeed.toml").write_text(toml(changed))
            daemon.signal(signal.SIGHUP)
            wait_until(lambda: daemon.has_logged("messages of earlier workers"))
            faults.stalls = False
            wait_until(lambda: stage.depth() == 0)
    assert event_ids(receiver) == set(good)
    expect_one_receive_each(stage)


def test_what_is_left_to_a_successor_is_given_back_where_none_comes(
    stage: Stage, tmp_path: Path
) -> None:
    """The pool is ended while a worker of it drains, to be replaced."""
    for n in range(GOOD + 1):
        put_object(stage, f"good-{n}")
    faults = Faults(stalls=True)
    with RecordingReceiver.unix(tmp_path / "forward.sock", faults) as receiver:
        settings = merged(stage.settings(receiver.address), SETTINGS)
        settings["pool"]["drain_timeout_s"] = 5
        with Daemon(stage.folder, settings, module="tests.fakes.deadly") as daemon:
            daemon.wait_for_boot(1)
            wait_until(lambda: all_are_held(stage))
            changed = merged(settings, {"output": {"tag": "new"}})
            (stage.folder / "trailfeed.toml").write_text(toml(changed))
            daemon.signal(signal.SIGHUP)
            wait_until(lambda: daemon.has_logged("reloading"))
            daemon.signal(signal.SIGTERM)
            assert daemon.wait() == 0
            assert stage.visible() >= GOOD, "all but what was emitted"
