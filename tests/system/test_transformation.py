"""Filter, redaction and enrichment in the running daemon."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.daemon import Daemon, merged

if TYPE_CHECKING:
    from tests.system.conftest import Stage

pytestmark = pytest.mark.system

STDOUT = {"output": {"require_ack": False, "receiver": "fluent-bit"}}


def run(stage: Stage, **sections: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """The records that came, and the log."""
    settings = merged(stage.settings("stdout:"), STDOUT | sections)
    arguments = ("--until-empty", "--idle-s", "0.2")
    with Daemon(stage.folder, settings, *arguments, stdout=subprocess.PIPE) as daemon:
        assert daemon.process.stdout is not None
        written = daemon.process.stdout.read()
        assert daemon.wait() == 0
        log = daemon.log
    assert stage.depth() == 0
    return [json.loads(line) for line in written.splitlines()], log


def test_what_is_filtered_out_counts_as_delivered(stage: Stage) -> None:
    uploaded = stage.upload(30)
    records, log = run(
        stage,
        filter={
            "include": ["eventSource = sqs.amazonaws.com"],
            "exclude": ["eventName ~ Receive*"],
        },
    )
    assert 0 < len(records) < len(uploaded)
    assert {record["eventSource"] for record in records} == {"sqs.amazonaws.com"}
    assert not any(record["eventName"].startswith("Receive") for record in records)
    dropped_count = len(uploaded) - len(records)
    assert f" {len(records)} records, {dropped_count} filtered out, " in log


def test_everything_filtered_out_leaves_an_empty_queue(stage: Stage) -> None:
    stage.upload(10)
    records, _ = run(stage, filter={"exclude": ["eventID exists"]})
    assert records == []


def test_records_are_redacted_before_the_view_is_made(stage: Stage) -> None:
    uploaded = stage.upload(30)
    records, _ = run(
        stage,
        redact={"paths": ["sourceIPAddress"], "action": "hash", "hash_key": "k"},
        enrich={"audit": True},
    )
    assert sorted(record["eventID"] for record in records) == sorted(uploaded)
    for record in records:
        assert record["sourceIPAddress"].startswith("hmac-sha256:")
        assert record["audit"]["from_where"].startswith("hmac-sha256:")
        assert record["audit"]["event_id"] == record["eventID"]


@pytest.mark.parametrize(
    ("schema", "path"),
    [("ecs", ("event", "id")), ("ocsf", ("metadata", "uid"))],
)
def test_records_in_another_schema_are_all_there(
    stage: Stage, schema: str, path: tuple[str, str]
) -> None:
    uploaded = stage.upload(30)
    records, _ = run(stage, enrich={"schema": schema})
    first, second = path
    assert sorted(record[first][second] for record in records) == sorted(uploaded)


def test_raw_records_can_be_filtered(stage: Stage) -> None:
    stage.upload(20)
    records, _ = run(
        stage,
        output=STDOUT["output"] | {"record": "raw"},
        filter={"include": ["eventSource = sqs.amazonaws.com"]},
    )
    sources = [json.loads(record["log"])["eventSource"] for record in records]
    assert set(sources) == {"sqs.amazonaws.com"}
