"""The stand-in for SQS and S3, asked by the clients that will ask it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError

from tests.fakes.aws import forget_machine, source_config
from tests.fakes.aws_standin.process import AwsStandIn
from worker.demo.aws import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from worker.errors import (
    AccessDeniedError,
    CommonFaultError,
    DownloadError,
    MissingObjectError,
    RetriableError,
)
from worker.source.notifications import ObjectRef, parse
from worker.source.objects import ObjectReader
from worker.source.queue import Queue
from worker.source.sessions import AwsSession

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_sqs import SQSClient

    from worker.source.messages import Message

pytestmark = pytest.mark.functional

HALF_AN_HOUR_S = 1800
BODY = bytes(range(256)) * 40
KEY = "AWSLogs/a b+c=é.json.gz"


@pytest.fixture
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn(seed=1) as standin:
        yield standin


@pytest.fixture
def url(aws: AwsStandIn) -> str:
    aws.make_queue("dead")
    return aws.make_queue("q", dead_letters="dead", max_receive_count=3)


@pytest.fixture
def sqs(aws: AwsStandIn) -> Iterator[SQSClient]:
    """A client that tries nothing again."""
    client = boto3.client(
        "sqs",
        region_name=aws.region,
        endpoint_url=aws.endpoint_url,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        config=Config(proxies={}, retries={"total_max_attempts": 1}),
    )
    yield client
    client.close()


@pytest.fixture
def queue(sqs: SQSClient, url: str) -> Queue:
    return Queue(sqs, url)


@pytest.fixture
def reader(
    aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> ObjectReader:
    forget_machine(monkeypatch, tmp_path)
    source = source_config(endpoint_url=aws.endpoint_url)
    return ObjectReader(AwsSession(source), source)


def receive(
    queue: Queue, *, wait_s: int = 0, visibility_timeout_s: int = HALF_AN_HOUR_S
) -> list[Message]:
    return queue.receive(
        max_messages=10, wait_s=wait_s, visibility_timeout_s=visibility_timeout_s
    )


def test_an_object_put_is_announced_and_read(
    aws: AwsStandIn, queue: Queue, reader: ObjectReader
) -> None:
    aws.load("logs", {KEY: BODY}, queue="q")
    (message,) = receive(queue)
    (ref,) = parse(message.body, uses_sns="auto").objects
    assert (ref.bucket, ref.key, ref.size_bytes) == ("logs", KEY, len(BODY))
    body = reader.read(ref)
    assert bytes(body.data) == BODY
    assert body.etag == ref.etag


def test_each_message_goes_to_one_receiver_until_it_is_deleted(
    aws: AwsStandIn, queue: Queue
) -> None:
    aws.send("q", [f"body {n}" for n in range(25)])
    received = [*receive(queue), *receive(queue), *receive(queue)]
    assert sorted(m.body for m in received) == sorted(f"body {n}" for n in range(25))
    assert receive(queue) == []
    depth = queue.depth()
    assert (depth.visible, depth.in_flight, depth.delayed) == (0, 25, 0)
    assert queue.delete(received) == ()
    aws.pass_time(HALF_AN_HOUR_S)
    assert receive(queue) == []
    assert aws.tally("q")["deleted"] == 25


def test_a_message_comes_back_when_its_timeout_is_over(
    aws: AwsStandIn, queue: Queue
) -> None:
    aws.send("q", ["body"])
    (first,) = receive(queue)
    aws.pass_time(HALF_AN_HOUR_S)
    (second,) = receive(queue)
    assert (first.receive_count, second.receive_count) == (1, 2)
    assert first.receipt_handle != second.receipt_handle


def test_an_extension_starts_the_timeout_anew(aws: AwsStandIn, queue: Queue) -> None:
    aws.send("q", ["body"])
    (message,) = receive(queue)
    aws.pass_time(HALF_AN_HOUR_S - 60)
    assert queue.change_visibility([(message, HALF_AN_HOUR_S)]) == ()
    aws.pass_time(HALF_AN_HOUR_S - 60)
    assert receive(queue) == []
    assert queue.change_visibility([(message, 0)]) == ()
    assert len(receive(queue)) == 1


def test_a_long_poll_is_answered_by_a_message_that_comes_back(
    aws: AwsStandIn, queue: Queue
) -> None:
    aws.send("q", ["body"])
    receive(queue, visibility_timeout_s=1)
    assert len(receive(queue, wait_s=20)) == 1


def test_an_old_handle_deletes_nothing_and_says_nothing(
    aws: AwsStandIn, queue: Queue
) -> None:
    aws.send("q", ["body"])
    (first,) = receive(queue)
    aws.pass_time(HALF_AN_HOUR_S)
    receive(queue)
    assert queue.delete([first]) == ()
    tally = aws.tally("q", with_messages=True)
    assert (tally["in_flight"], tally["vain_deletes"]) == (1, 1)
    assert tally["messages"][0]["receives"] == 2


def test_handles_that_extend_nothing_say_why(aws: AwsStandIn, queue: Queue) -> None:
    aws.send("q", ["expired", "superseded", "gone", "long"])
    expired, superseded, gone, long = receive(queue)
    assert queue.delete([gone]) == ()
    queue.change_visibility([(expired, 0), (superseded, 0)])
    again = sorted(receive(queue), key=lambda message: message.body)
    queue.change_visibility([(again[0], 0)])
    aws.pass_time(60)
    failures = queue.change_visibility(
        [(again[0], 60), (superseded, 60), (gone, 60), (long, 43_200)]
    )
    assert [failure.code for failure in failures] == [
        "MessageNotInflight",
        "InvalidParameterValue",
        "InvalidParameterValue",
        "InvalidParameterValue",
    ]
    said = [failure.sentence for failure in failures[1:]]
    assert "expired" in said[0]
    assert "does not exist" in said[1]
    assert "beyond the limit" in said[2]


def test_what_is_received_too_often_goes_to_the_dead_letters(
    aws: AwsStandIn, queue: Queue
) -> None:
    aws.send("q", ["body"])
    for _ in range(3):
        (message,) = receive(queue)
        queue.change_visibility([(message, 0)])
    assert receive(queue) == []
    assert aws.tally("q")["dead"] == 1
    assert aws.tally("dead")["visible"] == 1


def test_delayed_messages_wait(aws: AwsStandIn, sqs: SQSClient, url: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="late", DelaySeconds=60)
    queue = Queue(sqs, url)
    assert (queue.depth().delayed, receive(queue)) == (1, [])
    aws.pass_time(60)
    assert [message.body for message in receive(queue)] == ["late"]


def test_the_queue_tells_its_url_and_redrive_policy(sqs: SQSClient, url: str) -> None:
    assert sqs.get_queue_url(QueueName="q")["QueueUrl"] == url
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    policy = json.loads(attributes["Attributes"]["RedrivePolicy"])
    assert policy["maxReceiveCount"] == 3
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="none")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("sqs_500", "InternalFailure"),
        ("sqs_503", "ServiceUnavailable"),
        ("sqs_throttled", "RequestThrottled"),
        ("sqs_expired_token", "ExpiredToken"),
    ],
)
def test_sqs_fails_as_ordered(
    aws: AwsStandIn, sqs: SQSClient, url: str, fault: str, code: str
) -> None:
    aws.set_faults({fault: 1})
    with pytest.raises(ClientError) as raised:
        sqs.receive_message(QueueUrl=url)
    assert raised.value.response["Error"]["Code"] == code
    aws.set_faults({})
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    assert aws.tally("q")["faults"] == {fault: 1}


def test_a_lost_answer_is_to_a_call_that_was_carried_out(
    aws: AwsStandIn, sqs: SQSClient, url: str
) -> None:
    aws.send("q", ["body"])
    aws.set_faults({"sqs_lost_answer": 1})
    with pytest.raises((HTTPClientError, EndpointConnectionError)):
        sqs.receive_message(QueueUrl=url)
    assert aws.tally("q")["in_flight"] == 1


def test_entries_of_a_batch_fail_one_by_one(aws: AwsStandIn, queue: Queue) -> None:
    aws.send("q", ["body"] * 10)
    messages = receive(queue)
    aws.set_faults({"sqs_partial": 0.5})
    failures = queue.delete(messages)
    assert {failure.code for failure in failures} == {"InternalError"}
    assert aws.tally("q")["deleted"] == 10 - len(failures)
    assert 0 < len(failures) < 10


def test_a_message_in_flight_is_delivered_twice(aws: AwsStandIn, queue: Queue) -> None:
    aws.send("q", ["body"])
    (first,) = receive(queue)
    aws.set_faults({"sqs_duplicate": 1})
    (second,) = receive(queue)
    assert first.id == second.id
    assert queue.delete([first]) == ()
    assert aws.tally("q")["in_flight"] == 1
    assert queue.delete([second]) == ()
    assert aws.tally("q")["deleted"] == 1


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("s3_500", DownloadError, "server_error"),
        ("s3_503", DownloadError, "slow_down"),
        ("s3_403", AccessDeniedError, "access_denied"),
        ("s3_404", MissingObjectError, "missing_object"),
        ("s3_kms", CommonFaultError, "kms"),
        ("s3_expired_token", CommonFaultError, "credentials_refused"),
        ("s3_truncated", DownloadError, "broken_off"),
        ("s3_reset", DownloadError, "broken_off"),
        ("s3_down", DownloadError, "broken_off"),
        ("s3_hang", DownloadError, "broken_off"),
    ],
)
def test_s3_fails_as_ordered(
    aws: AwsStandIn,
    reader: ObjectReader,
    fault: str,
    error: type[RetriableError],
    code: str,
) -> None:
    aws.make_queue("q")
    aws.load("logs", {KEY: BODY})
    aws.set_faults({}, hang_s=0.1)
    aws.begin_outage(fault, for_s=HALF_AN_HOUR_S)
    with pytest.raises(error) as raised:
        reader.read(ObjectRef("logs", KEY))
    assert raised.value.code == code
    aws.pass_time(HALF_AN_HOUR_S)
    assert bytes(reader.read(ObjectRef("logs", KEY)).data) == BODY


def test_a_cut_object_looks_whole(aws: AwsStandIn, reader: ObjectReader) -> None:
    aws.load("logs", {KEY: BODY})
    aws.begin_outage("s3_cut", for_s=HALF_AN_HOUR_S)
    assert bytes(reader.read(ObjectRef("logs", KEY)).data) == BODY[: len(BODY) // 2]


def test_one_bucket_fails_beside_another(aws: AwsStandIn, reader: ObjectReader) -> None:
    aws.load("logs", {KEY: BODY})
    aws.load("forbidden", {KEY: BODY})
    aws.fail_bucket("forbidden", "s3_403")
    with pytest.raises(AccessDeniedError):
        reader.read(ObjectRef("forbidden", KEY))
    assert bytes(reader.read(ObjectRef("logs", KEY)).data) == BODY
    aws.fail_bucket("forbidden", None)
    assert bytes(reader.read(ObjectRef("forbidden", KEY)).data) == BODY


def test_an_unknown_fault_is_refused(aws: AwsStandIn) -> None:
    with pytest.raises(ValueError, match="no fault 's3_rain'"):
        aws.set_faults({"s3_rain": 1})
    with pytest.raises(ValueError, match="no fault 's3_rain'"):
        aws.fail_bucket("logs", "s3_rain")
