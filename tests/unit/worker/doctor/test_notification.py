"""Where a bucket announces its objects, and whether that is about the right ones."""

from __future__ import annotations

from typing import Any

import pytest

from worker.doctor.event_pattern import covers
from worker.doctor.notification import (
    Announcement,
    judge_announcement,
    judge_direct,
    parse_configuration,
)
from worker.doctor.queue_policy import S3, QueuePolicy, Sender

QUEUE = "arn:aws:sqs:us-east-1:123456789012:events"
TOPIC = "arn:aws:sns:us-east-1:123456789012:topic"
BUCKET_ARN = "arn:aws:s3:::logs"
ALL = ("s3:ObjectCreated:*",)


def test_a_configuration_is_read() -> None:
    found = parse_configuration(
        {
            "QueueConfigurations": [
                {
                    "QueueArn": QUEUE,
                    "Events": [*ALL],
                    "Filter": {
                        "Key": {
                            "FilterRules": [
                                {"Name": "Prefix", "Value": "AWSLogs/"},
                                {"Name": "suffix", "Value": ".gz"},
                            ]
                        }
                    },
                }
            ],
            "TopicConfigurations": [{"TopicArn": TOPIC, "Events": [*ALL]}],
            "EventBridgeConfiguration": {},
        }
    )
    assert found.queues == (Announcement(QUEUE, ALL, "AWSLogs/", ".gz"),)
    assert found.topics == (Announcement(TOPIC, ALL),)
    assert found.all_targets == ("events", "topic", "EventBridge")
    assert parse_configuration({}).all_targets == ()


@pytest.mark.parametrize(
    ("events", "suffix", "is_trail", "verdict"),
    [
        (ALL, "", True, "ok"),
        (("s3:*",), "", True, "ok"),
        (("s3:ObjectCreated:Put",), "", True, "warn"),
        (("s3:ObjectRemoved:*",), "", True, "fail"),
        (ALL, ".json.gz", True, "ok"),
        (ALL, ".gz", True, "ok"),
        (ALL, ".json", True, "warn"),
        (ALL, ".csv", False, "ok"),
    ],
)
def test_an_announcement_is_judged(
    events: tuple[str, ...], suffix: str, is_trail: bool, verdict: str
) -> None:
    one = Announcement(QUEUE, events, "AWSLogs/", suffix)
    finding = judge_announcement("logs", one, "somehow", is_trail=is_trail)
    assert finding.verdict == verdict
    assert finding.said.startswith("logs: ")


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        (QueuePolicy((Sender(S3, (BUCKET_ARN,)),)), "ok"),
        (QueuePolicy((Sender(S3, ("arn:aws:s3:::other",)),)), "fail"),
        (QueuePolicy(), "fail"),
        (QueuePolicy(is_readable=False), "ok"),
    ],
)
def test_what_is_sent_must_also_get_in(policy: QueuePolicy, verdict: str) -> None:
    one = Announcement(QUEUE, ALL)
    finding = judge_direct("logs", one, policy, BUCKET_ARN, is_trail=True)
    assert finding.verdict == verdict


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({}, True),
        ({"source": ["aws.s3"], "detail-type": ["Object Created"]}, True),
        ({"source": ["aws.ec2"]}, False),
        ({"detail-type": ["Object Deleted"]}, False),
        ({"source": "aws.s3"}, False),
        ({"source": [{"prefix": "aws."}]}, True),
        ({"source": [{"anything-but": ["aws.s3"]}]}, False),
        ({"source": [{"anything-but": "aws.ec2"}]}, True),
    ],
)
def test_a_rule_for_all_buckets(pattern: dict[str, Any], expected: bool) -> None:
    assert covers(pattern, "logs") is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("logs", True),
        ("other", False),
        ({"prefix": "lo"}, True),
        ({"suffix": "x"}, False),
        ({"wildcard": "l*s"}, True),
        ({"wildcard": "l?gs"}, False),
        ({"wildcard": "[l]ogs"}, False),
        ({"wildcard": "*" * 200 + "#"}, False),
        ({"equals-ignore-case": "LOGS"}, True),
        ({"exists": False}, False),
        ({"cidr": "10.0.0.0/8"}, True),
    ],
)
def test_a_rule_for_one_bucket(name: object, expected: bool) -> None:
    pattern = {"detail": {"bucket": {"name": ["none", name]}}}
    assert covers(pattern, "logs") is expected
