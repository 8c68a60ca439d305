"""Whether the policy of the queue's key fits the policy of the queue."""

from __future__ import annotations

import json
from typing import Any

import pytest

from worker.doctor.queue_key import judge_key
from worker.doctor.queue_policy import S3, SNS, QueuePolicy, Sender

KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
BUCKET = "arn:aws:s3:::logs"
SENDERS = QueuePolicy((Sender(S3, (BUCKET,)),))
ROOT = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
    "Action": "kms:*",
    "Resource": "*",
}


def for_service(service: str, *actions: str, **more: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": list(actions),
        "Resource": "*",
        **more,
    }


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        ([for_service(S3, "kms:GenerateDataKey*", "kms:Decrypt")], ""),
        ([for_service(S3, "kms:*")], ""),
        (
            [
                for_service(
                    S3,
                    "kms:*",
                    Condition={"ArnEquals": {"aws:SourceArn": f"{BUCKET}-2"}},
                )
            ],
            "S3 use kms:GenerateDataKey nor S3 use kms:Decrypt",
        ),
        ([for_service(S3, "kms:GenerateDataKey")], "let S3 use kms:Decrypt: no"),
        ([for_service(SNS, "kms:*")], "S3 use kms:GenerateDataKey"),
        ([], "S3 use kms:GenerateDataKey"),
    ],
)
def test_who_sends_needs_the_key(statements: list[dict[str, Any]], words: str) -> None:
    text = json.dumps({"Statement": [ROOT, *statements]})
    finding = judge_key("alias/mine", KEY, text, SENDERS)
    assert finding.verdict == ("fail" if words else "ok")
    assert words in finding.said


def test_nobody_who_is_known_sends() -> None:
    text = json.dumps({"Statement": ROOT})
    assert judge_key("alias/mine", KEY, text, QueuePolicy()).verdict == "skip"
