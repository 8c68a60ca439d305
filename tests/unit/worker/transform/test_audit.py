from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.transform import audit

ARN = "arn:aws:iam::123456789012"
STS_ARN = "arn:aws:sts::123456789012"
ISSUER = {"sessionContext": {"sessionIssuer": {"userName": "deploy"}}}

VIEWS = (audit.who, audit.what, audit.to_what, audit.from_where, audit.outcome)

# Every name that the view looks at, so that made-up records reach its depths.
NAMES = [
    "userIdentity",
    "type",
    "userName",
    "arn",
    "ARN",
    "principalId",
    "invokedBy",
    "accountId",
    "sessionContext",
    "sessionIssuer",
    "eventSource",
    "eventName",
    "insightDetails",
    "requestParameters",
    "responseElements",
    "resources",
    "bucketName",
    "key",
    "queueUrl",
    "roleArn",
    "instancesSet",
    "items",
    "instanceId",
    "sourceIPAddress",
    "vpcEndpointId",
    "errorCode",
    "errorMessage",
    "ConsoleLogin",
]
TEXTS = st.sampled_from(
    ["", "Root", "AssumedRole", "AWSAccount", "arn:", "arn:a:b:c:d:e/f", "https://"]
) | st.text(max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=20,
)
RECORDS = st.dictionaries(st.sampled_from(NAMES) | st.text(), VALUES, max_size=8)


@given(RECORDS)
def test_any_object_gives_text(record: dict[str, Any]) -> None:
    for view in VIEWS:
        text = view(record)
        assert isinstance(text, str)
        assert text


@pytest.mark.parametrize(
    ("identity", "caller"),
    [
        ({"type": "IAMUser", "userName": "alice", "arn": f"{ARN}:user/alice"}, "alice"),
        ({"type": "IAMUser", "arn": f"{ARN}:user/eng/bob"}, "eng/bob"),
        (
            {"type": "AssumedRole", "arn": f"{STS_ARN}:assumed-role/deploy/ci-1"},
            "deploy/ci-1",
        ),
        ({"type": "AssumedRole", **ISSUER}, "deploy"),
        ({"type": "Root", "arn": f"{ARN}:root", "userName": "the-company"}, "root"),
        ({"type": "AWSService", "invokedBy": "s3.amazonaws.com"}, "s3.amazonaws.com"),
        (
            {"type": "AWSAccount", "accountId": "111122223333", "principalId": "AIDA"},
            "account 111122223333",
        ),
        ({"type": "AWSAccount", "principalId": "AROA:me"}, "AROA:me"),
        ({"type": "FederatedUser", "arn": f"{STS_ARN}:federated-user/carol"}, "carol"),
        ({"type": "FederatedUser", **ISSUER}, "deploy"),
        ({"type": "WebIdentityUser", "userName": "repo:main"}, "repo:main"),
        ({"type": "Unknown"}, "Unknown"),
        ({}, "-"),
        (None, "-"),
        ("alice", "-"),
    ],
)
def test_who_names_the_caller(identity: object, caller: str) -> None:
    assert audit.who({"userIdentity": identity}) == caller


def test_who_of_a_record_without_identity_is_absent() -> None:
    assert audit.who({}) == "-"


@pytest.mark.parametrize(
    ("record", "call"),
    [
        (
            {"eventSource": "sqs.amazonaws.com", "eventName": "SendMessage"},
            "sqs:SendMessage",
        ),
        ({"eventName": "ConsoleLogin"}, "ConsoleLogin"),
        (
            {
                "insightDetails": {
                    "eventSource": "ec2.amazonaws.com",
                    "eventName": "RunInstances",
                }
            },
            "ec2:RunInstances",
        ),
        ({}, "-"),
    ],
)
def test_what_joins_service_and_action(record: dict[str, Any], call: str) -> None:
    assert audit.what(record) == call


@pytest.mark.parametrize(
    ("record", "target"),
    [
        (
            {"requestParameters": {"bucketName": "logs", "key": "a/b.json"}},
            "logs/a/b.json",
        ),
        ({"requestParameters": {"bucketName": "logs"}}, "logs"),
        (
            {"resources": [{"ARN": "arn:aws:sqs:us-east-1:123456789012:jobs"}]},
            "jobs",
        ),
        (
            {"resources": [{"ARN": f"{ARN}:role/a"}, {"arn": f"{ARN}:role/b"}, {}]},
            "a +1",
        ),
        (
            {"requestParameters": {"queueUrl": "https://sqs.example/123456789012/q"}},
            "q",
        ),
        ({"requestParameters": {"roleArn": f"{ARN}:role/node"}}, "node"),
        (
            {"requestParameters": {"instancesSet": {"items": [{"instanceId": "i-1"}]}}},
            "i-1",
        ),
        (
            {"responseElements": {"instancesSet": {"items": [{"instanceId": "i-2"}]}}},
            "i-2",
        ),
        ({"requestParameters": {"userName": "bot"}}, "bot"),
        ({"requestParameters": {"dryRun": True}}, "-"),
        ({"requestParameters": None}, "-"),
    ],
)
def test_to_what_names_the_target(record: dict[str, Any], target: str) -> None:
    assert audit.to_what(record) == target


@pytest.mark.parametrize(
    ("record", "origin"),
    [
        ({"sourceIPAddress": "203.0.113.24"}, "203.0.113.24"),
        (
            {"sourceIPAddress": "10.0.0.1", "vpcEndpointId": "vpce-1"},
            "10.0.0.1 via vpce-1",
        ),
        ({}, "-"),
    ],
)
def test_from_where_gives_address_and_endpoint(
    record: dict[str, Any], origin: str
) -> None:
    assert audit.from_where(record) == origin


@pytest.mark.parametrize(
    ("record", "outcome"),
    [
        ({"responseElements": None}, "ok"),
        ({"errorCode": "AccessDenied", "errorMessage": "no"}, "AccessDenied"),
        ({"errorMessage": "Failed authentication"}, "Failed authentication"),
        ({"responseElements": {"ConsoleLogin": "Failure"}}, "Failure"),
        ({"responseElements": {"ConsoleLogin": "Success"}}, "ok"),
    ],
)
def test_outcome_is_ok_or_the_error(record: dict[str, Any], outcome: str) -> None:
    assert audit.outcome(record) == outcome
