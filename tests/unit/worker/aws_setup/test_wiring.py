"""Names that AWS could not take, and ways that do not go together."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.worker.aws_setup.wirings import KEY_ARN, wiring
from worker.aws_setup.wiring import Via, problems


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bucket": "a.b-3"},
        {"queue": "q" * 76},
        {"prefix": ""},
        {"prefix": "org/AWSLogs/o-abc/"},
        {"via": Via.SNS},
        {"via": Via.EVENTBRIDGE},
        {"via": Via.SNS, "bucket_account": "210987654321"},
        {"kms_keys": (KEY_ARN,), "role": "log-reader"},
        {"has_reader": False},
    ],
)
def test_what_aws_takes(changes: dict[str, Any]) -> None:
    assert problems(wiring(**changes)) == ()


@pytest.mark.parametrize(
    ("changes", "option", "said"),
    [
        ({"bucket": "Logs"}, "--bucket", "a-z"),
        ({"bucket": "s3://logs"}, "--bucket", "a-z"),
        ({"queue": "trail.fifo"}, "--queue", "FIFO"),
        ({"queue": "https://sqs/1/q"}, "--queue", "URL"),
        ({"queue": "q" * 77}, "--queue", "-dlq"),
        ({"queue": ""}, "--queue", "name of a queue"),
        ({"account": "1234"}, "--account", "twelve"),
        ({"bucket_account": "x"}, "--bucket-account", "twelve"),
        ({"prefix": "logs of 2026/"}, "--prefix", "letters"),
        ({"prefix": "${x}/"}, "--prefix", "letters"),
        ({"role": "arn:aws:iam::123456789012:role/r"}, "--role", "ARN"),
        ({"via": Via.SNS, "topic": "t.fifo"}, "--topic", "FIFO"),
        ({"via": Via.EVENTBRIDGE, "rule": "a b"}, "--rule", "name of a rule"),
        ({"topic": "t"}, "--topic", "--via-sns"),
        ({"rule": "r"}, "--rule", "--via-eventbridge"),
        ({"kms_keys": ("alias/trail",)}, "--kms-key", "arn:aws:kms:"),
        ({"kms_keys": (KEY_ARN.replace("aws", "aws-cn", 1),)}, "--kms-key", "arn:aws:"),
        ({"has_reader": False, "can_send": True}, "--no-policy", "--send"),
        (
            {"via": Via.EVENTBRIDGE, "bucket_account": "210987654321"},
            "--via-eventbridge",
            "account",
        ),
        (
            {"is_new_bucket": True, "bucket_account": "210987654321"},
            "--new-bucket",
            "--bucket-account",
        ),
    ],
)
def test_what_it_does_not(changes: dict[str, Any], option: str, said: str) -> None:
    (problem,) = problems(wiring(**changes))
    assert problem.startswith(option)
    assert said in problem


def test_every_problem_at_once() -> None:
    found = problems(wiring(bucket="B", queue="q.fifo", account="1"))
    assert [line.split()[0] for line in found] == ["--bucket", "--account", "--queue"]
