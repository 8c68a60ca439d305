from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from tests.unit.worker.transform.leaves import leaves
from tests.unit.worker.transform.ocsf_schema import problems
from tests.unit.worker.transform.records import CONSOLE_LOGIN, CREATE_USER, RECORDS
from worker.transform.ocsf import to_ocsf
from worker.transform.ocsf_events import classify

REAL_FILES = Path(__file__).parents[5] / "shared" / "data" / "cloudtrail"
NEW_USER = {
    "arn": "arn:aws:iam::112233445566:user/test_user2",
    "userId": "AIDA2W7SOKHEXAMPLE",
    "userName": "test_user2",
}


def test_a_change_of_an_account_is_as_ocsf_publishes_it() -> None:
    """But for nulls, and for parameters, which the example tells twice."""
    assert to_ocsf(CREATE_USER) == {
        "activity_id": 1,
        "activity_name": "Create",
        "actor": {
            "session": {
                "created_time": 1700239437000,
                "created_time_dt": "2023-11-17T16:43:57Z",
                "is_mfa": False,
                "issuer": "arn:aws:iam::112233445566:role/Admin",
            },
            "user": {
                "account": {"uid": "112233445566"},
                "credential_uid": "ASIA2W7SOKHEXAMPLE",
                "type": "AssumedRole",
                "uid": "arn:aws:sts::112233445566:assumed-role/Admin/Admin-user",
                "uid_alt": "AROA2W7SOKHEXAMPLE:Admin-user",
            },
        },
        "api": {
            "operation": "CreateUser",
            "request": {
                "data": {"userName": "test_user2"},
                "uid": "c99bf9da-e0bd-4bf7-bb32-example",
            },
            "response": {"data": {"user": NEW_USER}},
            "service": {"name": "iam.amazonaws.com"},
        },
        "category_name": "Identity & Access Management",
        "category_uid": 3,
        "class_name": "Account Change",
        "class_uid": 3001,
        "cloud": {
            "account": {"uid": "112233445566"},
            "provider": "AWS",
            "region": "us-east-1",
        },
        "http_request": {"user_agent": "AWS Internal"},
        "metadata": {
            "event_code": "AwsApiCall",
            "product": {
                "feature": {"name": "Management"},
                "name": "CloudTrail",
                "vendor_name": "AWS",
                "version": "1.08",
            },
            "profiles": ["cloud", "datetime"],
            "uid": "7dd15a89-ae0f-4340-8e6c-example",
            "version": "1.1.0",
        },
        "observables": [
            {
                "name": "src_endpoint.ip",
                "type": "IP Address",
                "type_id": 2,
                "value": "52.95.4.21",
            },
            {
                "name": "user.name",
                "type": "User Name",
                "type_id": 4,
                "value": "test_user2",
            },
        ],
        "severity": "Informational",
        "severity_id": 1,
        "src_endpoint": {"ip": "52.95.4.21"},
        "status": "Success",
        "status_id": 1,
        "time": 1679072879000,
        "time_dt": "2023-03-17T17:07:59Z",
        "type_name": "Account Change: Create",
        "type_uid": 300101,
        "unmapped": {
            "managementEvent": True,
            "readOnly": False,
            "sessionCredentialFromConsole": "true",
            "userIdentity": {
                "sessionContext": {
                    "sessionIssuer": {
                        "accountId": "112233445566",
                        "principalId": "AROA2W7SOKHEXAMPLE",
                        "type": "Role",
                        "userName": "Admin",
                    },
                }
            },
        },
        "user": {
            "name": "test_user2",
            "uid": NEW_USER["arn"],
            "uid_alt": NEW_USER["userId"],
        },
    }


def test_a_logon_says_where_to_and_whether_with_a_second_factor() -> None:
    mapped = to_ocsf(CONSOLE_LOGIN)
    assert (mapped["class_uid"], mapped["type_name"]) == (3002, "Authentication: Logon")
    assert mapped["is_mfa"] is False
    login = "https://console.aws.amazon.com/s3/"
    assert mapped["dst_endpoint"] == {"svc_name": login}
    assert mapped["service"] == {"name": "signin.amazonaws.com"}
    assert mapped["user"] == {
        "name": "JohnDoe",
        "uid": "arn:aws:iam::111122223333:user/JohnDoe",
        "uid_alt": "AIDACKCEVSQ6C2EXAMPLE",
    }
    assert [one["value"] for one in mapped["observables"]] == [
        "89.160.20.156",
        "JohnDoe",
        "JohnDoe",
    ]
    assert mapped["unmapped"] == {"additionalEventData": {"MobileVersion": "No"}}


@pytest.mark.parametrize(
    ("service", "event", "expected"),
    [
        ("sts", "AssumeRole", (3002, 1)),
        ("signin", "CheckMfa", (3002, 99)),
        ("iam", "CreateUser", (3001, 1)),
        ("iam", "ChangePassword", (3001, 3)),
        ("iam", "DeleteUser", (3001, 6)),
        ("iam", "PutRolePolicy", (3001, 7)),
        ("iam", "DeleteRolePolicy", (3001, 8)),
        ("iam", "TagUser", (3001, 99)),
        # The same name at another service is another thing.
        ("transfer", "CreateUser", (6003, 1)),
        ("iam", "ListUsers", (6003, 2)),
        ("directconnect", "DescribeDirectConnectGateways", (6003, 2)),
        ("sqs", "ReceiveMessage", (6003, 2)),
        ("sqs", "SendMessageBatch", (6003, 1)),
        ("sqs", "DeleteMessage", (6003, 4)),
        ("sqs", "PurgeQueue", (6003, 4)),
        ("secretsmanager", "BatchGetSecretValue", (6003, 2)),
        ("ec2", "ModifyInstanceAttribute", (6003, 3)),
        # "Create" is in it, but does not begin it.
        ("x", "UndoCreate", (6003, 99)),
        ("x", "getaway", (6003, 99)),
        ("x", None, (6003, 0)),
    ],
)
def test_class_and_activity(
    service: str, event: str | None, expected: tuple[int, int]
) -> None:
    event_class, activity = classify(f"{service}.amazonaws.com", event)
    assert (event_class.uid, activity) == expected


