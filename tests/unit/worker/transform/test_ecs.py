from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given

from tests.unit.worker.transform.leaves import leaves
from tests.unit.worker.transform.records import ASSUME_ROLE, CONSOLE_LOGIN, RECORDS
from worker.transform.ecs import to_ecs


def test_a_console_login_is_as_elastic_has_it() -> None:
    """But for geography, the browser's parts and Java's way to write a map."""
    mapped = to_ecs(CONSOLE_LOGIN)
    texts = mapped["aws"]["cloudtrail"]
    assert json.loads(texts.pop("additional_eventdata"))["LoginTo"].endswith("/s3/")
    assert json.loads(texts.pop("response_elements")) == {"ConsoleLogin": "Success"}
    assert mapped == {
        "@timestamp": "2014-07-16T15:49:27Z",
        "aws": {
            "cloudtrail": {
                "console_login": {
                    "additional_eventdata": {
                        "login_to": "https://console.aws.amazon.com/s3/",
                        "mfa_used": False,
                        "mobile_version": False,
                    }
                },
                "event_version": "1.05",
                "flattened": {
                    "additional_eventdata": {
                        "LoginTo": "https://console.aws.amazon.com/s3/",
                        "MFAUsed": "No",
                        "MobileVersion": "No",
                    },
                    "response_elements": {"ConsoleLogin": "Success"},
                },
                "user_identity": {
                    "arn": "arn:aws:iam::111122223333:user/JohnDoe",
                    "type": "IAMUser",
                },
            }
        },
        "cloud": {
            "account": {"id": "111122223333"},
            "provider": "aws",
            "region": "us-east-2",
        },
        "ecs": {"version": "8.11.0"},
        "event": {
            "action": "ConsoleLogin",
            "category": ["authentication"],
            "id": "3fcfb182-98f8-4744-bd45-10aEXAMPLE",
            "kind": "event",
            "outcome": "success",
            "provider": "signin.amazonaws.com",
            "type": ["info"],
        },
        "related": {
            "entity": [
                "arn:aws:iam::111122223333:user/JohnDoe",
                "AIDACKCEVSQ6C2EXAMPLE",
                "JohnDoe",
            ],
            "user": ["JohnDoe"],
        },
        "source": {"address": "89.160.20.156", "ip": "89.160.20.156"},
        "user": {"id": "AIDACKCEVSQ6C2EXAMPLE", "name": "JohnDoe"},
        "user_agent": {
            "name": "Firefox",
            "original": "Mozilla/5.0 (Windows NT 6.1) Firefox/24.0",
            "os": {"name": "Windows", "version": "7"},
            "version": "24.0",
        },
    }


def test_an_assumed_role_has_its_issuer_and_its_resources_once() -> None:
    mapped = to_ecs(ASSUME_ROLE)
    cloudtrail = mapped["aws"]["cloudtrail"]
    assert mapped["user"] == {
        "id": "AROAIN5ATK5U7KEXAMPLE:JohnRole1",
        "name": "JohnDoe",
    }
    assert cloudtrail["user_identity"] == {
        "access_key_id": "AKIAI44QH8DHBEXAMPLE",
        "arn": "arn:aws:sts::111111111111:assumed-role/JohnDoe/JohnRole1",
        "session_context": {
            "creation_date": "2019-10-02T21:50:54Z",
            "mfa_authenticated": "false",
            "session_issuer": {
                "account_id": "111111111111",
                "arn": "arn:aws:iam::111111111111:role/JohnRole1",
                "principal_id": "AROAIN5ATK5U7KEXAMPLE",
                "type": "Role",
            },
        },
        "type": "AssumedRole",
    }
    assert cloudtrail["resources"] == [
        {
            "account_id": "111111111111",
            "arn": "arn:aws:iam::111122223333:role/JohnRole2",
            "type": "AWS::IAM::Role",
        }
    ]
    assert cloudtrail["recipient_account_id"] == "111111111111"
    assert mapped["related"].keys() == {"entity"}
    assert mapped["related"]["entity"][:4] == [
        "arn:aws:sts::111111111111:assumed-role/JohnDoe/JohnRole1",
        "AROAIN5ATK5U7KEXAMPLE:JohnRole1",
        "arn:aws:iam::111111111111:role/JohnRole1",
        "JohnDoe",
    ]
    assert "unmapped" not in cloudtrail


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({}, "success"),
        ({"eventName": "X", "errorCode": "AccessDenied"}, "failure"),
        ({"errorMessage": "Failed", "responseElements": None}, "failure"),
        ({"responseElements": {"ConsoleLogin": "Failure"}}, "failure"),
    ],
)
def test_outcome(more: dict[str, Any], outcome: str) -> None:
    record = {**CONSOLE_LOGIN, **more}
    assert to_ecs(record)["event"]["outcome"] == outcome


def test_a_change_of_an_account_names_whom_it_is_about() -> None:
    mapped = to_ecs(
        {
            "eventName": "UpdateUser",
            "userIdentity": {"userName": "alice"},
            "requestParameters": {"userName": "bob", "newUserName": "rob"},
        }
    )
    assert mapped["event"]["category"] == ["iam"]
    assert mapped["event"]["type"] == ["user", "change"]
    assert mapped["user"]["target"] == {"name": "bob"}
    assert mapped["user"]["changes"] == {"name": "rob"}
    assert mapped["related"]["user"] == ["alice", "bob", "rob"]


