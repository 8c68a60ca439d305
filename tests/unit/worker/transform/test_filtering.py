from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.config.filter_rules import parse_rule
from worker.transform.filtering import Filter, compile_rule

RECORD: dict[str, Any] = {
    "eventSource": "sqs.amazonaws.com",
    "eventName": "DeleteMessage",
    "sourceIPAddress": "10.1.2.3",
    "readOnly": False,
    "managementEvent": "false",
    "errorCode": None,
    "additionalEventData": {"bytesTransferredIn": 1376.0, "n": 12},
    "requestParameters": {"queueUrl": "https://h/1/orders", "a.b": "dotted"},
    "resources": [{"ARN": "arn:1", "n": 1}, {"ARN": "arn:2"}, "text"],
}


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("eventSource = sqs.amazonaws.com", True),
        ("eventSource = sqs", False),
        ("eventSource != sqs", True),
        ("eventSource != sqs.amazonaws.com", False),
        ("eventName ~ Delete*", True),
        ("eventName ~ delete*", False),
        ("eventName ~ Delete", False),
        ("eventName ~ *Message", True),
        ("eventName ~ ?elete[A-N]essage", True),
        ("eventName !~ Delete*", False),
        ("eventName !~ Describe*", True),
        ("eventName ~ *", True),
        ("missing ~ *", False),
        ("sourceIPAddress in 10.0.0.0/8", True),
        ("sourceIPAddress in 192.168.0.0/16, 10.1.0.0/16", True),
        ("sourceIPAddress in 2001:db8::/32", False),
        ("sourceIPAddress not in 10.0.0.0/8", False),
        ("eventSource in 0.0.0.0/0", False),
        ("eventSource not in 0.0.0.0/0", True),
        ("eventName exists", True),
        ("errorCode exists", False),
        ("errorCode not exists", True),
        ("missing not exists", True),
        # Booleans and numbers are compared as JSON writes them.
        ("readOnly = false", True),
        ("readOnly != false", False),
        ("readOnly = true", False),
        ("readOnly ~ f*", True),
        ("readOnly ~ [f][a][!x][s][]e]", True),
        ("readOnly ~ [!]f]alse", False),
        ("managementEvent = false", True),
        ("additionalEventData.bytesTransferredIn = 1376.0", True),
        ("additionalEventData.bytesTransferredIn = 1376", False),
        ("additionalEventData.n = 12", True),
        ("requestParameters = x", False),
        # What is not there is not equal to anything.
        ("missing = x", False),
        ("missing != x", True),
        ("errorCode = null", False),
        ("requestParameters.queueUrl ~ */orders", True),
        (r"requestParameters.a\.b = dotted", True),
        ("requestParameters.queueUrl.deeper exists", False),
        ("resources.*.ARN = arn:2", True),
        ("resources.*.ARN = arn:3", False),
        ("resources.*.ARN != arn:2", False),
        ("resources.*.ARN != arn:3", True),
        ("resources.1.ARN = arn:2", True),
        ("resources.7.ARN exists", False),
        ("resources.x.ARN exists", False),
        ("*.queueUrl exists", True),
        ("eventName ~ Delete* & readOnly = false", True),
        ("eventName ~ Delete* & readOnly = true", False),
        ("eventName = x & readOnly = false & eventSource exists", False),
    ],
)
def test_rules_hold_or_not(rule: str, holds: bool) -> None:
    assert compile_rule(parse_rule(rule))(RECORD) is holds


@pytest.mark.parametrize("one", ["[x]", "[!]x]", "*", "*[x]", "x*?", "]["])
def test_a_long_pattern_is_gone_through_once(one: str) -> None:
    """It would not end within a lifetime if it were tried in each possible way."""
    rule = parse_rule(f"eventName ~ {one * 200}#")
    assert not Filter([rule], []).reads_numbers
    assert not compile_rule(rule)({"eventName": "x" * 2_000})


def _filter(include: list[str], exclude: list[str]) -> Filter:
    return Filter(
        [parse_rule(one) for one in include], [parse_rule(one) for one in exclude]
    )


def test_any_rule_lets_pass_and_any_rule_drops() -> None:
    chosen = _filter(["a = 1", "b = 1"], ["c exists", "d exists"])
    records: list[dict[str, Any]] = [
        {"a": "1"},
        {"b": "1", "a": "1"},
        {"b": 1},
        {"x": "1"},
        {"a": "1", "d": 0},
        {"a": "1", "c": 0, "d": 0},
    ]
    assert [record for record in records if chosen.passed(record)] == records[:3]
    assert chosen.included == {"a = 1": 4, "b = 1": 1}
    assert chosen.excluded == {"c exists": 1, "d exists": 1}
    assert chosen.not_included == 1


def test_without_include_rules_all_are_included() -> None:
    chosen = _filter([], ["c exists"])
    assert chosen.passed({}) == {}
    assert chosen.passed({"c": 1}) is None


@pytest.mark.parametrize("rule", ["a = true", "a ~ t*", "a.0 = true", "a.* ~ tru?"])
def test_what_was_decided_of_true_is_no_answer_about_one(rule: str) -> None:
    holds = compile_rule(parse_rule(rule))
    values: list[Any] = [True, 1, 1.0, "true", "1", False, 0, None]
    if "." in rule:
        values = [[value] for value in values]
    expected = [True, False, False, True, False, False, False, False]
    for order in (1, -1):
        found = [holds({"a": value}) for value in values[::order]]
        assert found == expected[::order]


def test_what_was_decided_of_zero_is_no_answer_about_minus_zero() -> None:
    holds = compile_rule(parse_rule("a = -0.0"))
    assert [holds({"a": value}) for value in (0.0, -0.0, 0)] == [False, True, False]


def test_many_values_and_long_ones_are_told_apart() -> None:
    chosen = _filter([], ["a ~ *7", "b = x"])
    texts = [str(n) * (1 + n % 200) for n in range(10_000)]
    for _ in range(2):
        left = [text for text in texts if chosen.passed({"a": text})]
        assert left == [text for text in texts if not text.endswith("7")]
    dropped = sum(text.endswith("7") for text in texts)
    assert chosen.excluded == {"a ~ *7": 2 * dropped, "b = x": 0}


def test_names_are_no_more_than_names() -> None:
    name = "a'], __import__('os') or record['"
    escaped = "".join(f"\\{character}" for character in name)
    holds = compile_rule(parse_rule(f"{escaped} = x"))
    assert holds({name: "x"})
    assert not holds({name: "y"})


@pytest.mark.parametrize(
    "rule",
    [
        "a = 1",
        "a != 1",
        "a ~ x*",
        "a ~ *x",
        "a in ::/0",
        "a exists",
        "a.*.b = true",
        "a.b not exists",
        "*.* ~ 1*",
    ],
)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
        ),
    )
)
def test_any_value_can_be_looked_at(rule: str, value: object) -> None:
    assert compile_rule(parse_rule(rule))({"a": value}) in (True, False)
