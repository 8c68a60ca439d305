"""An AWS of one's own: moto's server in a child process, with S3, SQS and STS.

The server runs in a process of its own, so that whoever embeds it stays free of
threads and can fork.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Self, overload

import boto3
import botocore.session
from botocore.config import Config

from worker.demo.errors import DemoError
from worker.demo.processes import environment

if TYPE_CHECKING:
    from types import TracebackType

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient

REGION = "us-east-1"
ACCOUNT_ID = "123456789012"  # moto's account for keys that it does not know
ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 - AWS's own example

RETENTION_S = 7 * 24 * 3600
STOP_TIMEOUT_S = 5

_SERVER_MODULES = ("moto", "flask", "flask_cors")
_ANY_MESSAGE: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A bucket that announces each new object in a queue."""

    bucket: str
    queue_url: str


class EmbeddedAws:
    """moto's server while the ``with`` block runs.

    Args:
        region: The region of every client.
    """

    def __init__(self, *, region: str = REGION) -> None:
        self.region = region
        self._server: subprocess.Popen[str] | None = None
        self._endpoint_url = ""
        self._clients: dict[str, S3Client | SQSClient | STSClient] = {}

    def __enter__(self) -> Self:
        """Start the server; returns once it answers.

        Raises:
            DemoError: moto is not installed, or its server did not start.
        """
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def endpoint_url(self) -> str:
        """``http://127.0.0.1:PORT``, for S3, SQS and STS alike."""
        return self._endpoint_url

    def start(self) -> None:
        """Start the server.

        Raises:
            DemoError: moto is not installed, or its server did not start.
        """
        if any(importlib.util.find_spec(name) is None for name in _SERVER_MODULES):
            raise DemoError(
                "the embedded AWS needs moto's server: pip install 'trailfeed[demo]'"
            )
        # By its path and with -P it is found from any working directory.
        self._server = subprocess.Popen(  # noqa: S603 - our own script, no input in it
            [sys.executable, "-P", str(Path(__file__).with_name("moto_server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
            # Ctrl-C is for the one who asked; the server ends after its users.
            start_new_session=True,
        )
        assert self._server.stdout is not None  # noqa: S101 - given above, for mypy
        self._endpoint_url = self._server.stdout.readline().strip()
        if not self._endpoint_url:
            self.stop()
            raise DemoError(
                "moto's server did not start; its own message is above: "
                "pip install --upgrade 'trailfeed[demo]'"
            )

    def stop(self) -> None:
        """End the server; safe to call again."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        server, self._server = self._server, None
        if server is None:
            return
        server.terminate()
        try:
            server.communicate(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.communicate()

    @overload
    def client(self, service: Literal["s3"]) -> S3Client: ...
    @overload
    def client(self, service: Literal["sqs"]) -> SQSClient: ...
    @overload
    def client(self, service: Literal["sts"]) -> STSClient: ...
    def client(
        self, service: Literal["s3", "sqs", "sts"]
    ) -> S3Client | SQSClient | STSClient:
        """The boto3 client of the server, whatever the caller's AWS settings say."""
        if service not in self._clients:
            self._clients[service] = self._make_client(service)
        return self._clients[service]

    def _make_client(
        self, service: Literal["s3", "sqs", "sts"]
    ) -> S3Client | SQSClient | STSClient:
        # An overridden variable is read neither from the environment nor from a file.
        unset = (None, None, None, None)
        core = botocore.session.Session({"profile": unset, "config_file": unset})
        session = boto3.session.Session(
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            region_name=self.region,
            botocore_session=core,
        )
        config = Config(proxies={}, retries={"total_max_attempts": 1})
        return session.client(service, endpoint_url=self.endpoint_url, config=config)

    def make_pipeline(
        self,
        *,
        bucket: str = "cloudtrail-logs",
        queue: str = "cloudtrail-events-queue",
        visibility_timeout_s: int = 600,
        wait_time_s: int = 20,
    ) -> Pipeline:
        """Make a bucket, a queue and the notification from one to the other.

        As on AWS, the queue then holds S3's own ``s3:TestEvent`` message.

        Args:
            bucket: Name of the bucket.
            queue: Name of the queue; messages stay in it for seven days.
            visibility_timeout_s: The queue's visibility timeout, in seconds.
            wait_time_s: The queue's long poll, in seconds.
        """
        sqs, s3 = self.client("sqs"), self.client("s3")
        queue_arn = f"arn:aws:sqs:{self.region}:{ACCOUNT_ID}:{queue}"
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "s3.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": queue_arn,
                    "Condition": {
                        "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}
                    },
                }
            ],
        }
        queue_url = sqs.create_queue(
            QueueName=queue,
            Attributes={
                "VisibilityTimeout": str(visibility_timeout_s),
                "MessageRetentionPeriod": str(RETENTION_S),
                "ReceiveMessageWaitTimeSeconds": str(wait_time_s),
                "Policy": json.dumps(policy),
            },
        )["QueueUrl"]
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration={
                "QueueConfigurations": [
                    {"QueueArn": queue_arn, "Events": ["s3:ObjectCreated:*"]}
                ]
            },
        )
        return Pipeline(bucket, queue_url)

    def put_object(self, bucket: str, key: str, body: bytes) -> None:
        """Upload one object; its notification is in the queue on return."""
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=body)

    def queue_depth(self, queue_url: str) -> int:
        """Messages in the queue: visible, in flight and delayed together."""
        attributes = self.client("sqs").get_queue_attributes(
            QueueUrl=queue_url, AttributeNames=_ANY_MESSAGE
        )["Attributes"]
        return sum(int(attributes[name]) for name in _ANY_MESSAGE)
