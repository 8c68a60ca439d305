"""A trail with one log of today, which the command looks at."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3

from tests.fakes.daemon import merged, settings_for, toml
from worker.config import Config
from worker.demo.aws import (
    ACCESS_KEY_ID,
    ACCOUNT_ID,
    REGION,
    SECRET_ACCESS_KEY,
    EmbeddedAws,
)
from worker.demo.processes import environment
from worker.doctor.examination import Request, examine

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.daemon import Settings
    from tests.fakes.forward_receiver import RecordingReceiver
    from worker.doctor.finding import Finding


BUCKET = "trail-logs"
QUEUE = "events"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{QUEUE}"
TIMEOUT_S = 60
NO_LIMIT = "1e9"


class Scene:
    """A bucket with a log of today, its queue, and a receiver."""

    def __init__(self, aws: EmbeddedAws, folder: Path) -> None:
        self.aws = aws
        self.folder = folder
        pipeline = aws.make_pipeline(bucket=BUCKET, queue=QUEUE)
        now = datetime.now(UTC)
        self.key = (
            f"AWSLogs/{ACCOUNT_ID}/CloudTrail/{REGION}/{now:%Y/%m/%d}/{ACCOUNT_ID}_"
            f"CloudTrail_{REGION}_{now:%Y%m%dT%H%MZ}_AbCdEfGhIjKlMnOp.json.gz"
        )
        records = [{"eventTime": "2026-11-21T09:00:00Z", "n": n} for n in range(17)]
        self.put(self.key, gzip.compress(json.dumps({"Records": records}).encode()))
        self.settings: Settings = merged(
            settings_for(aws, pipeline.queue_url, "stdout:", folder),
            {
                "source": {"wait_time_s": 20},
                "output": {"require_ack": False},
                "state": {"dir": str(folder)},
            },
        )

    def deliver_to(self, receiver: RecordingReceiver) -> None:
        """Have a receiver, which takes the better part of a second to look at."""
        self.settings["output"] = {"address": receiver.address}

    def put(self, key: str, body: bytes) -> None:
        self.aws.put_object(BUCKET, key, body)

    def client(self, service: str) -> Any:
        make: Any = boto3.client
        return make(
            service,
            region_name=REGION,
            endpoint_url=self.aws.endpoint_url,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
        )

    def announce(self, **configuration: Any) -> None:
        self.aws.client("s3").put_bucket_notification_configuration(
            Bucket=BUCKET,
            NotificationConfiguration=configuration,  # type: ignore[arg-type]
        )

    def let_send(self, service: str, source_arn: str, *, key: str = "") -> None:
        """Make that the queue's whole policy, and set its key.

        Together, as moto forgets the one with the other.
        """
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sqs:SendMessage",
            "Resource": QUEUE_ARN,
            "Condition": {"ArnEquals": {"aws:SourceArn": source_arn}},
        }
        self.set_attributes(
            Policy=json.dumps({"Statement": [statement]}), KmsMasterKeyId=key
        )

    def set_attributes(self, **attributes: str) -> None:
        self.aws.client("sqs").set_queue_attributes(
            QueueUrl=str(self.settings["source"]["queue_url"]),
            Attributes=attributes,  # type: ignore[arg-type]
        )

    def empty_queue(self) -> None:
        """A purge is allowed once a minute only."""
        sqs, url = self.aws.client("sqs"), str(self.settings["source"]["queue_url"])
        while found := sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0).get(
            "Messages"
        ):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])

    def examine(self, **request: Any) -> dict[str, Finding]:
        """By check; of several, the worst one."""
        config = Config.model_validate(self.settings)
        found: dict[str, Finding] = {}
        for one in examine(config, Request(**request)):
            if one.check not in found or one.verdict in {"warn", "fail"}:
                found[one.check] = one
        return found


def post(aws: EmbeddedAws, path: str, body: str) -> None:
    request = urllib.request.Request(  # noqa: S310 - the one above
        aws.endpoint_url + path,
        data=body.encode(),
        headers={"Content-Type": "application/octet-stream"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - likewise
        answer.read()


def run(
    scene: Scene, *arguments: str, settings: Settings | None = None
) -> subprocess.CompletedProcess[str]:
    config = scene.folder / "doctor.toml"
    config.write_text(toml(settings or scene.settings))
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "worker", "doctor", "--config", config, *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env={**environment(), "AWS_EC2_METADATA_DISABLED": "true"},
    )


def reader_keys(scene: Scene, *actions: str) -> dict[str, object]:
    """A user who may do that; from then on, AWS looks at permissions."""
    iam = scene.client("iam")
    iam.create_user(UserName="reader")
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    iam.put_user_policy(
        UserName="reader",
        PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    post(scene.aws, "/moto-api/reset-auth", "0")
    return {
        "access_key_id": key["AccessKeyId"],
        "secret_access_key": key["SecretAccessKey"],
    }
