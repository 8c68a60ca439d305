"""Whatever form a notification has, its objects are delivered and its message goes."""

from __future__ import annotations

import gzip
import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.fakes.aws_standin.process import AwsStandIn
from tests.fakes.daemon import Daemon, merged, settings_for, wait_until
from tests.fakes.forward_receiver import RecordingReceiver

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system

BUCKET, QUEUE = "trail-logs", "events"
KEYS = [f"{name} 1+2%20é.json.gz" for name in "abcdef"]


def in_sns(body: str) -> str:
    return json.dumps({"Type": "Notification", "TopicArn": "arn", "Message": body})


def eventbridge(key: str, kind: str = "Object Created") -> str:
    detail = {"bucket": {"name": BUCKET}, "object": {"key": key, "size": 9}}
    event = {"version": "0", "detail-type": kind, "source": "aws.s3"}
    return json.dumps({**event, "region": "us-east-1", "detail": detail})


def cloudtrail(*keys: str) -> str:
    return json.dumps({"s3Bucket": BUCKET, "s3ObjectKey": keys})


def mapped(key: str) -> str:
    return json.dumps({"bucket": BUCKET, "files": [{"path": key}], "fileCount": 1})


def test_every_form_is_delivered_and_what_needs_no_action_is_counted(
    tmp_path: Path,
) -> None:
    bodies = {
        key: gzip.compress(json.dumps({"Records": [{"eventID": key}]}).encode())
        for key in KEYS
    }
    a, b, c, d, e, f = KEYS
    with (
        AwsStandIn() as aws,
        RecordingReceiver.unix(tmp_path / "forward.sock") as receiver,
    ):
        url = aws.make_queue(QUEUE)
        aws.load(BUCKET, bodies)
        aws.load(BUCKET, {a: bodies[a]}, queue=QUEUE)
        aws.send(
            QUEUE,
            [
                eventbridge(b),
                in_sns(cloudtrail(c, d)),
                mapped(e),
                in_sns(mapped(f)),
                eventbridge(a, "Object Deleted"),
                json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}),
                in_sns("CloudTrail validation message."),
                cloudtrail("AWSLogs/1/CloudTrail-Digest/us-east-1/x.json.gz"),
                "hello",
            ],
        )
        base = settings_for(aws, url, receiver.address, tmp_path)
        settings = merged(
            base,
            {
                "source": {"on_unknown_message": "delete"},
                "pool": {"workers": 1},
                "source.mapping": {"bucket": "bucket", "keys": "files[*].path"},
            },
        )
        with Daemon(tmp_path, settings) as daemon:
            receiver.wait_for_records(len(KEYS))
            wait_until(lambda: aws.depth(QUEUE) == 0)
            daemon.signal(signal.SIGTERM)
            assert daemon.wait() == 0
            (summary,) = (m for m in daemon.messages() if m.startswith("not read"))

    assert sorted(str(one["eventID"]) for one in receiver.records()) == sorted(KEYS)
    assert set(summary.removeprefix("not read, by reason: ").split(", ")) == {
        "1 other_event_type",
        "1 test_event",
        "1 cloudtrail_validation",
        "1 excluded_key",
        "1 not_json",
    }
