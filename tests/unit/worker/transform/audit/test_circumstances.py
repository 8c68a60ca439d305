from __future__ import annotations

from typing import Any

import pytest

from worker.transform.audit import circumstances
from worker.transform.ecs import to_ecs
from worker.transform.ocsf import to_ocsf


@pytest.mark.parametrize(
    ("record", "origin"),
    [
        ({"sourceIPAddress": "203.0.113.24"}, "203.0.113.24"),
        ({"sourceIPAddress": "AWS Internal"}, "AWS Internal"),
        (
            {"sourceIPAddress": "10.0.0.1", "vpcEndpointId": "vpce-1"},
            "10.0.0.1 via vpce-1",
        ),
        ({"vpcEndpointId": "vpce-1"}, "- via vpce-1"),
        ({}, None),
    ],
)
def test_from_where_gives_address_and_endpoint(
    record: dict[str, Any], origin: str | None
) -> None:
    assert circumstances.from_where(record) == origin


@pytest.mark.parametrize(
    ("record", "outcome"),
    [
        ({"responseElements": None}, "ok"),
        ({"errorCode": "AccessDenied", "errorMessage": "no"}, "AccessDenied"),
        ({"errorMessage": "Failed authentication"}, "Failed authentication"),
        ({"responseElements": {"ConsoleLogin": "Failure"}}, "Failure"),
        ({"responseElements": {"ConsoleLogin": "Success"}}, "ok"),
        (
            {"eventName": "SwitchRole", "responseElements": {"SwitchRole": "Failure"}},
            "Failure",
        ),
        (
            {
                "eventName": "CredentialVerification",
                "responseElements": None,
                "serviceEventDetails": {"CredentialVerification": "Failure"},
            },
            "Failure",
        ),
        ({"eventName": "CheckMfa", "responseElements": {"CheckMfa": "Success"}}, "ok"),
        # Another event's member says nothing of this one.
        ({"eventName": "GetX", "responseElements": {"PutX": "Failure"}}, "ok"),
        ({"eventName": ["x"], "responseElements": {"x": "Failure"}}, "ok"),
        ({"errorCode": 403}, "403"),
        ({"errorCode": True, "errorMessage": "no"}, "no"),
        ({"errorCode": 0}, "ok"),
    ],
)
def test_outcome_is_ok_or_the_error(record: dict[str, Any], outcome: str) -> None:
    assert circumstances.outcome(record) == outcome
    expected = "success" if outcome == "ok" else "failure"
    assert to_ecs(record)["event"]["outcome"] == expected
    assert to_ocsf(record)["status"] == expected.title()


@pytest.mark.parametrize(
    ("record", "plane"),
    [
        ({"eventCategory": "Management"}, "control"),
        ({"eventCategory": "Data", "managementEvent": True}, "data"),
        ({"eventCategory": "NetworkActivity"}, "network"),
        ({"eventCategory": "Insight"}, "insight"),
        ({"managementEvent": True, "eventType": "AwsApiCall"}, "control"),
        ({"managementEvent": False, "eventType": "AwsApiCall"}, "data"),
        ({"managementEvent": "false"}, "data"),
        ({"eventType": "DataEvent"}, "data"),
        ({"eventType": "AwsApiCall"}, "control"),
        ({"eventType": "AwsVpceEvent"}, "network"),
        ({"eventType": "AwsVpceEvents"}, "network"),
        ({"eventType": "AwsCloudTrailInsight"}, "insight"),
        (
            {"eventType": "AwsApiCall", "resources": [{"type": "AWS::S3::Object"}]},
            "data",
        ),
        ({"eventCategory": ["Data"]}, None),
        ({}, None),
    ],
)
def test_plane_by_category_or_what_older_versions_say(
    record: dict[str, Any], plane: str | None
) -> None:
    assert circumstances.plane(record) == plane


@pytest.mark.parametrize(
    ("record", "mfa"),
    [
        (_session := {"mfaAuthenticated": "true"}, None),
        ({"userIdentity": {"sessionContext": {"attributes": _session}}}, True),
        ({"additionalEventData": {"MFAUsed": "No"}}, False),
        ({"additionalEventData": {"MFAUsed": "Yes"}}, True),
        ({"additionalEventData": {"MFAUsed": 1}}, None),
        ({}, None),
    ],
)
def test_mfa_is_told_or_unknown(record: dict[str, Any], mfa: bool | None) -> None:
    assert circumstances.mfa(record) is mfa


@pytest.mark.parametrize(
    ("agent", "short"),
    [
        ("aws-cli/2.15.0 Python/3.11 Linux/6.1", "aws-cli/2.15.0"),
        ("[S3Console/0.4, aws-internal/3]", "S3Console/0.4"),
        ("APN/1.0 HashiCorp/1.0 Terraform/1.1.2 (+https://x)", "Terraform/1.1.2"),
        ("Mozilla/5.0 (X11) Gecko/20100101 Firefox/24.0", "Firefox"),
        ("Mozilla/5.0 (X11) Chrome/120.0 Safari/537.36 Edg/120.0", "Edge"),
        ("Mozilla/5.0", "Mozilla/5.0"),
        ("AWS Internal", "AWS Internal"),
        ("sqs.amazonaws.com", "sqs.amazonaws.com"),
        ("()", None),
        ("", None),
    ],
)
def test_via_is_the_telling_part_of_the_user_agent(
    agent: str, short: str | None
) -> None:
    assert circumstances.via({"userAgent": agent}) == short


@pytest.mark.parametrize(
    ("response", "message_id"),
    [
        ({"messageId": "m-1"}, "m-1"),
        ({"successful": [{"messageId": "m-1"}, {"messageId": "m-2"}]}, "m-1 +1"),
        ({"messages": [{"messageId": "m-3"}]}, "m-3"),
        ({"successful": []}, None),
        (None, None),
    ],
)
def test_message_id_of_one_or_of_a_batch(
    response: object, message_id: str | None
) -> None:
    assert circumstances.message_id({"responseElements": response}) == message_id
