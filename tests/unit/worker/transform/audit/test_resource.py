from __future__ import annotations

from typing import Any

import pytest

from worker.transform.audit.resource import target

ARN = "arn:aws:iam::123456789012"
QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:jobs"
ROTATED = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-aB3"


@pytest.mark.parametrize(
    ("service", "request_parameters", "expected"),
    [
        ("sqs", {"queueUrl": "https://sqs.example/123456789012/q"}, ("q", "queue")),
        ("sqs", {"queueName": "q", "attributes": {}}, ("q", "queue")),
        ("s3", {"bucketName": "b", "key": "a/b.json"}, ("b/a/b.json", "object")),
        ("s3", {"bucketName": "b", "key": None}, ("b", "bucket")),
        ("lambda", {"functionName": f"{ARN}:function:f"}, ("f", "function")),
        ("dynamodb", {"tableName": "t"}, ("t", "table")),
        ("kms", {"keyId": f"{ARN}:key/11-22"}, ("11-22", "key")),
        ("kms", {"keyId": "alias/app"}, ("alias/app", "key")),
        ("iam", {"policyArn": f"{ARN}:policy/p", "roleName": "r"}, ("r", "role")),
        ("sts", {"roleArn": f"{ARN}:role/node"}, ("node", "role")),
        ("secretsmanager", {"secretId": ROTATED}, ("db-aB3", "secret")),
        ("logs", {"logGroupName": "/aws/lambda/f"}, ("/aws/lambda/f", "log group")),
        ("ssm", {"names": ["/a", "/b", "/c"]}, ("/a +2", "parameter")),
        (
            "ec2",
            {"instancesSet": {"items": [{"instanceId": "i-1"}, {"instanceId": "i-2"}]}},
            ("i-1 +1", "instance"),
        ),
        (
            "ec2",
            {"DeleteNatGatewayRequest": {"NatGatewayId": "nat-1"}},
            ("nat-1", "natGatewayId"),
        ),
        (
            "ec2",
            {"volumeSet": {"items": [{"volumeId": "vol-1"}]}, "filterSet": {}},
            ("vol-1", "volumeId"),
        ),
        (
            "ec2",
            {"DeleteFlowLogsRequest": {"FlowLogId": {"tag": 1, "content": "fl-1"}}},
            ("fl-1", "flowLogId"),
        ),
        # A service that no table knows: named by the parameter, and nothing made up.
        ("newthing", {"maxResults": 5, "widgetId": "w-1"}, ("w-1", "widgetId")),
        ("newthing", {"dryRun": True}, (None, None)),
        (None, {"roleSessionName": "s"}, (None, None)),
        ("sqs", None, (None, None)),
        ("sqs", "HIDDEN", (None, None)),
    ],
)
def test_the_request_names_the_target(
    service: str | None, request_parameters: object, expected: tuple[str, str]
) -> None:
    assert target({"requestParameters": request_parameters}, service) == expected


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([{"ARN": QUEUE_ARN, "type": "AWS::SQS::Queue"}], ("jobs", "queue")),
        ([{"ARN": f"{ARN}:role/a"}, {"arn": f"{ARN}:role/b"}, {}], ("a +1", None)),
        (["arn:aws:s3:::logs/a/b"], ("logs/a/b", None)),
        ([{"accountId": "1"}, 7, None], (None, None)),
    ],
)
def test_resources_stand_in_for_the_request(
    resources: list[Any], expected: tuple[str | None, str | None]
) -> None:
    record = {"requestParameters": {"encryptionContext": {}}, "resources": resources}
    assert target(record, "kms") == expected


@pytest.mark.parametrize(
    ("service", "action", "response", "expected"),
    [
        ("sqs", "CreateQueue", {"queueUrl": "https://h/1/q"}, ("q", "queue")),
        ("ec2", "CreateSubnet", {"subnet": {"subnetId": "s-1"}}, ("s-1", "subnet")),
        ("newthing", "MakeWidget", {"widgetArn": f"{ARN}:w/1"}, ("1", "widgetArn")),
    ],
)
def test_the_answer_names_what_was_made(
    service: str, action: str, response: dict[str, Any], expected: tuple[str, str]
) -> None:
    request = {"vpcId": "vpc-1"} if service == "ec2" else None
    record = {
        "eventName": action,
        "requestParameters": request,
        "responseElements": response,
    }
    assert target(record, service) == expected


