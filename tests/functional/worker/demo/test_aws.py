"""The embedded AWS behaves as the real one where trailfeed looks."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.daemon import wait_until
from worker.demo.aws import EmbeddedAws

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.functional

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as embedded:
        yield embedded


def bodies(aws: EmbeddedAws, queue_url: str) -> list[dict[str, object]]:
    answer = aws.client("sqs").receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=0
    )
    return [json.loads(message["Body"]) for message in answer["Messages"]]


def test_an_upload_is_announced_in_the_queue(aws: EmbeddedAws) -> None:
    pipeline = aws.make_pipeline(bucket="announced", queue="announced")
    aws.put_object(pipeline.bucket, "AWSLogs/a b+c.json.gz", b"body")
    test_event, notification = bodies(aws, pipeline.queue_url)
    assert test_event["Event"] == "s3:TestEvent"
    (entry,) = json.loads(json.dumps(notification["Records"]))
    assert entry["eventName"] == "ObjectCreated:Put"
    assert entry["s3"]["bucket"]["name"] == pipeline.bucket
    key = urllib.parse.unquote_plus(entry["s3"]["object"]["key"])
    assert key == "AWSLogs/a b+c.json.gz"


def test_the_queue_has_the_recommended_values(aws: EmbeddedAws) -> None:
    pipeline = aws.make_pipeline(bucket="recommended", queue="recommended")
    attributes = aws.client("sqs").get_queue_attributes(
        QueueUrl=pipeline.queue_url, AttributeNames=["All"]
    )["Attributes"]
    assert attributes["VisibilityTimeout"] == "600"
    assert attributes["MessageRetentionPeriod"] == "604800"
    assert attributes["ReceiveMessageWaitTimeSeconds"] == "20"


def test_depth_counts_messages_in_flight_too(aws: EmbeddedAws) -> None:
    pipeline = aws.make_pipeline(bucket="depth-bucket", queue="depth-queue")
    aws.put_object(pipeline.bucket, "key", b"")
    assert aws.queue_depth(pipeline.queue_url) == 2
    assert len(bodies(aws, pipeline.queue_url)) == 2
    assert aws.queue_depth(pipeline.queue_url) == 2


def test_what_is_sent_and_deleted_at_once_is() -> None:
    busy = """
import sys
from concurrent.futures import ThreadPoolExecutor

from moto.sqs.models import sqs_backends

from worker.demo.moto_server import take_turns

take_turns()
backend = sqs_backends["123456789012"]["us-east-1"]
backend.create_queue("busy", {})
for number in range(100):
    backend.send_message("busy", f"first {number}")
handles = [
    message.receipt_handle
    for _ in range(10)
    for message in backend.receive_message("busy", 10, 0, 600)
]
sys.setswitchinterval(1e-5)
with ThreadPoolExecutor(8) as threads:
    for number, handle in enumerate(handles):
        threads.submit(backend.delete_message, "busy", handle)
        threads.submit(backend.send_message, "busy", f"second {number}")
left = [message.body for message in backend.get_queue("busy").messages]
assert len(set(handles)) == 100
assert sorted(left) == sorted(f"second {number}" for number in range(100)), left
"""
    done = subprocess.run(  # noqa: S603 - the code above
        [sys.executable, "-c", busy],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_callers_own_aws_settings_are_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "config"
    broken.write_text("no section here")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(broken))
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with EmbeddedAws() as aws:
        identity = aws.client("sts").get_caller_identity()
    assert identity["Account"] == "123456789012"


def test_the_server_ends_with_a_parent_that_is_killed() -> None:
    script = (
        "from worker.demo.aws import EmbeddedAws\n"
        "aws = EmbeddedAws()\n"
        "aws.start()\n"
        "print(aws.endpoint_url, flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        assert answers(url)
        parent.kill()
    wait_until(lambda: not answers(url))


def answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/moto-api/"):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except OSError:
        return False