def test_what_is_too_long_for_a_keyword_is_only_a_text() -> None:
    parameters = {"policy": "x" * 40_000}
    cloudtrail = to_ecs({"requestParameters": parameters})["aws"]["cloudtrail"]
    assert json.loads(cloudtrail["request_parameters"]) == parameters
    assert "flattened" not in cloudtrail


def test_a_name_of_a_service_is_no_address() -> None:
    source = to_ecs({"sourceIPAddress": "ec2.amazonaws.com"})["source"]
    assert source == {"address": "ec2.amazonaws.com"}


def test_tls_is_taken_apart() -> None:
    details = {"tlsVersion": "TLSv1.3", "cipherSuite": "C", "more": 1}
    mapped = to_ecs({"tlsDetails": details})
    assert mapped["tls"] == {
        "version": "1.3",
        "version_protocol": "tls",
        "cipher": "C",
    }
    assert mapped["aws"]["cloudtrail"]["unmapped"] == {"tlsDetails": {"more": 1}}


def test_what_has_no_place_stays_in_its_own_shape() -> None:
    record = {
        "userIdentity": {"type": "IAMUser", "inScopeOf": {"a": 1}, "userName": 7},
        "newField": [1],
        "eventID": 12,
        "addendum": None,
    }
    assert to_ecs(record)["aws"]["cloudtrail"]["unmapped"] == {
        "userIdentity": {"inScopeOf": {"a": 1}, "userName": 7},
        "newField": [1],
        "eventID": 12,
    }


@given(RECORDS)
def test_no_value_of_any_record_is_lost(record: dict[str, Any]) -> None:
    before = copy.deepcopy(record)
    mapped = to_ecs(record)
    assert repr(record) == repr(before)
    expected = leaves(record)
    # Equal resources are told once.
    if not isinstance(record.get("resources"), list):
        assert expected <= leaves(mapped) + leaves(
            [
                json.loads(text)
                for name, text in mapped["aws"]["cloudtrail"].items()
                if name in ("request_parameters", "response_elements")
            ]
        )
    assert set(expected) <= set(leaves(mapped))


def test_what_parameters_and_answer_name_is_related_as_well() -> None:
    mapped = to_ecs(
        {
            "eventName": "RunInstances",
            "requestParameters": {"imageId": "ami-1", "roleName": 7, "tag": "no"},
            "responseElements": {
                "instancesSet": {"items": [{"instanceId": f"i-{n}"} for n in (1, 2)]},
                "role": {"arn": "arn:role", "roleName": "role"},
                "x": {"instanceId": "i-3"},
            },
        }
    )
    assert mapped["related"]["entity"] == ["ami-1", "i-1", "i-2", "role", "arn:role"]
    many = [{"instanceId": f"i-{n}"} for n in range(1_000)]
    record = {"responseElements": {"instancesSet": {"items": many}}}
    assert len(to_ecs(record)["related"]["entity"]) == 50


def test_there_is_no_empty_object_and_no_date_that_is_none() -> None:
    for time in ("yesterday", "2026-11-21", "2026-13-01T00:00:00Z", "20261121T000000Z"):
        session = {"attributes": {"creationDate": time}, "webIdFederationData": {}}
        record: dict[str, Any] = {
            "eventTime": time,
            "userIdentity": {"type": "T", "sessionContext": session, "inScopeOf": {}},
            "new": {"a": {}, "b": {"c": {}}},
            "newer": {"a": {}, "b": 1},
        }
        mapped = to_ecs(record)
        assert "@timestamp" not in mapped
        assert mapped["aws"]["cloudtrail"]["user_identity"] == {"type": "T"}
        assert mapped["aws"]["cloudtrail"]["unmapped"] == {
            "eventTime": time,
            "userIdentity": {"sessionContext": {"attributes": {"creationDate": time}}},
            "newer": {"b": 1},
        }
    assert to_ecs({"eventTime": "2026-11-21T09:30:00.123Z"})["@timestamp"]


@pytest.mark.parametrize(
    ("agent", "parts"),
    [
        (
            "[Boto3/1.26.165 Python/3.10.6 Linux/5.19.0-46-generic Botocore/1.29.165]",
            ("Boto3", "1.26.165", "Linux"),
        ),
        (
            "APN/1.0 HashiCorp/1.0 Terraform/1.1.2 (+https://www.terraform.io)",
            ("Terraform", "1.1.2", None),
        ),
        (
            "aws-cli/2.13.5 Python/3.11.4 Darwin/22.6.0 exe/x86_64 prompt/off",
            ("aws-cli", "2.13.5", None),
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) Version/16.5 Safari/605.1.15",
            ("Safari", "16.5", "Mac OS X"),
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like "
            "Gecko) Chrome/114.0.0.0 Safari/537.36 Edg/114.0.1823.51",
            ("Edge", "114.0.1823.51", "Windows"),
        ),
        ("AWS Internal", ("AWS Internal", None, None)),
        ("ec2.amazonaws.com", ("ec2.amazonaws.com", None, None)),
        ("", (None, None, None)),
    ],
)
def test_a_user_agent_is_taken_apart(
    agent: str, parts: tuple[str | None, str | None, str | None]
) -> None:
    found = to_ecs({"userAgent": agent})["user_agent"]
    assert found["original"] == agent
    system = found.get("os", {}).get("name")
    assert (found.get("name"), found.get("version"), system) == parts
