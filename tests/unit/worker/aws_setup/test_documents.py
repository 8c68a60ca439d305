"""What is wanted: no more rights than are needed, and for nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.worker.aws_setup.wirings import ACCOUNT, KEY_ARN, wiring
from worker.aws_setup.documents import (
    event_pattern,
    queue_statement,
    reader_policy,
    topic_statement,
    trail_statements,
)
from worker.aws_setup.wiring import Via

OTHER_ACCOUNT = "210987654321"


def actions(document: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for statement in document["Statement"]:
        one = statement["Action"]
        found |= set([one] if isinstance(one, str) else one)
    return found


class TestQueueStatement:
    def test_only_this_bucket_of_this_account_sends(self) -> None:
        statement = queue_statement(wiring(bucket_account=OTHER_ACCOUNT))
        assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
        assert statement["Action"] == "sqs:SendMessage"
        assert statement["Resource"] == f"arn:aws:sqs:us-east-1:{ACCOUNT}:trail-events"
        assert statement["Condition"] == {
            "ArnEquals": {"aws:SourceArn": "arn:aws:s3:::trail-logs"},
            "StringEquals": {"aws:SourceAccount": OTHER_ACCOUNT},
        }

    @pytest.mark.parametrize(
        ("via", "service", "source"),
        [
            (Via.SNS, "sns", f"arn:aws:sns:us-east-1:{ACCOUNT}:trail-between"),
            (
                Via.EVENTBRIDGE,
                "events",
                f"arn:aws:events:us-east-1:{ACCOUNT}:rule/trail-between",
            ),
        ],
    )
    def test_or_only_what_is_in_between(
        self, via: Via, service: str, source: str
    ) -> None:
        statement = queue_statement(wiring(via=via))
        assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": source}}

    def test_its_name_is_its_sources_and_takes_any_bucket(self) -> None:
        names = {
            queue_statement(wiring(bucket=bucket))["Sid"]
            for bucket in ("my-logs", "mylogs", "my.logs")
        }
        assert len(names) == 3
        assert all(name.isalnum() for name in names)

    def test_the_topic_takes_from_the_bucket(self) -> None:
        statement = topic_statement(wiring(via=Via.SNS))
        direct = queue_statement(wiring())
        assert statement["Action"] == "sns:Publish"
        assert statement["Condition"] == direct["Condition"]


class TestReaderPolicy:
    def test_it_may_what_reading_takes(self) -> None:
        assert actions(reader_policy(wiring())) == {
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:GetQueueAttributes",
            "s3:GetObject",
            "s3:GetObjectVersion",
            "s3:ListBucket",
        }

    def test_it_may_more_only_if_asked(self) -> None:
        more = wiring(kms_keys=(KEY_ARN,))
        assert actions(reader_policy(more)) - actions(reader_policy(wiring())) == {
            "kms:Decrypt"
        }
        sends = actions(reader_policy(wiring(can_send=True)))
        assert sends - actions(reader_policy(wiring())) == {"sqs:SendMessage"}

    def test_every_right_names_its_resource(self) -> None:
        document = reader_policy(wiring(kms_keys=(KEY_ARN,), prefix="x/AWSLogs/"))
        assert [one["Resource"] for one in document["Statement"]] == [
            f"arn:aws:sqs:us-east-1:{ACCOUNT}:trail-events",
            "arn:aws:s3:::trail-logs/x/AWSLogs/*",
            "arn:aws:s3:::trail-logs",
            [KEY_ARN],
        ]
        assert not [one for one in actions(document) if "*" in one]

    def test_a_bucket_of_the_same_name_elsewhere_is_another(self) -> None:
        document = reader_policy(wiring(bucket_account=OTHER_ACCOUNT))
        for statement in document["Statement"][1:]:
            assert statement["Condition"] == {
                "StringEquals": {"aws:ResourceAccount": OTHER_ACCOUNT}
            }


def test_trails_of_the_account_write_under_the_prefix_only() -> None:
    check, write = trail_statements(wiring())
    assert check["Action"] == "s3:GetBucketAcl"
    assert write["Action"] == "s3:PutObject"
    assert write["Resource"] == "arn:aws:s3:::trail-logs/AWSLogs/*"
    for statement in (check, write):
        assert statement["Condition"]["ArnLike"] == {
            "aws:SourceArn": f"arn:aws:cloudtrail:*:{ACCOUNT}:trail/*"
        }


def test_the_rule_takes_the_buckets_new_objects_only() -> None:
    assert event_pattern(wiring(via=Via.EVENTBRIDGE)) == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "account": [ACCOUNT],
        "detail": {
            "bucket": {"name": ["trail-logs"]},
            "object": {"key": [{"prefix": "AWSLogs/"}]},
        },
    }