def test_an_event_of_the_service_itself_names_it_elsewhere() -> None:
    rotation = {"additionalEventData": {"SecretId": ROTATED}}
    assert target(rotation, "secretsmanager") == ("db-aB3", "secret")
    deletion = {"additionalEventData": {"ARN": ROTATED, "Name": "db"}}
    assert target(deletion, "secretsmanager") == ("db-aB3", "secret")
    shared = {"serviceEventDetails": {"snapshotId": "snap-1"}}
    assert target(shared, "ec2") == ("snap-1", "snapshotId")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            {"filters": [{"name": "vpc-id", "values": ["vpc-1", "vpc-2"]}]},
            ("vpc-1 +1", "vpc-id"),
        ),
        (
            {"filters": [{"key": "InstanceIds", "values": ["i-1"]}]},
            ("i-1", "InstanceIds"),
        ),
        (
            {
                "filterSet": {
                    "items": [
                        {"name": "state", "valueSet": {"items": [{"value": "up"}]}},
                        {"name": "vpc-id", "valueSet": {"items": [{"value": "vpc-1"}]}},
                    ]
                },
                "subnetSet": {},
            },
            ("vpc-1", "vpc-id"),
        ),
        ({"vpcSet": {"item": [{"vpcId": "vpc-1"}]}}, ("vpc-1", "vpcId")),
        (
            {
                "DescribeNatGatewaysRequest": {
                    "MaxResults": 5,
                    "Filter": {"Name": "vpc-id", "Value": {"tag": 1, "content": "v-1"}},
                }
            },
            ("v-1", "vpc-id"),
        ),
        (
            {
                "DescribeVpcEndpointsRequest": {
                    "Filter": [
                        {"Name": "state", "Value": {"content": "up"}},
                        {
                            "Name": "vpc-id",
                            "Value": [{"content": "v-1"}, {"content": "v-2"}],
                        },
                    ]
                }
            },
            ("v-1 +1", "vpc-id"),
        ),
        (
            {"securityGroupSet": {"items": [{"groupName": "web"}]}, "filterSet": {}},
            ("web", "groupName"),
        ),
        ({"keySet": {"items": [{"keyName": "k"}]}}, ("k", "keyName")),
        ({"maxResults": 10, "serviceCode": "ec2"}, ("ec2", "serviceCode")),
        ({"Filter": {"Name": "vpc-id", "Value": 7}}, (None, None)),
        ({"filters": [{"name": "state", "values": ["up"]}]}, (None, None)),
        ({"filters": [{"name": "vpc-id", "values": None}, 1, {}]}, (None, None)),
        ({"filters": {"vpc-id": 1}, "filterSet": {"items": 7}}, (None, None)),
    ],
)
def test_a_listing_is_of_what_its_filter_names(
    request_: dict[str, Any], expected: tuple[str | None, str | None]
) -> None:
    assert target({"requestParameters": request_}, "newthing") == expected


DENIED = "User: arn:aws:iam::1:user/eve is not authorized to perform: "


@pytest.mark.parametrize(
    ("service", "message", "expected"),
    [
        (
            "sqs",
            f"sqs:SendMessage on resource: {QUEUE_ARN} because no",
            ("jobs", "queue"),
        ),
        (
            "s3",
            's3:GetObject on resource: "arn:aws:s3:::b/k.json" with',
            ("b/k.json", "object"),
        ),
        ("s3", "s3:ListBucket on resource: arn:aws:s3:::b", ("b", "bucket")),
        ("sts", f"sts:AssumeRole on resource: {ARN}:role/admin", ("admin", "role")),
        ("iam", "iam:GetUser on resource: user jane because no", ("jane", "user")),
        (
            "ec2",
            f"ec2:X on resource: {ARN}:security-group/sg-1.",
            ("sg-1", "security group"),
        ),
        (
            "ec2",
            f"ec2:X on resource: {ARN}:instance/* because",
            ("instance/*", "instance"),
        ),
        ("iam", "iam:ListUsers on resource: * because no identity", ("*", None)),
        ("lambda", f"lambda:X on resource: {ARN}:function:f:1", ("f:1", "function")),
        (
            "ssm",
            "ssm:GetParameter on resource: arn:aws:odd because",
            ("arn:aws:odd", None),
        ),
        ("kms", "kms:Decrypt on the resource associated with this", (None, None)),
        ("kms", "kms:Decrypt on resource: ", (None, None)),
        ("sqs", 7, (None, None)),
    ],
)
def test_a_denied_call_is_for_what_its_message_names(
    service: str, message: object, expected: tuple[str | None, str | None]
) -> None:
    text = DENIED + message if isinstance(message, str) else message
    record = {"requestParameters": None, "errorMessage": text}
    assert target(record, service) == expected
    # What the request says is nearer.
    record["requestParameters"] = {"queueUrl": "https://h/1/asked"}
    if service == "sqs":
        assert target(record, service) == ("asked", "queue")