@pytest.mark.parametrize(
    ("address", "places"),
    [
        ("2001:db8::1", ["ip"]),
        ("198.51.100.7", ["ip"]),
        ("ec2.amazonaws.com", ["domain", "svc_name"]),
        ("AWS Internal", ["name"]),
    ],
)
def test_the_source_is_told_by_what_it_is(address: str, places: list[str]) -> None:
    source = to_ocsf({"sourceIPAddress": address})["src_endpoint"]
    assert source == dict.fromkeys(places, address)


@pytest.mark.parametrize(
    ("more", "status_id"),
    [
        ({}, 1),
        ({"errorCode": "SomethingNew"}, 2),
        ({"responseElements": {"ConsoleLogin": "Failure"}}, 2),
    ],
)
def test_any_error_is_a_failure(more: dict[str, Any], status_id: int) -> None:
    assert to_ocsf({**CREATE_USER, **more})["status_id"] == status_id


def test_resources_keep_what_the_schema_does_not_know() -> None:
    entry = {"ARN": "arn:x", "type": "T", "accountId": "1", "ARNPrefix": "arn:y"}
    assert to_ocsf({"resources": [entry]})["resources"] == [
        {
            "uid": "arn:x",
            "type": "T",
            "owner": {"account": {"uid": "1"}},
            "data": {"ARNPrefix": "arn:y"},
        }
    ]
    assert to_ocsf({"resources": ["x"]})["unmapped"] == {"resources": ["x"]}


def test_a_time_that_is_none_stays_what_it_is() -> None:
    mapped = to_ocsf({"eventTime": "yesterday"})
    assert "time" not in mapped
    assert mapped["unmapped"] == {"eventTime": "yesterday"}


@given(RECORDS)
def test_no_value_of_any_record_is_lost(record: dict[str, Any]) -> None:
    before = copy.deepcopy(record)
    mapped = to_ocsf(record)
    assert repr(record) == repr(before)
    switches = {"'true'", "'false'", "'Yes'", "'No'"}  # these may become booleans
    lost = leaves(record) - leaves(mapped)
    assert not {value for value in lost if value not in switches}


VALID: dict[str, Any] = {
    "eventTime": "2026-11-21T09:30:00Z",
    "eventSource": "ec2.amazonaws.com",
    "eventName": "RunInstances",
    "awsRegion": "us-east-1",
    "sourceIPAddress": "198.51.100.7",
    "userIdentity": {"type": "IAMUser", "userName": "alice"},
    "requestID": "r",
    "requestParameters": {"a": 1},
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"resources": [{"ARN": "arn:x", "accountId": "1"}, {"ARNPrefix": "arn:y"}]},
        {"resources": [{"type": "T"}]},
        {"userIdentity": {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}},
        {"userIdentity": {"type": "AWSAccount", "principalId": "AROA:session"}},
        {"userIdentity": {"type": "Unknown"}},
        {"userIdentity": {"accessKeyId": "AKIAIOSFODNN7EXAMPLE"}},
        {"userIdentity": None},
        {"sourceIPAddress": "lambda.amazonaws.com"},
        {"sourceIPAddress": None},
        {"requestID": None},
        {"eventName": None},
        *(
            {"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", **more}
            for more in (
                {"requestParameters": {"roleArn": "arn:r", "roleSessionName": "s"}},
                {"requestParameters": None},
                {"resources": [{"ARN": "arn:x"}]},
                {
                    "userIdentity": {
                        "type": "AWSService",
                        "invokedBy": "x.amazonaws.com",
                    }
                },
                {"userIdentity": {"type": "AWSAccount", "accountId": "1"}},
            )
        ),
        *(
            {"eventSource": "iam.amazonaws.com", "eventName": name, **more}
            for name in ("ChangePassword", "CreatePolicy", "DeleteRole")
            for more in ({}, {"requestParameters": None})
        ),
    ],
)
def test_the_outcome_is_valid(changes: dict[str, Any]) -> None:
    record = {**VALID, **changes}
    mapped = to_ocsf({name: value for name, value in record.items() if value})
    assert problems(mapped) == []


def test_who_assumes_a_role_becomes_that_role() -> None:
    request = {"roleArn": "arn:role", "roleSessionName": "s"}
    name = {"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole"}
    mapped = to_ocsf({**VALID, **name, "requestParameters": request})
    assert mapped["user"] == {"uid": "arn:role", "name": "s"}
    assert mapped["actor"]["user"]["name"] == "alice"


@pytest.mark.skipif(not REAL_FILES.is_dir(), reason="needs ../shared/data")
def test_every_real_record_is_valid() -> None:
    seen_records = 0
    for path in sorted(REAL_FILES.rglob("*.json")):
        document = json.loads(path.read_text())
        for record in document["Records"] if isinstance(document, dict) else document:
            assert problems(to_ocsf(record)) == [], record["eventName"]
            seen_records += 1
    assert seen_records > 3_000
