"""Objects of other formats and records of other shapes, through the whole daemon."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.daemon import Daemon, merged
from tests.fakes.forward_receiver import RecordingReceiver

if TYPE_CHECKING:
    from tests.system.conftest import Stage

pytestmark = pytest.mark.system

KEY = "AWSLogs/123456789012/CloudTrail/us-east-1/2026/11/20/x.json.gz"
EVENTS = [
    {"eventID": f"e-{n}", "eventTime": "2026-11-20T12:00:00Z", "detail": {"n": n}}
    for n in range(3)
]
TRAIL = json.dumps({"Records": EVENTS})


@pytest.mark.parametrize(
    ("decode", "record", "text", "expected"),
    [
        ({"format": "csv"}, "", 'a,b\n1,"x\ny"\n', [{"a": "1", "b": "x\ny"}]),
        (
            {"format": "wsv", "csv_columns": ["a", "b"], "charset": "latin-1"},
            "",
            '1 "ü x"\n',
            [{"a": "1", "b": "ü x"}],
        ),
        ({"format": "lines"}, "", "one\ntwo", [{"log": "one"}, {"log": "two"}]),
        ({}, "", '{"a": 1}\n\n{"a": 2.0}\n', [{"a": 1}, {"a": 2.0}]),
        ({"record_location": "detail"}, "", TRAIL, [{"n": n} for n in range(3)]),
        ({"shape": "file"}, "", TRAIL, [{"Records": EVENTS}]),
        ({}, "raw", TRAIL, [{"log": json.dumps(event)} for event in EVENTS]),
    ],
)
def test_records_arrive_as_configured(
    stage: Stage,
    decode: dict[str, Any],
    record: str,
    text: str,
    expected: list[dict[str, object]],
) -> None:
    stage.put(KEY, gzip.compress(text.encode(decode.get("charset", "utf-8"))))
    with RecordingReceiver.unix(stage.folder / "forward.sock") as receiver:
        settings = merged(
            stage.settings(receiver.address),
            {"decode": decode, "output": {"record": record or "structured"}},
        )
        with Daemon(
            stage.folder, settings, "--until-empty", "--idle-s", "0.5"
        ) as daemon:
            assert daemon.wait(60.0) == 0
        assert receiver.records() == expected


def test_a_record_says_where_it_comes_from(stage: Stage) -> None:
    body = gzip.compress(TRAIL.encode())
    stage.put(KEY, body)
    with RecordingReceiver.unix(stage.folder / "forward.sock") as receiver:
        settings = merged(
            stage.settings(receiver.address),
            {
                "decode": {
                    "with_metadata": True,
                    "metadata_field": "_monad_metadata",
                    "id_field": "id",
                }
            },
        )
        with Daemon(
            stage.folder, settings, "--until-empty", "--idle-s", "0.5"
        ) as daemon:
            assert daemon.wait(60.0) == 0
        records: list[dict[str, Any]] = receiver.records()
    assert [record["id"] for record in records] == ["e-0", "e-1", "e-2"]
    found = records[2]["_monad_metadata"]
    assert found.pop("notification_time").endswith("Z")
    assert len(found.pop("etag")) == 32
    assert found == {
        "bucket": stage.pipeline.bucket,
        "key": KEY,
        "region": "us-east-1",
        "size": len(body),
        "version": None,
        "account": "123456789012",
        "file_type": "log",
        "index": 2,
    }
