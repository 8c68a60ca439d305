"""Queue, notifications, objects and roles against moto's server."""

from __future__ import annotations

import gzip
import itertools
import json
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

import boto3
import pytest

from tests.fakes.aws import source_config
from worker.demo.aws import ACCESS_KEY_ID, SECRET_ACCESS_KEY, EmbeddedAws, Pipeline
from worker.errors import CommonFaultError, DownloadError, MissingObjectError
from worker.source.notifications import ObjectRef, parse
from worker.source.objects import ObjectReader
from worker.source.queue import Depth, Queue
from worker.source.sessions import AwsSession

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.source.messages import Message

pytestmark = pytest.mark.functional

ROLE_ARN = "arn:aws:iam::123456789012:role/trail-reader"
numbers = itertools.count()


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as embedded:
        yield embedded


@pytest.fixture
def pipeline(aws: EmbeddedAws) -> Pipeline:
    """A bucket and a queue that only holds what the test makes."""
    number = next(numbers)
    made = aws.make_pipeline(
        bucket=f"trail-logs-{number}", queue=f"trail-queue-{number}", wait_time_s=0
    )
    aws.client("sqs").purge_queue(QueueUrl=made.queue_url)
    return made


def session(aws: EmbeddedAws, **settings: object) -> AwsSession:
    return AwsSession(source_config(endpoint_url=aws.endpoint_url, **settings))


@pytest.fixture
def queue(aws: EmbeddedAws, pipeline: Pipeline) -> Queue:
    return Queue(session(aws).sqs_client(), pipeline.queue_url)


@pytest.fixture
def reader(aws: EmbeddedAws) -> ObjectReader:
    source = source_config(endpoint_url=aws.endpoint_url)
    return ObjectReader(AwsSession(source), source)


def receive(queue: Queue, *, visibility_timeout_s: int = 600) -> list[Message]:
    return queue.receive(
        max_messages=10, wait_s=0, visibility_timeout_s=visibility_timeout_s
    )


def refs(queue: Queue) -> list[ObjectRef]:
    """What the queue's next messages name."""
    return [ref for one in receive(queue) for ref in parse(one.body).objects]


@pytest.mark.parametrize(
    "key",
    [
        "AWSLogs/123456789012/CloudTrail/us-east-1/2024/03/01/a.json.gz",
        "year=2024/a b+c%20d/é \N{GRINNING FACE}.gz",
        "with//empty/./segments/",
        "100%/%2F/%252B/%zz",
        "plus+and space/ both +",
        "a=b&c?d#e;f:g,h@i!j$k*l'm(n)[o]{p}|q^r`s~t",
        'back\\slash and "quotes" <tag>',
        "日本語/ключ/\N{GRINNING FACE}/e\u0301",
        f"{'é' * 511}.x",
        "/leading",
        "trailing/",
        "//",
        "./a",
        "a/../b",
        "..",
        "tab\tand\x7f",
    ],
)
def test_an_uploaded_object_is_announced_and_read(
    aws: EmbeddedAws, pipeline: Pipeline, queue: Queue, reader: ObjectReader, key: str
) -> None:
    stored = gzip.compress(b'{"Records": []}')
    aws.put_object(pipeline.bucket, key, stored)
    for other in {key.strip("/"), key.replace("//", "/"), unquote_plus(key)} - {
        key,
        "",
    }:
        aws.client("s3").put_object(Bucket=pipeline.bucket, Key=other, Body=b"wrong")

    ref = next(one for one in refs(queue) if one.key == key)
    body = reader.read(ref)

    assert (ref.bucket, ref.key, ref.size_bytes) == (pipeline.bucket, key, len(stored))
    assert bytes(body.data) == stored
    assert body.etag == ref.etag


@pytest.mark.parametrize("key", ["a", "a//b"])
def test_the_named_version_is_read(
    aws: EmbeddedAws, pipeline: Pipeline, reader: ObjectReader, key: str
) -> None:
    s3, bucket = aws.client("s3"), pipeline.bucket
    s3.put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    versions = {
        body: s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]
        for body in (b"old", b"newer")
    }

    for body, version_id in versions.items():
        found = reader.read(ObjectRef(bucket, key, version_id=version_id))
        assert bytes(found.data) == body
        assert found.version_id == version_id
    assert bytes(reader.read(ObjectRef(bucket, key)).data) == b"newer"


