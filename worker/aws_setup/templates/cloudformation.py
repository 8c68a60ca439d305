"""A CloudFormation template.

Source: AWS CloudFormation User Guide, resource and property reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.aws_setup.announcing import QUEUES, new_notification
from worker.aws_setup.documents import (
    DEAD_LETTER_RETENTION_S,
    PUBLIC_ACCESS_BLOCK,
    RETENTION_S,
    VISIBILITY_TIMEOUT_S,
    WAIT_S,
    event_pattern,
    policy,
    queue_statement,
    reader_policy,
    redrive_allow_policy,
    redrive_policy,
    topic_statement,
    trail_statements,
)
from worker.aws_setup.templates.expression import Expression, substituted
from worker.aws_setup.templates.remarks import (
    command,
    comment,
    config_remark,
    foreign_remark,
    subject,
    verbatim,
)
from worker.aws_setup.templates.yaml_text import yaml_lines
from worker.aws_setup.wiring import Via

if TYPE_CHECKING:
    from worker.aws_setup.wiring import Wiring

Resource = dict[str, Any]

_FORMAT: Final = "2010-09-09"
_QUEUE: Final = Expression("!GetAtt Queue.Arn")


def template(wiring: Wiring) -> str:
    """Return the whole template (YAML), with remarks."""
    names = {
        wiring.queue_arn: _QUEUE,
        wiring.dead_letter_queue_arn: Expression("!GetAtt DeadLetterQueue.Arn"),
        wiring.topic_arn: Expression("!Ref Topic"),
        wiring.rule_arn: Expression("!GetAtt Rule.Arn"),
    }
    resources = {**_queues(wiring), **_between(wiring)}
    if wiring.is_new_bucket:
        resources |= _bucket(wiring)
    if wiring.has_reader:
        resources["ReaderPolicy"] = _reader(wiring)
    resources = substituted(resources, names)
    # It would refer to the queue, and the queue refers to it.
    resources["DeadLetterQueue"] |= {
        "Properties": resources["DeadLetterQueue"]["Properties"]
        | {"RedriveAllowPolicy": redrive_allow_policy(wiring)}
    }
    document = {
        "AWSTemplateFormatVersion": _FORMAT,
        "Description": f"{wiring.bucket} to trailfeed, by {wiring.queue}",
        "Resources": resources,
        "Outputs": _outputs(wiring),
    }
    text = "\n".join(yaml_lines(document))
    return f"{_header(wiring)}{text}\n\n{config_remark(wiring)}"


def _queues(wiring: Wiring) -> dict[str, Resource]:
    return {
        "DeadLetterQueue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": wiring.dead_letter_queue,
                "MessageRetentionPeriod": DEAD_LETTER_RETENTION_S,
                "SqsManagedSseEnabled": True,
            },
        },
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": wiring.queue,
                "VisibilityTimeout": VISIBILITY_TIMEOUT_S,
                "MessageRetentionPeriod": RETENTION_S,
                "ReceiveMessageWaitTimeSeconds": WAIT_S,
                "SqsManagedSseEnabled": True,
                "RedrivePolicy": redrive_policy(wiring),
            },
        },
        "QueuePolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [Expression("!Ref Queue")],
                "PolicyDocument": policy(queue_statement(wiring)),
            },
        },
    }


def _between(wiring: Wiring) -> dict[str, Resource]:
    match wiring.via:
        case Via.S3:
            return {}
        case Via.SNS:
            return {
                "Topic": {
                    "Type": "AWS::SNS::Topic",
                    "Properties": {"TopicName": wiring.topic},
                },
                "TopicPolicy": {
                    "Type": "AWS::SNS::TopicPolicy",
                    "Properties": {
                        "Topics": [wiring.topic_arn],
                        "PolicyDocument": policy(topic_statement(wiring)),
                    },
                },
                "Subscription": {
                    "Type": "AWS::SNS::Subscription",
                    "DependsOn": "QueuePolicy",
                    "Properties": {
                        "TopicArn": wiring.topic_arn,
                        "Protocol": "sqs",
                        "Endpoint": wiring.queue_arn,
                    },
                },
            }
        case Via.EVENTBRIDGE:
            return {
                "Rule": {
                    "Type": "AWS::Events::Rule",
                    "Properties": {
                        "Name": wiring.rule,
                        "State": "ENABLED",
                        "EventPattern": event_pattern(wiring),
                        "Targets": [{"Id": "trailfeed", "Arn": wiring.queue_arn}],
                    },
                }
            }


def _bucket(wiring: Wiring) -> dict[str, Resource]:
    depends_on = {Via.S3: "QueuePolicy", Via.SNS: "TopicPolicy"}.get(wiring.via)
    return {
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            **({"DependsOn": depends_on} if depends_on else {}),
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "BucketName": wiring.bucket,
                "PublicAccessBlockConfiguration": PUBLIC_ACCESS_BLOCK,
                "NotificationConfiguration": _notification(wiring),
            },
        },
        "BucketPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": Expression("!Ref Bucket"),
                "PolicyDocument": policy(*trail_statements(wiring)),
            },
        },
    }


def _notification(wiring: Wiring) -> dict[str, Any]:
    if wiring.via is Via.EVENTBRIDGE:
        return {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    wanted = new_notification(wiring)
    kind, arn = QUEUES, "Queue"
    if wiring.via is Via.SNS:
        kind, arn = "TopicConfigurations", "Topic"
    one = {"Event": wanted["Events"][0], arn: wanted[f"{arn}Arn"]}
    if wiring.prefix:
        one["Filter"] = {"S3Key": {"Rules": wanted["Filter"]["Key"]["FilterRules"]}}
    return {kind: [one]}


def _reader(wiring: Wiring) -> Resource:
    return {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "ManagedPolicyName": wiring.policy,
            "Description": f"What trailfeed needs to read {wiring.queue}",
            "PolicyDocument": reader_policy(wiring),
            **({"Roles": [wiring.role]} if wiring.role else {}),
        },
    }


def _outputs(wiring: Wiring) -> dict[str, Any]:
    outputs = {"QueueUrl": {"Value": Expression("!Ref Queue")}}
    if wiring.has_reader:
        outputs["ReaderPolicyArn"] = {"Value": Expression("!Ref ReaderPolicy")}
    return outputs


def _header(wiring: Wiring) -> str:
    deploy = verbatim(
        "aws cloudformation deploy --stack-name trailfeed --template-file FILE \\",
        f"  --region {wiring.region} --capabilities CAPABILITY_NAMED_IAM",
    )
    text = comment(subject(wiring), f"For account {wiring.account}:") + deploy
    if wiring.is_new_bucket:
        return f"{text}\n"
    if wiring.is_foreign_bucket:
        return f"{text}#\n{foreign_remark(wiring)}\n"
    later = comment(
        "It leaves out one thing: the bucket is there already, and CloudFormation "
        "could only replace all of its notifications, those of others among them. "
        "Afterwards have this one added to them:",
    )
    return f"{text}#\n{later}{verbatim(command(wiring, '--apply'))}\n"
