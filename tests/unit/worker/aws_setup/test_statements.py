"""Adding statements to a policy: others' stay."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.worker.aws_setup.wirings import wiring
from worker.aws_setup.documents import policy, queue_statement
from worker.aws_setup.statements import with_statements

OURS = queue_statement(wiring())
THEIRS = {
    "Sid": "Publisher",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
    "Action": "SQS:*",
    "Resource": "*",
}


def test_where_there_is_none_it_is_made() -> None:
    assert with_statements("", [OURS]) == policy(OURS)


@pytest.mark.parametrize("statements", [[THEIRS], THEIRS], ids=["list", "single"])
def test_others_stay(statements: Any) -> None:
    present = {"Version": "2008-10-17", "Id": "theirs", "Statement": statements}
    assert with_statements(json.dumps(present), [OURS]) == {
        "Version": "2008-10-17",
        "Id": "theirs",
        "Statement": [THEIRS, OURS],
    }


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Sid": "by hand"},
        {"Action": ["SQS:SendMessage"]},
        {"Resource": [OURS["Resource"]]},
        {"Principal": {"Service": ["s3.amazonaws.com"]}},
        {
            "Condition": {
                "StringEquals": {"AWS:SourceAccount": ["123456789012"]},
                "ArnEquals": {"aws:sourcearn": "arn:aws:s3:::trail-logs"},
            }
        },
    ],
)
def test_what_says_the_same_will_do(changes: dict[str, Any]) -> None:
    present = json.dumps(policy(THEIRS, OURS | changes))
    assert with_statements(present, [OURS]) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"Effect": "Deny"},
        {"Principal": "*"},
        {"Action": "sqs:ReceiveMessage"},
        {"Condition": {}},
        {"Condition": OURS["Condition"] | {"Bool": {"aws:SecureTransport": "true"}}},
    ],
)
def test_what_says_another_thing_under_our_name_is_replaced(
    changes: dict[str, Any],
) -> None:
    present = json.dumps(policy(OURS | changes, THEIRS))
    assert with_statements(present, [OURS]) == policy(THEIRS, OURS)


@pytest.mark.parametrize("text", ["[]", "{", "true"])
def test_what_is_no_policy_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        with_statements(text, [OURS])


names = st.text("ab", min_size=1, max_size=2)
others = st.lists(
    st.fixed_dictionaries(
        {"Effect": st.sampled_from(["Allow", "Deny"]), "Action": names},
        optional={"Sid": names, "Resource": st.lists(names, max_size=2)},
    ),
    max_size=4,
)


@given(others)
def test_nothing_of_others_is_lost_and_the_second_time_changes_nothing(
    statements: list[dict[str, Any]],
) -> None:
    document = with_statements(json.dumps(policy(*statements)), [OURS])
    assert document is not None
    assert document["Statement"] == [*statements, OURS]
    assert with_statements(json.dumps(document), [OURS]) is None
