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
        ({"filters": [{"name": "state", "values": ["up"]}]}, (None, None)),
        ({"filters": [{"name": "vpc-id", "values": None}, 1, {}]}, (None, None)),
        ({"filters": {"vpc-id": 1}, "filterSet": {"items": 7}}, (None, None)),
    ],
)
def test_a_listing_is_of_what_its_filter_names(
    request_: dict[str, Any], expected: tuple[str | None, str | None]
) -> None:
    assert target({"requestParameters": request_}, "newthing") == expected
