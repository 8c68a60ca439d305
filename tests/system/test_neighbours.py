"""A bucket that cannot be read keeps nothing of another bucket waiting."""

from __future__ import annotations

import contextlib
import http.client
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.clients import free_port
from tests.fakes.aws_standin.process import AwsStandIn
from tests.fakes.daemon import Daemon, merged, settings_for, wait_until
from tests.fakes.forward_receiver import RecordingReceiver
from worker.demo.files import cloudtrail_files

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system

QUEUE = "events"
END = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BAD, GOOD = 60, 40


@pytest.mark.parametrize(
    ("fault", "reason", "workers"),
    [
        ("s3_403", "access_denied", 1),
        ("s3_403", "access_denied", 2),
        ("s3_kms", "kms", 1),
        ("s3_500", "server_error", 1),
    ],
)
def test_a_failing_bucket_holds_up_no_other(
    fault: str, reason: str, workers: int, tmp_path: Path
) -> None:
    with (
        AwsStandIn() as aws,
        RecordingReceiver.unix(tmp_path / "forward.sock") as receiver,
    ):
        queue_url = aws.make_queue(QUEUE)
        aws.fail_bucket("forbidden", fault)

        def upload(bucket: str, count: int, seed: int) -> set[str]:
            files = list(cloudtrail_files(count, end=END, seed=seed))
            aws.load(bucket, {f.key: f.body for f in files}, queue=QUEUE)
            return {one for file in files for one in file.event_ids}

        forbidden = upload("forbidden", BAD, seed=1)
        good = upload("logs", GOOD, seed=2)
        listen = f"127.0.0.1:{free_port()}"
        settings = merged(
            settings_for(aws, queue_url, receiver.address, tmp_path),
            {"pool": {"workers": workers}, "status": {"listen": listen}},
        )
        with Daemon(tmp_path, settings):

            def delivered() -> list[str]:
                return [str(record["eventID"]) for record in receiver.records()]

            wait_until(lambda: good <= set(delivered()))
            assert not forbidden & set(delivered())
            wait_until(lambda: "forbidden" in failing_by(get(listen, "readyz")))
            (failing,) = get(listen, "status")["failing_buckets"]
            assert (failing["bucket"], failing["reason"]) == ("forbidden", reason)
            wait_until(lambda: get(listen, "readyz")["ok"])
            wait_until(lambda: aws.tally(QUEUE)["deleted"] == GOOD)
            assert aws.tally(QUEUE)["max_receives"] == 1

            aws.fail_bucket("forbidden", None)
            wait_until(lambda: aws.tally(QUEUE)["deleted"] == GOOD + BAD)
        assert sorted(delivered()) == sorted(good | forbidden)
        assert aws.tally(QUEUE)["max_receives"] == 1


def failing_by(readiness: dict[str, Any]) -> str:
    return str(readiness["checks"]["buckets"]["reason"])


def get(listen: str, page: str) -> dict[str, Any]:
    with contextlib.closing(http.client.HTTPConnection(listen)) as connection:
        connection.request("GET", f"/{page}")
        document: dict[str, Any] = json.load(connection.getresponse())
    return document


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("names_version", [True, False])
def test_notifications_of_one_object_hold_up_no_other(
    workers: int, *, names_version: bool, tmp_path: Path
) -> None:
    copies = 300
    with (
        AwsStandIn() as aws,
        RecordingReceiver.unix(tmp_path / "forward.sock") as receiver,
    ):
        queue_url = aws.make_queue(QUEUE)
        (first, *others) = cloudtrail_files(GOOD + 1, end=END, seed=3)
        if names_version:
            for _ in range(copies):
                aws.load("logs", {first.key: first.body}, queue=QUEUE)
        else:
            aws.load("logs", {first.key: first.body})
            message = {"s3Bucket": "logs", "s3ObjectKey": [first.key] * 9}
            aws.send(QUEUE, [json.dumps(message)] * copies)
        aws.load("logs", {f.key: f.body for f in others}, queue=QUEUE)
        settings = merged(
            settings_for(aws, queue_url, receiver.address, tmp_path),
            {"pool": {"workers": workers}},
        )
        with Daemon(tmp_path, settings):
            wait_until(lambda: aws.tally(QUEUE)["deleted"] == copies + GOOD)
        delivered = sorted(str(record["eventID"]) for record in receiver.records())
        files = (first, *others)
        assert delivered == sorted(one for file in files for one in file.event_ids)
        tally = aws.tally(QUEUE)
        assert tally["max_receives"] == 1
        assert tally["gets"] <= GOOD + copies // 10, "a batch needs one read at most"


def test_a_bucket_that_does_not_answer_holds_up_no_other(tmp_path: Path) -> None:
    with (
        AwsStandIn() as aws,
        RecordingReceiver.unix(tmp_path / "forward.sock") as receiver,
    ):
        queue_url = aws.make_queue(QUEUE)
        aws.set_faults({}, hang_s=600)
        aws.fail_bucket("silent", "s3_hang")
        silent = list(cloudtrail_files(30, end=END, seed=4))
        aws.load("silent", {f.key: f.body for f in silent}, queue=QUEUE)
        files = list(cloudtrail_files(GOOD, end=END, seed=5))
        aws.load("logs", {f.key: f.body for f in files}, queue=QUEUE)
        settings = merged(
            settings_for(aws, queue_url, receiver.address, tmp_path),
            {"pool": {"workers": 1, "drain_timeout_s": 1}},
        )
        with Daemon(tmp_path, settings):
            wait_until(lambda: aws.tally(QUEUE)["deleted"] == GOOD)
        expected = sorted(one for file in files for one in file.event_ids)
        assert sorted(str(one["eventID"]) for one in receiver.records()) == expected
