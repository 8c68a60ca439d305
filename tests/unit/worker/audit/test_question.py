from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.worker.audit.events import event
from worker.audit.question import Question, answering, instant

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ROLE = {
    "type": "AssumedRole",
    "principalId": "AROAEXAMPLE:jane@example.com",
    "arn": "arn:aws:sts::123456789012:assumed-role/admin/jane@example.com",
    "sessionContext": {
        "sessionIssuer": {"arn": "arn:aws:iam::123456789012:role/admin"}
    },
}

SOURCED = ROLE | {"sessionContext": {"sourceIdentity": "alice"}}
ACCOUNT = {
    "type": "AWSAccount",
    "principalId": "AROAEXAMPLE:s-1",
    "accountId": "999988887777",
}
LAMBDA = {
    "eventSource": "lambda.amazonaws.com",
    "eventName": "UpdateFunctionCode20150331v2",
}


@pytest.mark.parametrize(
    ("asked", "changes", "is_answered"),
    [
        ({}, {}, True),
        ({"events": ("DeleteMessage",)}, {}, True),
        ({"events": ("deletemessage",)}, {}, True),
        ({"events": ("Delete*",)}, {}, True),
        ({"events": ("sqs:DeleteMessage",)}, {}, True),
        ({"events": ("sqs:*",)}, {}, True),
        ({"events": ("s3:Delete*",)}, {}, False),
        ({"events": ("Delete",)}, {}, False),
        ({"events": ("PurgeQueue", "DeleteMessage")}, {}, True),
        (
            {"events": ("ConsoleLogin",)},
            {"eventName": "ConsoleLogin", "eventSource": None},
            True,
        ),
        (
            {"events": ("Run*",)},
            {
                "eventName": None,
                "eventSource": None,
                "insightDetails": {
                    "eventName": "RunInstances",
                    "eventSource": "ec2.amazonaws.com",
                },
            },
            True,
        ),
        ({"events": ("UpdateFunctionCode",)}, LAMBDA, True),
        ({"events": ("lambda:UpdateFunctionCode",)}, LAMBDA, True),
        ({"events": ("lambda:updatefunctioncode20150331v2",)}, LAMBDA, True),
        ({"events": ("lambda:*Code",)}, LAMBDA, True),
        ({"events": ("lambda:UpdateFunction",)}, LAMBDA, False),
        (
            {"events": ("CreateFunction",)},
            {"eventName": "CreateFunction2020_05_31"},
            True,
        ),
        ({"queue": "Orders"}, {}, False),
        ({"queue": "ord*"}, {}, True),
        ({"who": "s-1"}, {"userIdentity": ACCOUNT}, True),
        ({"who": "999988887777"}, {"userIdentity": ACCOUNT}, True),
        ({"who": "alice"}, {"userIdentity": SOURCED}, True),
        ({"who": "admin/jane@example.com"}, {"userIdentity": SOURCED}, True),
        ({"who": "jane@example.com"}, {"userIdentity": SOURCED}, True),
        (
            {"who": "erin"},
            {
                "userIdentity": {"type": "IdentityCenterUser"},
                "additionalEventData": {"UserName": "erin"},
            },
            True,
        ),
        (
            {"who": "anonymous"},
            {"userIdentity": {"type": "AWSAccount", "accountId": "anonymous"}},
            True,
        ),
        ({"queue": "orders"}, {}, True),
        ({"queue": "order?"}, {}, True),
        ({"queue": "order"}, {}, False),
        ({"queue": "orders"}, {"eventSource": "sns.amazonaws.com"}, False),
        (
            {"queue": "orders"},
            {
                "requestParameters": None,
                "errorMessage": "User: x is not authorized to perform: sqs:SendMessage "
                "on resource: arn:aws:sqs:us-east-1:123456789012:orders because",
            },
            True,
        ),
        ({"who": "jane"}, {}, True),
        ({"who": "Jane"}, {}, True),
        ({"who": "AKIAEXAMPLE"}, {}, True),
        ({"who": "123456789012"}, {}, True),
        ({"who": "arn:aws:iam::*:user/jane"}, {}, True),
        ({"who": "jan"}, {}, False),
        ({"who": "admin"}, {"userIdentity": ROLE}, True),
        ({"who": "jane@example.com"}, {"userIdentity": ROLE}, True),
        ({"who": "*:role/admin"}, {"userIdentity": ROLE}, True),
        ({"who": "jane"}, {"userIdentity": None}, False),
        ({"regions": ("us-east-1", "eu-west-1")}, {}, True),
        ({"regions": ("eu-west-1",)}, {}, False),
        ({"accounts": ("123456789012",)}, {}, True),
        ({"accounts": ("210987654321",)}, {}, False),
        ({"plane": "data"}, {}, True),
        ({"plane": "control"}, {}, False),
        ({"errors_only": True}, {}, False),
        ({"errors_only": True}, {"errorCode": "AccessDenied"}, True),
        ({"where": ("sourceIPAddress in 10.0.0.0/8",)}, {}, True),
        ({"where": ("sourceIPAddress in 10.0.0.0/8", "errorCode exists")}, {}, False),
        ({"since": datetime(2026, 11, 21, 9, 0, tzinfo=UTC)}, {}, True),
        ({"since": datetime(2026, 11, 21, 9, 0, 1, tzinfo=UTC)}, {}, False),
        ({"until": datetime(2026, 11, 21, 9, 0, tzinfo=UTC)}, {}, False),
        ({"until": datetime(2026, 11, 21, 9, 0, 1, tzinfo=UTC)}, {}, True),
        ({"until": NOW}, {"eventTime": None}, False),
        ({"since": NOW}, {"eventTime": "2026-11-21T12:00:00.5Z"}, True),
    ],
)
def test_what_is_asked_for(
    asked: dict[str, Any], changes: dict[str, Any], is_answered: bool
) -> None:
    answer = answering(Question(**asked))
    assert (answer(event(**changes)) is not None) is is_answered


@given(
    st.dictionaries(
        st.sampled_from(["eventName", "eventTime", "userIdentity", "awsRegion"]),
        st.none()
        | st.integers()
        | st.text(max_size=5)
        | st.lists(st.text(), max_size=2),
    )
)
def test_any_object_can_be_asked(record: dict[str, Any]) -> None:
    question = Question(
        events=("a*",), queue="q", who="w", regions=("r",), since=NOW, plane="data"
    )
    assert answering(question)(record) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21", datetime(2026, 11, 21, tzinfo=UTC)),
        ("2026-11-21T09:30", datetime(2026, 11, 21, 9, 30, tzinfo=UTC)),
        ("2026-11-21T09:30:05Z", datetime(2026, 11, 21, 9, 30, 5, tzinfo=UTC)),
        ("2026-11-21T09:30+02:00", datetime(2026, 11, 21, 7, 30, tzinfo=UTC)),
        ("30m", datetime(2026, 11, 21, 11, 30, tzinfo=UTC)),
        ("2d", datetime(2026, 11, 19, 12, 0, tzinfo=UTC)),
        ("1w", datetime(2026, 11, 14, 12, 0, tzinfo=UTC)),
    ],
)
def test_times(text: str, expected: datetime) -> None:
    assert instant(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "3x", "2026-13-01", "999999h ago"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time such as"):
        instant(text, NOW)


def test_a_time_long_before_all_events_leaves_none_out() -> None:
    question = Question(since=instant("99999w", NOW))
    assert answering(question)(event()) is not None
