"""An account at moto's server, and ``trailfeed setup`` run on it."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any
from unittest import mock

import boto3

from worker.__main__ import main
from worker.demo.aws import ACCESS_KEY_ID, ACCOUNT_ID, SECRET_ACCESS_KEY
from worker.source.notifications import parse

BUCKET, QUEUE = "trail-logs", "trail-events"
KEY = f"AWSLogs/{ACCOUNT_ID}/CloudTrail/us-east-1/2026/11/21/x.json.gz"


@dataclass(frozen=True, slots=True)
class Run:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Account:
    """An account of moto's server."""

    endpoint_url: str

    def client(self, service: str, region: str = "us-east-1") -> Any:
        make: Any = boto3.client  # its types know a service by a literal only
        return make(
            service,
            region_name=region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
        )

    def run(
        self,
        *options: str,
        bucket: str = BUCKET,
        queue: str = QUEUE,
        region: str = "us-east-1",
        key: tuple[str, str] = (ACCESS_KEY_ID, SECRET_ACCESS_KEY),
    ) -> Run:
        environ = {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": key[0],
            "AWS_SECRET_ACCESS_KEY": key[1],
        }
        command = ["trailfeed", "setup", "--bucket", bucket, "--queue", queue]
        command += ["--region", region, "--account", ACCOUNT_ID, *options]
        returncode = 0
        stdout, stderr = StringIO(), StringIO()
        with (
            mock.patch.dict(os.environ, {k: v for k, v in environ.items() if v}),
            mock.patch.object(sys, "argv", command),
            redirect_stdout(stdout),
            redirect_stderr(stderr),
        ):
            try:
                main()
            except SystemExit as error:
                returncode = int(error.code or 0)
        return Run(returncode, stdout.getvalue(), stderr.getvalue())

    def plan(self, *options: str, **names: Any) -> dict[str, str]:
        """The verdicts by kind."""
        run = self.run("--json", *options, **names)
        steps = json.loads(run.stdout)["steps"]
        return {step["kind"]: step["verdict"] for step in steps}

    def apply(self, *options: str, **names: Any) -> str:
        run = self.run("--apply", *options, **names)
        assert run.returncode == 0, run.stderr
        assert run.stderr == ""
        return run.stdout

    def attributes(self, queue: str, region: str = "us-east-1") -> dict[str, Any]:
        sqs = self.client("sqs", region)
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        found: dict[str, Any] = answer["Attributes"]
        return found

    def notifications(self) -> dict[str, Any]:
        answer = self.client("s3").get_bucket_notification_configuration(Bucket=BUCKET)
        return {name: one for name, one in answer.items() if name != "ResponseMetadata"}

    def announced(self) -> list[tuple[str, str]]:
        """Put two objects, and say which of them the queue has."""
        self.client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=b"x")
        self.client("s3").put_object(Bucket=BUCKET, Key="other/x.json.gz", Body=b"x")
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
        received = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0
        )
        return [
            (ref.bucket, ref.key)
            for message in received.get("Messages", ())
            for ref in parse(message["Body"]).objects
        ]


def post(endpoint_url: str, path: str, body: str = "") -> None:
    """Tell moto's server something about itself."""
    request = urllib.request.Request(  # noqa: S310 - moto's own address
        f"{endpoint_url}/moto-api/{path}",
        data=body.encode(),
        headers={"Content-Type": "text/plain"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - see above
        assert answer.status == 200
