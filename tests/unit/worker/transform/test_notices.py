from __future__ import annotations

from typing import Any

import pytest

from worker.transform.notices import Notices
from worker.transform.presets import PRESETS, without

TOKEN = {
    "eventName": "AssumeRole",
    "responseElements": {"credentials": {"sessionToken": "EXAMPLE"}},
}
BODY = {
    "eventName": "SendMessageBatch",
    "requestParameters": {"entries": [{"messageBody": "hello"}]},
}


def test_the_first_record_of_each_kind_is_warned_about_and_all_are_counted() -> None:
    warnings: list[str] = []
    notices = Notices(list(PRESETS), warnings.append)
    for record in (TOKEN, BODY, TOKEN, {"eventName": "Other"}):
        notices.look([record])
    assert notices.counts == {
        "sqs-message-content": 1,
        "sns-message-content": 0,
        "credentials": 2,
        "secrets": 0,
    }
    assert warnings == [
        "records carry live credentials (first seen in AssumeRole); "
        'redact.presets = ["credentials"] blanks that',
        "records carry the content of SQS messages (first seen in SendMessageBatch); "
        'redact.presets = ["sqs-message-content"] blanks that',
    ]


def test_a_preset_that_is_on_is_not_looked_for() -> None:
    warnings: list[str] = []
    notices = Notices(["sqs-message-content"], warnings.append)
    notices.look([TOKEN])
    assert not warnings
    assert notices.counts == {"sqs-message-content": 0}


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"eventName": ["AssumeRole"]},
        {"eventName": "AssumeRole", "responseElements": None},
        {
            "eventName": "SendMessage",
            "requestParameters": {"messageBody": "HIDDEN_DUE_TO_SECURITY_REASONS"},
        },
        {
            "eventName": "StartSession",
            "responseElements": {"tokenValue": "Value hidden due to security reasons."},
        },
        # The same names in an event that is known to carry nothing.
        {**TOKEN, "eventName": "DescribeThings"},
    ],
)
def test_what_carries_nothing_live_is_passed_over(record: dict[str, Any]) -> None:
    warnings: list[str] = []
    Notices(list(PRESETS), warnings.append).look([record])
    assert not warnings


@pytest.mark.parametrize(
    ("event", "parameters", "preset"),
    [
        ("Publish", {"message": "hello"}, "sns-message-content"),
        ("CreateLoginProfile", {"password": "p"}, "credentials"),
        (
            "RegisterTaskDefinition",
            {"containerDefinitions": [{"environment": [{"value": "v"}]}]},
            "credentials",
        ),
        (
            "StartBuild",
            {"environmentVariablesOverride": [{"value": "v"}]},
            "credentials",
        ),
    ],
)
def test_what_is_noticed(event: str, parameters: dict[str, Any], preset: str) -> None:
    warnings: list[str] = []
    notices = Notices(list(PRESETS), warnings.append)
    notices.look([{"eventName": event, "requestParameters": parameters}])
    assert {name for name, count in notices.counts.items() if count} == {preset}


def test_the_preset_of_secrets_holds_that_of_credentials() -> None:
    assert without(["secrets"]) == ["sqs-message-content", "sns-message-content"]
