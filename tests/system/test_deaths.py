"""An object that kills every worker that decodes it, beside good ones."""

from __future__ import annotations

import gzip
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.fakes.daemon import Daemon, merged, wait_until
from tests.fakes.forward_receiver import Faults, RecordingReceiver

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.mark.parametrize("on_bad_object", ["quarantine", "retry"])
def test_what_kills_workers_costs_itself_alone(
    stage: Stage, tmp_path: Path, on_bad_object: str
) -> None:
    good = [put_object(stage, f"good-{n}") for n in range(GOOD // 2)]
    put_object(stage, "deadly")
    good += [put_object(stage, f"good-{n}") for n in range(GOOD // 2, GOOD)]
    faults = Faults(stalls=True)
    with RecordingReceiver.unix(tmp_path / "forward.sock", faults) as receiver:
        settings = merged(
            stage.settings(receiver.address),
            {
                "source": {"on_bad_object": on_bad_object},
                "pool": {"workers": 1},
                "output": {"chunk_bytes": 1000, "window_chunks": 1},
            },
        )
        with Daemon(stage.folder, settings, module="tests.fakes.deadly") as daemon:
            # A receive under way when a worker dies would hide what it brings.
            wait_until(lambda: stage.depth() == GOOD + 1)
            wait_until(lambda: held_messages(stage) == GOOD + 1)
            faults.stalls = False
            outcome = {
                "quarantine": "kills_workers",
                "retry": "AWSLogs/deadly.json.gz: 3 workers died over its message",
            }[on_bad_object]
            wait_until(lambda: daemon.has_logged(outcome))
            wait_until(lambda: event_ids(receiver) == set(good))
            wait_until(lambda: stage.depth() == (on_bad_object == "retry"))
            assert daemon.log.count("was killed by SIGKILL") == 3
            repeats = len(list(receiver.records())) - len(good)
            assert repeats <= 3, "no more than the window of each worker that died"
        received = (stage.folder / "received").read_text().split("\n")
        assert all(line.endswith(" 1") for line in received if line)
        assert len(set(received)) == len(received), "none was received twice"