@pytest.mark.parametrize("key", ["gone", "gone//too"])
def test_what_does_not_exist_is_said_to_be_missing(
    pipeline: Pipeline, reader: ObjectReader, key: str
) -> None:
    with pytest.raises(MissingObjectError, match=f"s3://{pipeline.bucket}/{key}"):
        reader.read(ObjectRef(pipeline.bucket, key))
    with pytest.raises(DownloadError) as caught:
        reader.read(ObjectRef("no-such-bucket", key))
    assert caught.value.code == "missing_bucket"


def test_received_messages_are_hidden_until_given_back_or_deleted(
    aws: EmbeddedAws, pipeline: Pipeline, queue: Queue
) -> None:
    for number in range(12):
        aws.put_object(pipeline.bucket, f"key-{number}", b"x")
    assert queue.depth() == Depth(visible=12, in_flight=0, delayed=0)

    taken = receive(queue) + receive(queue)
    assert queue.depth() == Depth(visible=0, in_flight=12, delayed=0)
    assert all(message.sent_at for message in taken)

    assert queue.change_visibility([(message, 0) for message in taken]) == ()
    assert queue.depth() == Depth(visible=12, in_flight=0, delayed=0)

    again = receive(queue) + receive(queue)
    assert {message.receive_count for message in again} == {2}
    assert queue.delete(again) == ()
    assert queue.depth().total == 0


def test_a_deleted_messages_handle_is_lost(
    aws: EmbeddedAws, pipeline: Pipeline, queue: Queue
) -> None:
    for key in ("a", "b"):
        aws.put_object(pipeline.bucket, key, b"x")
    first, second = receive(queue)
    assert queue.delete([first]) == ()

    (failure,) = queue.change_visibility([(first, 60), (second, 60)])

    assert failure.message is first
    assert failure.handle_lost


def test_a_queue_that_does_not_exist_is_named(aws: EmbeddedAws) -> None:
    url = f"{aws.endpoint_url}/123456789012/nobodys-queue"
    lost = Queue(session(aws).sqs_client(), url)

    with pytest.raises(CommonFaultError, match=url) as caught:
        receive(lost)

    assert caught.value.code == "no_queue"


def test_a_role_is_assumed_for_queue_and_objects(
    aws: EmbeddedAws, pipeline: Pipeline
) -> None:
    aws.put_object(pipeline.bucket, "a", b"seen by the role")
    source = source_config(
        endpoint_url=aws.endpoint_url, role_arn=ROLE_ARN, external_id="trail-1"
    )
    assumed = AwsSession(source)

    credential = assumed.credential()
    (ref,) = refs(Queue(assumed.sqs_client(), pipeline.queue_url))
    body = ObjectReader(assumed, source).read(ref)

    assert credential.access_key_id != ACCESS_KEY_ID
    assert credential.session_token
    assert bytes(body.data) == b"seen by the role"


def test_a_message_in_an_sns_envelope_is_read(
    aws: EmbeddedAws, pipeline: Pipeline, queue: Queue
) -> None:
    notification = json.dumps({"s3Bucket": "trail-logs", "s3ObjectKey": ["a", "b"]})
    envelope = {"Type": "Notification", "TopicArn": "arn", "Message": notification}
    aws.client("sqs").send_message(
        QueueUrl=pipeline.queue_url, MessageBody=json.dumps(envelope)
    )

    assert [ref.key for ref in refs(queue)] == ["a", "b"]


@pytest.mark.parametrize("is_raw", [False, True])
def test_a_notification_that_came_through_sns_is_read(
    aws: EmbeddedAws, pipeline: Pipeline, queue: Queue, *, is_raw: bool
) -> None:
    aws.put_object(pipeline.bucket, "a b+c", b"x")
    (sent,) = receive(queue)
    sns = boto3.client(
        "sns",
        endpoint_url=aws.endpoint_url,
        region_name=aws.region,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
    )
    topic_arn = sns.create_topic(Name=f"trail-{next(numbers)}")["TopicArn"]
    name = pipeline.queue_url.rpartition("/")[2]
    sns.subscribe(
        TopicArn=topic_arn,
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:{aws.region}:123456789012:{name}",
        Attributes={"RawMessageDelivery": str(is_raw).lower()},
    )
    sns.publish(TopicArn=topic_arn, Message=sent.body)

    (message,) = receive(queue)

    assert ('"TopicArn"' in message.body) is not is_raw
    assert parse(message.body) == parse(sent.body)
