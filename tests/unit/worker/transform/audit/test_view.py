from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.transform.audit import FIELDS, view

REAL_FILES = Path(__file__).parents[6] / "shared" / "data" / "cloudtrail"

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
    "attributes",
    "mfaAuthenticated",
    "onBehalfOf",
    "userId",
    "identityProvider",
    "eventSource",
    "eventName",
    "eventCategory",
    "eventType",
    "managementEvent",
    "insightDetails",
    "timeWindow",
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "serviceEventDetails",
    "resources",
    "bucketName",
    "key",
    "queueUrl",
    "roleArn",
    "instancesSet",
    "volumeSet",
    "items",
    "instanceId",
    "content",
    "CreateVolumeRequest",
    "sourceIPAddress",
    "vpcEndpointId",
    "userAgent",
    "errorCode",
    "errorMessage",
    "ConsoleLogin",
    "MFAUsed",
    "messageId",
    "successful",
    "readOnly",
    "names",
    "secretIdList",
]
TEXTS = st.sampled_from(
    [
        "Root",
        "AssumedRole",
        "AWSAccount",
        "IdentityCenterUser",
        "arn:",
        "arn:a:b:c:d:",
        "arn:a:b:c:d:e/f",
        "https://",
        "Mozilla/5.0",
        "true",
        "Data",
        "sqs.amazonaws.com",
        "s3.amazonaws.com",
        "ec2.amazonaws.com",
        "secretsmanager.amazonaws.com",
        "CreateVolume",
    ]
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
def test_any_object_has_a_view(record: dict[str, Any]) -> None:
    before = json.dumps(record)
    seen = view(record)
    assert tuple(seen) == FIELDS
    assert all(
        value is None or isinstance(value, bool) or (isinstance(value, str) and value)
        for value in seen.values()
    )
    assert json.dumps(record) == before


@pytest.mark.parametrize("name", NAMES)
def test_a_deeply_nested_value_is_no_trouble(name: str) -> None:
    deep: Any = "x"
    for _ in range(5_000):
        deep = [deep]
    service = {"eventSource": "ec2.amazonaws.com", "eventName": "RunInstances"}
    assert view({**service, name: deep})
    assert view({**service, "requestParameters": {name: deep}})
    assert view({**service, "responseElements": {name: {"items": deep}}})


@pytest.mark.skipif(not REAL_FILES.is_dir(), reason="needs ../shared/data")
def test_every_real_record_has_a_caller_and_an_action() -> None:
    seen_records = 0
    for path in sorted(REAL_FILES.rglob("*.json")):
        document = json.loads(path.read_text())
        records = document["Records"] if isinstance(document, dict) else document
        for record in records:
            seen = view(record)
            assert seen["who"]
            assert seen["what"]
            assert seen["plane"]
            assert seen["from_where"]
            seen_records += 1
    assert seen_records > 3_000


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
        ({}, None),
    ],
)
def test_what_joins_service_and_action(
    record: dict[str, Any], call: str | None
) -> None:
    assert view(record)["what"] == call


def test_a_message_deleted_from_a_queue_is_told_in_full() -> None:
    record = {
        "eventVersion": "1.09",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE:trailfeed",
            "arn": "arn:aws:sts::123456789012:assumed-role/log-reader/trailfeed",
            "accountId": "123456789012",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "arn": "arn:aws:iam::123456789012:role/log-reader",
                    "userName": "log-reader",
                },
                "attributes": {"mfaAuthenticated": "false"},
            },
        },
        "eventTime": "2026-11-21T09:27:34Z",
        "eventSource": "sqs.amazonaws.com",
        "eventName": "DeleteMessage",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "10.0.12.7",
        "vpcEndpointId": "vpce-0a1",
        "userAgent": "Boto3/1.41.0 md/Botocore#1.41.0 ua/2.1",
        "requestParameters": {
            "queueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/orders",
            "receiptHandle": "AQEB",
        },
        "responseElements": None,
        "requestID": "r-1",
        "eventID": "e-1",
        "readOnly": False,
        "eventCategory": "Data",
        "managementEvent": False,
        "recipientAccountId": "123456789012",
    }
    assert view(record) == {
        "when": "2026-11-21T09:27:34Z",
        "who": "log-reader/trailfeed",
        "who_type": "AssumedRole",
        "who_account": "123456789012",
        "who_session": "trailfeed",
        "who_issuer": "arn:aws:iam::123456789012:role/log-reader",
        "what": "sqs:DeleteMessage",
        "to_what": "orders",
        "to_what_type": "queue",
        "with": None,
        "where": "us-east-1",
        "account": "123456789012",
        "from_where": "10.0.12.7 via vpce-0a1",
        "via": "Boto3/1.41.0",
        "outcome": "ok",
        "plane": "data",
        "read_only": False,
        "mfa": False,
        "request_id": "r-1",
        "event_id": "e-1",
        "message_id": None,
    }


def test_an_aggregated_event_has_its_own_names() -> None:
    seen = view(
        {
            "accountId": "123456789012",
            "eventId": "e-2",
            "eventCategory": "Aggregated",
            "timeWindow": {"windowStart": "2026-11-21T09:25:00Z"},
        }
    )
    assert (seen["account"], seen["event_id"]) == ("123456789012", "e-2")
    assert (seen["when"], seen["plane"]) == ("2026-11-21T09:25:00Z", "aggregated")
