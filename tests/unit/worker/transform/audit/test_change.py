from __future__ import annotations

import json
from typing import Any

import pytest

from worker.transform.audit import FIELDS, view
from worker.transform.audit.change import change
from worker.transform.audit.change_table import ATTRIBUTES, CHANGES, RULES

ARN = "arn:aws:iam::123456789012"
POLICY = {
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": [f"{ARN}:root", f"{ARN}:role/r"]}},
        {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}},
        {"Effect": "Deny", "Principal": "*"},
    ]
}


def _opened(*permissions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"groupId": "sg-1", "ipPermissions": {"items": [*permissions]}, **more}


def _ranges(*ranges: str) -> dict[str, Any]:
    return {"ipRanges": {"items": [{"cidrIp": one} for one in ranges]}}


TCP = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22}


@pytest.mark.parametrize(
    ("what", "request_parameters", "expected"),
    [
        (
            "iam:AttachRolePolicy",
            {"roleName": "r", "policyArn": f"{ARN}:policy/p"},
            "p",
        ),
        ("iam:AddUserToGroup", {"userName": "u", "groupName": "admins"}, "admins"),
        ("iam:PutUserPolicy", {"userName": "u", "policyName": "inline"}, "inline"),
        (
            "iam:UpdateAssumeRolePolicy",
            {"roleName": "r", "policyDocument": json.dumps(POLICY)},
            "123456789012 +2",
        ),
        (
            "s3:PutBucketPolicy",
            {"bucketName": "b", "bucketPolicy": POLICY},
            "123456789012 +2",
        ),
        (
            "s3:PutBucketPolicy",
            {"bucketPolicy": {"Statement": {"Principal": "*"}}},
            "*",
        ),
        ("s3:PutBucketPolicy", {"bucketPolicy": "{broken"}, None),
        ("s3:PutBucketAcl", {"x-amz-acl": ["public-read"]}, "public-read"),
        ("sqs:SetQueueAttributes", {"attributes": {"Policy": ""}}, "Policy"),
        (
            "sqs:SetQueueAttributes",
            {"attributes": {"Policy": "", "KmsMasterKeyId": "k"}},
            "Policy, KmsMasterKeyId",
        ),
        ("sqs:AddPermission", {"aWSAccountIds": ["1", "2"]}, "1 +1"),
        ("sns:SetTopicAttributes", {"attributeName": "Policy"}, "Policy"),
        ("lambda:AddPermission20150331v2", {"principal": "*"}, "*"),
        ("rds:ModifyDBSnapshotAttribute", {"valuesToAdd": ["all"]}, "all"),
        (
            "ec2:ModifySnapshotAttribute",
            {
                "createVolumePermission": {
                    "add": {"items": [{"userId": "1"}, {"group": "all"}]},
                    "remove": {"items": [{"userId": "2"}]},
                }
            },
            "1, all, without 2",
        ),
        (
            "ec2:ModifyInstanceAttribute",
            {"instanceId": "i-1", "userData": "<sensitiveDataRemoved>"},
            "userData",
        ),
        ("ec2:ModifyInstanceAttribute", {"instanceId": "i", "attribute": "x"}, "x"),
        (
            "ec2:AssociateIamInstanceProfile",
            {
                "AssociateIamInstanceProfileRequest": {
                    "InstanceId": "i-1",
                    "IamInstanceProfile": {"Name": "admin"},
                }
            },
            "admin",
        ),
        (
            "ec2:AuthorizeSecurityGroupIngress",
            _opened(TCP | _ranges("0.0.0.0/0")),
            "tcp 22 0.0.0.0/0",
        ),
        (
            "ec2:AuthorizeSecurityGroupIngress",
            _opened(
                TCP | {"toPort": 30} | _ranges("10.0.0.0/8", "0.0.0.0/0"),
                {"ipProtocol": "-1", "ipv6Ranges": {"items": [{"cidrIpv6": "::/0"}]}},
            ),
            "tcp 22-30 10.0.0.0/8 +2",
        ),
        (
            "ec2:RevokeSecurityGroupEgress",
            {"groupId": "sg-1", "ipPermissions": {}, "cidrIp": "0.0.0.0/0", **TCP},
            "tcp 22 0.0.0.0/0",
        ),
        (
            "ec2:CreateNetworkAclEntry",
            {
                "aclProtocol": "6",
                "cidrBlock": "0.0.0.0/0",
                "portRange": {"from": 22, "to": 22},
                "ruleAction": "allow",
            },
            "tcp 22 0.0.0.0/0 allow",
        ),
        ("guardduty:UpdateDetector", {"detectorId": "d", "enable": False}, "false"),
        ("iam:AttachRolePolicy", None, None),
        ("sqs:DeleteMessage", {"queueUrl": "q"}, None),
    ],
)
def test_the_second_half_of_a_change(
    what: str, request_parameters: object, expected: str | None
) -> None:
    assert change({"requestParameters": request_parameters}, what) == expected


def test_what_was_made_is_named_by_the_answer() -> None:
    record = {
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateAccessKey",
        "requestParameters": {"userName": "eve"},
        "responseElements": {"accessKey": {"accessKeyId": "AKIAEXAMPLE"}},
    }
    seen = view(record)
    assert (seen["to_what"], seen["with"]) == ("eve", "AKIAEXAMPLE")
    assert FIELDS[FIELDS.index("to_what_type") + 1] == "with"
    assert tuple(seen) == FIELDS


@pytest.mark.parametrize("what", [*CHANGES, *ATTRIBUTES, *RULES])
@pytest.mark.parametrize("odd", [None, 7, "text", [1, [2]], {"items": 7}])
def test_odd_parameters_say_nothing_and_break_nothing(what: str, odd: object) -> None:
    names = {
        part
        for path in CHANGES.get(what, "ipPermissions policyDocument").split()
        for part in path.lstrip(">#@-").split(".")
    }
    for parameters in (odd, dict.fromkeys(names, odd)):
        record = {"requestParameters": parameters, "responseElements": parameters}
        found = change(record, what)
        assert found is None or isinstance(found, str)
