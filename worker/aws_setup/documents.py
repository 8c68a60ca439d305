"""What is wanted, in AWS's own words: policies, patterns, attributes.

Sources: Amazon S3 User Guide, "Granting permissions to publish event notification
messages to a destination"; Amazon SNS Developer Guide, "Fanout to Amazon SQS queues";
Amazon EventBridge User Guide, "Using resource-based policies"; AWS CloudTrail User
Guide, "Amazon S3 bucket policy for CloudTrail"; Amazon SQS API, SetQueueAttributes.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from worker.aws_setup.wiring import Via

if TYPE_CHECKING:
    from worker.aws_setup.wiring import Wiring

Statement = dict[str, Any]
"""One statement of a policy, as JSON has it."""

Document = dict[str, Any]

VERSION: Final = "2012-10-17"
OBJECT_CREATED: Final = "s3:ObjectCreated:*"

VISIBILITY_TIMEOUT_S: Final = 600
RETENTION_S: Final = 7 * 24 * 3600
WAIT_S: Final = 20
MAX_RECEIVE_COUNT: Final = 10
DEAD_LETTER_RETENTION_S: Final = 14 * 24 * 3600
"""The most that SQS has; a message's age goes on from its first queue."""

READER_ACTIONS: Final = (
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueAttributes",
)

PUBLIC_ACCESS_BLOCK: Final = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


def policy(*statements: Statement) -> Document:
    """A policy with these statements."""
    return {"Version": VERSION, "Statement": [*statements]}


def queue_statement(wiring: Wiring) -> Statement:
    """Lets what announces, and nothing else, send to the queue."""
    match wiring.via:
        case Via.S3:
            return _sending("s3", wiring.queue_arn, "sqs:SendMessage", _bucket(wiring))
        case Via.SNS:
            source = {"ArnEquals": {"aws:SourceArn": wiring.topic_arn}}
            return _sending("sns", wiring.queue_arn, "sqs:SendMessage", source)
        case Via.EVENTBRIDGE:
            source = {"ArnEquals": {"aws:SourceArn": wiring.rule_arn}}
            return _sending("events", wiring.queue_arn, "sqs:SendMessage", source)


def topic_statement(wiring: Wiring) -> Statement:
    """Lets the bucket publish to the topic."""
    return _sending("s3", wiring.topic_arn, "sns:Publish", _bucket(wiring))


def trail_statements(wiring: Wiring) -> tuple[Statement, Statement]:
    """Let the account's trails write to a bucket that is made for them."""
    trails = f"arn:{wiring.partition.name}:cloudtrail:*:{wiring.account}:trail/*"
    by_trails = {"ArnLike": {"aws:SourceArn": trails}}
    cloudtrail = {"Service": "cloudtrail.amazonaws.com"}
    return (
        {
            "Sid": "CloudTrailAclCheck",
            "Effect": "Allow",
            "Principal": cloudtrail,
            "Action": "s3:GetBucketAcl",
            "Resource": wiring.bucket_arn,
            "Condition": by_trails,
        },
        {
            "Sid": "CloudTrailWrite",
            "Effect": "Allow",
            "Principal": cloudtrail,
            "Action": "s3:PutObject",
            "Resource": f"{wiring.bucket_arn}/{wiring.prefix}*",
            "Condition": {
                **by_trails,
                "StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"},
            },
        },
    )


def reader_policy(wiring: Wiring) -> Document:
    """What trailfeed itself may do, and no more."""
    of_account = {"StringEquals": {"aws:ResourceAccount": wiring.bucket_account}}
    # A queue may have several buckets, each with statements of its own.
    mark = _mark(wiring.bucket)
    send = ("sqs:SendMessage",) if wiring.can_send else ()
    statements: list[Statement] = [
        {
            "Sid": "Queue",
            "Effect": "Allow",
            "Action": [*READER_ACTIONS, *send],
            "Resource": wiring.queue_arn,
        },
        {
            "Sid": f"Objects{mark}",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": f"{wiring.bucket_arn}/{wiring.prefix}*",
            "Condition": of_account,
        },
        # Without it a missing object looks like a forbidden one. A condition on
        # s3:prefix would undo that: reading an object brings no such key.
        {
            "Sid": f"Bucket{mark}",
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": wiring.bucket_arn,
            "Condition": of_account,
        },
    ]
    if wiring.kms_keys:
        statements.append(
            {
                "Sid": f"Keys{mark}",
                "Effect": "Allow",
                "Action": ["kms:Decrypt", *(["kms:GenerateDataKey"] if send else [])],
                "Resource": [*wiring.kms_keys],
            }
        )
    return policy(*statements)


def redrive_policy(wiring: Wiring) -> Document:
    """Where the queue leaves what was received ten times."""
    return {
        "deadLetterTargetArn": wiring.dead_letter_queue_arn,
        "maxReceiveCount": MAX_RECEIVE_COUNT,
    }


def redrive_allow_policy(wiring: Wiring) -> Document:
    """Whose messages the dead-letter queue takes."""
    return {"redrivePermission": "byQueue", "sourceQueueArns": [wiring.queue_arn]}


def event_pattern(wiring: Wiring) -> Document:
    """Which of the bus's events the rule takes."""
    return {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "account": [wiring.bucket_account],
        "detail": {
            "bucket": {"name": [wiring.bucket]},
            "object": {"key": [{"prefix": wiring.prefix}]},
        },
    }


def destination_arn(wiring: Wiring) -> str:
    """Where the bucket's notification goes; empty with EventBridge."""
    match wiring.via:
        case Via.S3:
            return wiring.queue_arn
        case Via.SNS:
            return wiring.topic_arn
        case Via.EVENTBRIDGE:
            return ""


def _bucket(wiring: Wiring) -> Document:
    """The condition that names exactly this bucket of this account.

    The ARN has no account: without the second half a bucket of the same name that
    another account makes after a deletion would do.
    """
    return {
        "ArnEquals": {"aws:SourceArn": wiring.bucket_arn},
        "StringEquals": {"aws:SourceAccount": wiring.bucket_account},
    }


def _sending(
    service: str, resource: str, action: str, condition: Document
) -> Statement:
    source = condition["ArnEquals"]["aws:SourceArn"]
    # A queue may have several sources, each with a statement of its own.
    return {
        "Sid": f"From{service.capitalize()}{_mark(source)}",
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": action,
        "Resource": resource,
        "Condition": condition,
    }


def _mark(name: str) -> str:
    """Letters and digits, as the names of statements want, in the place of any text."""
    return f"x{hashlib.sha256(name.encode()).hexdigest()[:8]}"
