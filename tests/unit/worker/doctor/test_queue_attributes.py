"""What is said of a queue, by its attributes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from worker.config import Config
from worker.doctor.measured import Measured
from worker.doctor.queue_attributes import (
    DEAD_LETTERS,
    ENCRYPTION,
    QUEUE,
    RETENTION,
    VISIBILITY,
    Redrive,
    judge_dead_letters,
    judge_queue,
    redrive_of,
    url_beside,
)

QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/events"
DEAD_ARN = "arn:aws:sqs:us-east-1:210987654321:dead"
WELL = {
    "ApproximateNumberOfMessages": "12",
    "ApproximateNumberOfMessagesNotVisible": "3",
    "ApproximateNumberOfMessagesDelayed": "0",
    "DelaySeconds": "0",
    "MaximumMessageSize": "262144",
    "MessageRetentionPeriod": "604800",
    "SqsManagedSseEnabled": "true",
}


def config(**source: Any) -> Config:
    return Config.model_validate({"source": {"queue_url": QUEUE_URL, **source}})


def judged(
    attributes: dict[str, str] | None = None,
    measured: Measured | None = None,
    **source: Any,
) -> dict[tuple[str, str], str]:
    findings = judge_queue({**WELL, **(attributes or {})}, config(**source), measured)
    return {(one.check, one.verdict): one.said for one in findings}


def test_a_queue_that_is_well() -> None:
    found = judged(measured=Measured(0.25, 2.5))
    assert {verdict for _, verdict in found} == {"ok"}
    assert found[QUEUE, "ok"] == "events: 12 visible, 3 in flight, 0 delayed"
    assert found[RETENTION, "ok"] == "messages are kept for 7 days"
    assert (
        "0.2 s on average, 99 % of them at most about 2.5 s" in found[VISIBILITY, "ok"]
    )


@pytest.mark.parametrize(
    ("attributes", "source", "check", "verdict", "words"),
    [
        ({"ApproximateNumberOfMessagesNotVisible": "110000"}, {}, QUEUE, "warn", "120"),
        ({"FifoQueue": "true"}, {}, QUEUE, "warn", "FIFO"),
        ({"DelaySeconds": "900"}, {}, QUEUE, "warn", "hidden for 900 s"),
        ({"MaximumMessageSize": "1024"}, {}, QUEUE, "warn", "above 1,024 bytes"),
        ({"MessageRetentionPeriod": "86400"}, {}, RETENTION, "warn", "24 hours"),
        ({"SqsManagedSseEnabled": "false"}, {}, ENCRYPTION, "ok", "not at rest"),
        (
            {"KmsMasterKeyId": "alias/aws/sqs"},
            {},
            ENCRYPTION,
            "fail",
            "no notification",
        ),
        (
            {"KmsMasterKeyId": "alias/aws/sqs"},
            {"mapping": {"bucket": "b", "keys": "k"}},
            ENCRYPTION,
            "warn",
            "may not use",
        ),
        ({}, {"visibility_timeout_s": 30}, VISIBILITY, "warn", "asks for 30 s"),
        ({}, {"visibility_timeout_s": 43_200}, VISIBILITY, "warn", "asks for 12 hours"),
        ({}, {"wait_time_s": 0}, VISIBILITY, "warn", "wait_time_s is 0"),
    ],
)
def test_what_does_not_fit(
    attributes: dict[str, str],
    source: dict[str, Any],
    check: str,
    verdict: str,
    words: str,
) -> None:
    assert words in judged(attributes, **source)[check, verdict]


def test_objects_that_take_longer_than_the_timeout() -> None:
    found = judged(measured=Measured(100.0, 700.0))
    assert "held by extensions alone" in found[VISIBILITY, "warn"]


@pytest.mark.parametrize("text", ["", "{}", "x", "[]", '{"maxReceiveCount": 3}'])
def test_no_redrive_policy(text: str) -> None:
    assert redrive_of({"RedrivePolicy": text}) is None
    finding = judge_dead_letters(None, WELL, None)
    assert (finding.check, finding.verdict) == (DEAD_LETTERS, "warn")


def test_a_redrive_policy_names_a_queue_beside() -> None:
    text = json.dumps({"deadLetterTargetArn": DEAD_ARN, "maxReceiveCount": "10"})
    redrive = redrive_of({"RedrivePolicy": text})
    assert redrive == Redrive(DEAD_ARN, 10)
    assert url_beside(QUEUE_URL, DEAD_ARN) == (
        "https://sqs.us-east-1.amazonaws.com/210987654321/dead"
    )


@pytest.mark.parametrize(
    ("receives", "dead", "verdict", "words"),
    [
        (3, None, "warn", "after 3 receives"),
        (10, None, "ok", "may not see"),
        (10, {"MessageRetentionPeriod": "1209600"}, "ok", "it is empty"),
        (10, {"MessageRetentionPeriod": "345600"}, "warn", "keeps messages for 4 days"),
        (
            10,
            {"MessageRetentionPeriod": "1209600", "ApproximateNumberOfMessages": "5"},
            "warn",
            "5 messages lie in dead",
        ),
    ],
)
def test_the_dead_letter_queue(
    receives: int, dead: dict[str, str] | None, verdict: str, words: str
) -> None:
    finding = judge_dead_letters(Redrive(DEAD_ARN, receives), WELL, dead)
    assert finding.verdict == verdict
    assert words in finding.said


@pytest.mark.parametrize(
    ("kept_s", "dead_kept_s", "mend"),
    [
        (604_800, 604_800, "set its MessageRetentionPeriod to 1209600, 14 days"),
        (
            1_209_600,
            1_209_600,
            "set the first queue's MessageRetentionPeriod to 604800, 7 days",
        ),
    ],
)
def test_dead_letters_are_kept_for_longer_than_other_messages(
    kept_s: int, dead_kept_s: int, mend: str
) -> None:
    """SQS keeps no message for more than 14 days."""
    finding = judge_dead_letters(
        Redrive(DEAD_ARN, 10),
        {**WELL, "MessageRetentionPeriod": str(kept_s)},
        {"MessageRetentionPeriod": str(dead_kept_s)},
    )
    assert (finding.verdict, finding.mend) == ("warn", mend)
