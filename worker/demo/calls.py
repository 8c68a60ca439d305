"""The calls of the demo's account: the life of one queue, and its everyday noise.

Source: SQS developer guide, "Logging Amazon SQS API calls using AWS CloudTrail".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from worker.demo.aws import ACCOUNT_ID, REGION
from worker.demo.events import Call, Caller

_CLI = "aws-cli/2.31.9 md/awscrt#0.27.6 ua/2.1 os/linux#6.12 lang/python#3.13.7"

ALICE = Caller("IAMUser", "alice", "203.0.113.24", _CLI)
MALLORY = Caller("IAMUser", "mallory", "198.51.100.77", _CLI)
DEPLOY = Caller(
    "AssumedRole",
    "deploy-role",
    "203.0.113.80",
    "APN/1.0 HashiCorp/1.0 Terraform/1.13.3",
    session="ci-4711",
)
READER = Caller(
    "AssumedRole",
    "log-reader-role",
    "10.0.12.7",
    "Boto3/1.40.0 md/Botocore#1.40.0 os/linux lang/python#3.13.7",
    session="trailfeed",
)
S3 = Caller("AWSService", "s3.amazonaws.com", "s3.amazonaws.com", "s3.amazonaws.com")
EC2 = Caller(
    "AWSService", "ec2.amazonaws.com", "ec2.amazonaws.com", "ec2.amazonaws.com"
)

_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"  # CloudTrail's own words
_LOG_QUEUE = "cloudtrail-events-queue"
_JOB_QUEUE = "orders-queue"


def _sqs(
    caller: Caller,
    name: str,
    request: dict[str, Any] | None = None,
    *,
    queue: str = _LOG_QUEUE,
    response: dict[str, Any] | None = None,
    is_data: bool = False,
) -> Call:
    url = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/{queue}"
    return Call(
        caller=caller,
        service="sqs",
        name=name,
        request={"queueUrl": url} | (request or {}),
        response=response,
        resource=("AWS::SQS::Queue", f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{queue}"),
        is_data=is_data,
        is_read_only=name in {"ReceiveMessage", "GetQueueAttributes"},
    )


_CREATE = _sqs(DEPLOY, "CreateQueue")
_SEND = _sqs(
    S3,
    "SendMessage",
    {"messageBody": _HIDDEN},
    response={
        "mD5OfMessageBody": "7e0d0f42a9a7a4d8f0f3b8b8f2c1a6de",
        "messageId": "5f0d6f2c-8f6f-4a53-9a0c-0d3c3f1d7a10",
    },
    is_data=True,
)
_RECEIVE = _sqs(
    READER,
    "ReceiveMessage",
    {"maxNumberOfMessages": 10, "visibilityTimeout": 600, "waitTimeSeconds": 20},
    is_data=True,
)
_DELETE = _sqs(
    READER, "DeleteMessage", {"receiptHandle": "AQEBexampleHandle=="}, is_data=True
)

# Every kind of call that SQS has audited, in the order of a queue's life.
QUEUE_LIFE = (
    replace(
        _CREATE,
        request={
            "queueName": _LOG_QUEUE,
            "attributes": {
                "VisibilityTimeout": "600",
                "MessageRetentionPeriod": "604800",
                "ReceiveMessageWaitTimeSeconds": "20",
            },
        },
        response=_CREATE.request,
    ),
    _sqs(DEPLOY, "SetQueueAttributes", {"attributes": {"VisibilityTimeout": "600"}}),
    _SEND,
    _RECEIVE,
    _DELETE,
    _sqs(
        MALLORY,
        "AddPermission",
        {"actions": ["*"], "aWSAccountIds": ["999999999999"], "label": "everyone"},
    ),
    replace(
        _sqs(MALLORY, "DeleteQueue"),
        error=(
            "AccessDenied",
            f"User: arn:aws:iam::{ACCOUNT_ID}:user/mallory is not authorized to "
            "perform: sqs:deletequeue because no identity-based policy allows it",
        ),
    ),
    _sqs(ALICE, "RemovePermission", {"label": "everyone"}),
    _sqs(ALICE, "PurgeQueue", queue=_JOB_QUEUE),
    _sqs(DEPLOY, "DeleteQueue", queue=_JOB_QUEUE),
)

_DATA_BUCKET = "orders-data"
_INSTANCES = {"instancesSet": {"items": [{"instanceId": "i-0a1b2c3d4e5f60718"}]}}
_NODE_ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/node-role"
_NODE_SESSION = f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/node-role/i-0a1b2c3d4e5f60718"

# What happens all day, with its weight.
EVERYDAY = (
    (_SEND, 8),
    (_RECEIVE, 6),
    (_DELETE, 6),
    (
        Call(
            caller=READER,
            service="s3",
            name="GetObject",
            request={
                "bucketName": _DATA_BUCKET,
                "key": "2026/orders.parquet",
                "Host": f"{_DATA_BUCKET}.s3.{REGION}.amazonaws.com",
            },
            resource=(
                "AWS::S3::Object",
                f"arn:aws:s3:::{_DATA_BUCKET}/2026/orders.parquet",
            ),
            is_data=True,
            is_read_only=True,
        ),
        8,
    ),
    (
        Call(
            caller=ALICE,
            service="s3",
            name="PutBucketPolicy",
            request={"bucketName": _DATA_BUCKET, "policy": ""},
            resource=("AWS::S3::Bucket", f"arn:aws:s3:::{_DATA_BUCKET}"),
        ),
        1,
    ),
    (
        Call(
            caller=EC2,
            service="sts",
            name="AssumeRole",
            request={
                "roleArn": _NODE_ROLE,
                "roleSessionName": "i-0a1b2c3d4e5f60718",
            },
            response={
                "assumedRoleUser": {
                    "assumedRoleId": "AROAEXAMPLEEXAMPLE00:i-0a1b2c3d4e5f60718",
                    "arn": _NODE_SESSION,
                },
            },
            resource=("AWS::IAM::Role", _NODE_ROLE),
            is_read_only=True,
        ),
        5,
    ),
    (
        Call(
            caller=ALICE,
            service="iam",
            name="CreateUser",
            request={"userName": "build-bot"},
            response={
                "user": {
                    "path": "/",
                    "userName": "build-bot",
                    "arn": f"arn:aws:iam::{ACCOUNT_ID}:user/build-bot",
                },
            },
        ),
        1,
    ),
    (
        Call(
            caller=MALLORY,
            service="iam",
            name="AttachUserPolicy",
            request={
                "userName": "mallory",
                "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess",
            },
            error=("AccessDenied", "not authorized to perform: iam:AttachUserPolicy"),
        ),
        1,
    ),
    (
        Call(
            caller=DEPLOY,
            service="ec2",
            name="RunInstances",
            request={"instanceType": "c7g.large", "monitoring": {"enabled": True}},
            response=_INSTANCES,
        ),
        1,
    ),
    (
        Call(
            caller=ALICE,
            service="ec2",
            name="DescribeInstances",
            request=_INSTANCES,
            is_read_only=True,
        ),
        6,
    ),
)
