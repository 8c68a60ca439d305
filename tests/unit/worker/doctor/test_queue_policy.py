"""Who may send to the queue: what AWS's own examples and hand-written policies say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.doctor.queue_policy import (
    ANYONE,
    EVENTS,
    S3,
    SNS,
    QueuePolicy,
    Sender,
    parse_policy,
)

QUEUE = "arn:aws:sqs:us-east-1:123456789012:events"
BUCKET = "arn:aws:s3:::logs"
TOPIC = "arn:aws:sns:us-east-1:123456789012:topic"


def policy(*statements: dict[str, Any]) -> QueuePolicy:
    return parse_policy(json.dumps({"Statement": list(statements)}), QUEUE)


def allow(**changes: Any) -> dict[str, Any]:
    """The statement that AWS's documentation gives for S3."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": S3},
        "Action": ["SQS:SendMessage"],
        "Resource": QUEUE,
        "Condition": {
            "ArnLike": {"aws:SourceArn": BUCKET},
            "StringEquals": {"aws:SourceAccount": "123456789012"},
        },
        **changes,
    }


def source(operator: str, arn: str, key: str = "aws:SourceArn") -> dict[str, Any]:
    return {operator: {key: arn}}


@pytest.mark.parametrize(
    "statement",
    [
        allow(),
        allow(Action="sqs:*"),
        allow(Action="*"),
        allow(Action="sqs:Send*"),
        allow(Resource="*"),
        allow(Resource="arn:aws:sqs:*:*:event?"),
        allow(Principal="*"),
        allow(Principal={"AWS": "*"}),
        allow(Principal={"Service": [SNS, S3]}),
        allow(Condition={}),
        allow(Condition=source("ArnEquals", "arn:aws:s3:*:*:logs")),
        allow(Condition=source("StringLikeIfExists", BUCKET)),
        allow(Condition=source("ForAnyValue:ArnLike", BUCKET, "AWS:sourcearn")),
        allow(Condition={"Bool": {"aws:SecureTransport": "true"}}),
    ],
)
def test_s3_may_send_for_the_bucket(statement: dict[str, Any]) -> None:
    assert policy(statement).lets(S3, BUCKET)


@pytest.mark.parametrize(
    "statement",
    [
        allow(Effect="Deny"),
        allow(Principal={"Service": SNS}),
        allow(Principal={"AWS": "arn:aws:iam::123456789012:root"}),
        allow(Action="sqs:ReceiveMessage"),
        allow(Resource=f"{QUEUE}-2"),
        allow(Condition=source("ArnLike", "arn:aws:s3:::log")),
        allow(Condition=source("ArnLike", f"{BUCKET}-2")),
    ],
)
def test_s3_may_not_send_for_the_bucket(statement: dict[str, Any]) -> None:
    assert not policy(statement).lets(S3, BUCKET)


def test_a_deny_wins_unless_it_is_for_other_cases() -> None:
    whole = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
    plain_http = whole | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    others = whole | {"Condition": source("ArnLike", "arn:aws:s3:::other")}
    assert not policy(allow(), whole).lets(S3, BUCKET)
    assert policy(allow(), plain_http, others).lets(S3, BUCKET)


def test_what_it_names_can_be_looked_at() -> None:
    found = policy(
        allow(Condition=source("ArnLike", [BUCKET, "arn:aws:s3:::x*", TOPIC])),  # type: ignore[arg-type]
        allow(Principal="*", Condition=source("ArnEquals", TOPIC)),
    )
    assert found.literal_sources(S3) == (BUCKET,)
    assert found.literal_sources(SNS) == (TOPIC,)
    assert found.literal_sources(EVENTS) == ()


@pytest.mark.parametrize(
    ("statement", "is_the_world"),
    [
        (allow(Principal="*", Condition={}), True),
        (allow(Principal="*", Condition={"Bool": {"aws:SecureTransport": True}}), True),
        (allow(Principal="*"), False),
        (allow(Principal="*", Condition={"IpAddress": {"aws:SourceIp": "::1"}}), False),
        (allow(Condition={}), False),
    ],
)
def test_everybody_is_told_apart(statement: dict[str, Any], is_the_world: bool) -> None:
    (sender,) = policy(statement).senders
    assert sender.is_the_world is is_the_world


def test_without_a_policy_nobody_may() -> None:
    assert parse_policy("", QUEUE) == QueuePolicy()


def test_one_statement_need_not_be_in_a_list() -> None:
    found = parse_policy(json.dumps({"Statement": allow(Condition={})}), QUEUE)
    assert found.senders == (Sender(S3),)
    assert ANYONE not in {one.principal for one in found.senders}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Effect",
                    "Principal",
                    "Action",
                    "Resource",
                    "Condition",
                    "Statement",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.builds(json.dumps, st.fixed_dictionaries({"Statement": JSON})) | st.text())
def test_no_text_makes_it_stumble(text: str) -> None:
    assert isinstance(parse_policy(text, QUEUE), QueuePolicy)
