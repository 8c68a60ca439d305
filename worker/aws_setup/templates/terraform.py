"""A Terraform configuration.

Source: Terraform Registry, provider hashicorp/aws, 5.x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.aws_setup.announcing import new_notification
from worker.aws_setup.documents import (
    DEAD_LETTER_RETENTION_S,
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
from worker.aws_setup.templates.hcl_text import Block, block_text, encoded
from worker.aws_setup.templates.remarks import (
    command,
    comment,
    config_remark,
    foreign_remark,
    subject,
    verbatim,
)
from worker.aws_setup.wiring import Via

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.aws_setup.wiring import Wiring

PROVIDER_VERSION: Final = ">= 5.0"

_QUEUE_URL: Final = Expression("aws_sqs_queue.events.url")
_DEAD_LETTER_URL: Final = Expression("aws_sqs_queue.dead_letter.url")
_BUCKET: Final = Expression("aws_s3_bucket.trail.id")
_POLICY_ARN: Final = Expression("aws_iam_policy.reader.arn")
_DEPENDS_ON: Final = {
    Via.S3: Expression("aws_sqs_queue_policy.events"),
    Via.SNS: Expression("aws_sns_topic_policy.events"),
}


def template(wiring: Wiring) -> str:
    """Return the whole configuration (HCL), with remarks."""
    blocks = [
        Block(
            "terraform",
            blocks=(
                Block(
                    "required_providers",
                    {"aws": {"source": "hashicorp/aws", "version": PROVIDER_VERSION}},
                ),
            ),
        ),
        Block(
            'provider "aws"',
            {"region": wiring.region, "allowed_account_ids": [wiring.account]},
        ),
        *_queues(wiring),
        *_between(wiring),
        *_bucket(wiring),
        *_reader(wiring),
        Block('output "queue_url"', {"value": _QUEUE_URL}),
    ]
    text = "\n\n".join(block_text(block) for block in blocks)
    return f"{_header(wiring)}\n{text}\n\n{config_remark(wiring)}"


def _json(wiring: Wiring, value: Any) -> Expression:
    """JSON of a document, with references for what the file makes."""
    names = {
        wiring.queue_arn: Expression("aws_sqs_queue.events.arn"),
        wiring.dead_letter_queue_arn: Expression("aws_sqs_queue.dead_letter.arn"),
        wiring.topic_arn: Expression("aws_sns_topic.events.arn"),
        wiring.rule_arn: Expression("aws_cloudwatch_event_rule.events.arn"),
    }
    return encoded(substituted(value, names))


def _queues(wiring: Wiring) -> Iterator[Block]:
    yield _resource(
        "aws_sqs_queue",
        "dead_letter",
        {
            "name": wiring.dead_letter_queue,
            "message_retention_seconds": DEAD_LETTER_RETENTION_S,
            "sqs_managed_sse_enabled": True,
        },
    )
    yield _resource(
        "aws_sqs_queue_redrive_allow_policy",
        "dead_letter",
        {
            "queue_url": _DEAD_LETTER_URL,
            "redrive_allow_policy": _json(wiring, redrive_allow_policy(wiring)),
        },
    )
    yield _resource(
        "aws_sqs_queue",
        "events",
        {
            "name": wiring.queue,
            "visibility_timeout_seconds": VISIBILITY_TIMEOUT_S,
            "message_retention_seconds": RETENTION_S,
            "receive_wait_time_seconds": WAIT_S,
            "sqs_managed_sse_enabled": True,
            "redrive_policy": _json(wiring, redrive_policy(wiring)),
        },
    )
    yield _resource(
        "aws_sqs_queue_policy",
        "events",
        {
            "queue_url": _QUEUE_URL,
            "policy": _json(wiring, policy(queue_statement(wiring))),
        },
    )


def _between(wiring: Wiring) -> Iterator[Block]:
    queue_arn = Expression("aws_sqs_queue.events.arn")
    match wiring.via:
        case Via.S3:
            return
        case Via.SNS:
            topic_arn = Expression("aws_sns_topic.events.arn")
            yield _resource("aws_sns_topic", "events", {"name": wiring.topic})
            yield _resource(
                "aws_sns_topic_policy",
                "events",
                {
                    "arn": topic_arn,
                    "policy": _json(wiring, policy(topic_statement(wiring))),
                },
            )
            yield _resource(
                "aws_sns_topic_subscription",
                "events",
                {"topic_arn": topic_arn, "protocol": "sqs", "endpoint": queue_arn},
                last={"depends_on": [Expression("aws_sqs_queue_policy.events")]},
            )
        case Via.EVENTBRIDGE:
            yield _resource(
                "aws_cloudwatch_event_rule",
                "events",
                {
                    "name": wiring.rule,
                    "event_pattern": _json(wiring, event_pattern(wiring)),
                },
            )
            yield _resource(
                "aws_cloudwatch_event_target",
                "events",
                {
                    "rule": Expression("aws_cloudwatch_event_rule.events.name"),
                    "target_id": "trailfeed",
                    "arn": queue_arn,
                },
            )


def _bucket(wiring: Wiring) -> Iterator[Block]:
    if wiring.is_new_bucket:
        yield _resource("aws_s3_bucket", "trail", {"bucket": wiring.bucket})
        yield _resource(
            "aws_s3_bucket_public_access_block",
            "trail",
            {
                "bucket": _BUCKET,
                "block_public_acls": True,
                "ignore_public_acls": True,
                "block_public_policy": True,
                "restrict_public_buckets": True,
            },
        )
        yield _resource(
            "aws_s3_bucket_policy",
            "trail",
            {
                "bucket": _BUCKET,
                "policy": _json(wiring, policy(*trail_statements(wiring))),
            },
        )
    if not wiring.is_foreign_bucket:
        yield _notification(wiring)


def _notification(wiring: Wiring) -> Block:
    head: dict[str, Any] = {
        "bucket": _BUCKET if wiring.is_new_bucket else wiring.bucket
    }
    if wiring.via is Via.EVENTBRIDGE:
        return _resource(
            "aws_s3_bucket_notification", "trail", {**head, "eventbridge": True}
        )
    wanted = new_notification(wiring)
    kind = "topic" if wiring.via is Via.SNS else "queue"
    made_by = "aws_sns_topic" if wiring.via is Via.SNS else "aws_sqs_queue"
    attributes = {
        "id": wanted["Id"],
        f"{kind}_arn": Expression(f"{made_by}.events.arn"),
        "events": wanted["Events"],
        **({"filter_prefix": wiring.prefix} if wiring.prefix else {}),
    }
    return _resource(
        "aws_s3_bucket_notification",
        "trail",
        head,
        blocks=(Block(kind, attributes),),
        last={"depends_on": [_DEPENDS_ON[wiring.via]]},
    )


def _reader(wiring: Wiring) -> Iterator[Block]:
    if not wiring.has_reader:
        return
    yield _resource(
        "aws_iam_policy",
        "reader",
        {
            "name": wiring.policy,
            "description": f"What trailfeed needs to read {wiring.queue}",
            "policy": _json(wiring, reader_policy(wiring)),
        },
    )
    if wiring.role:
        yield _resource(
            "aws_iam_role_policy_attachment",
            "reader",
            {"role": wiring.role, "policy_arn": _POLICY_ARN},
        )
    else:
        yield Block('output "reader_policy_arn"', {"value": _POLICY_ARN})


def _resource(
    kind: str,
    name: str,
    attributes: dict[str, Any],
    *,
    blocks: tuple[Block, ...] = (),
    last: dict[str, Any] | None = None,
) -> Block:
    return Block(f'resource "{kind}" "{name}"', attributes, blocks, last or {})


def _header(wiring: Wiring) -> str:
    text = comment(subject(wiring), f"For account {wiring.account}.")
    if wiring.is_new_bucket:
        return text
    if wiring.is_foreign_bucket:
        return f"{text}#\n{foreign_remark(wiring)}"
    warning = comment(
        "CAUTION: aws_s3_bucket_notification replaces all notifications that the "
        "bucket has, those of others among them. If it has any, either write them "
        "into that resource, too, or delete the resource and let this one be added "
        "to them:"
    )
    return f"{text}#\n{warning}{verbatim(command(wiring, '--apply'))}"
