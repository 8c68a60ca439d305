from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.config.filter_rules import Condition, parse_rule

TEN = (ip_network("10.0.0.0/8"),)


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        (
            "eventSource = sqs.amazonaws.com",
            [Condition(("eventSource",), "=", False, "sqs.amazonaws.com")],
        ),
        ("a=b", [Condition(("a",), "=", False, "b")]),
        ("a != b", [Condition(("a",), "=", True, "b")]),
        ("eventName ~ Describe*", [Condition(("eventName",), "~", False, "Describe*")]),
        ("a !~ b?", [Condition(("a",), "~", True, "b?")]),
        (
            "sourceIPAddress in 10.0.0.0/8",
            [Condition(("sourceIPAddress",), "in", False, networks=TEN)],
        ),
        ("a not in 10.1.2.3/8", [Condition(("a",), "in", True, networks=TEN)]),
        (
            "a in 10.0.0.0/8, 2001:db8::/32",
            [
                Condition(
                    ("a",), "in", False, networks=(*TEN, ip_network("2001:db8::/32"))
                )
            ],
        ),
        ("errorCode exists", [Condition(("errorCode",), "exists", False)]),
        ("errorCode not exists", [Condition(("errorCode",), "exists", True)]),
        (
            ' a = b c & d.*.e exists&f ~ "x & y" ',
            [
                Condition(("a",), "=", False, "b c"),
                Condition(("d", None, "e"), "exists", False),
                Condition(("f",), "~", False, "x & y"),
            ],
        ),
        ('a = ""', [Condition(("a",), "=", False, "")]),
        (r'a = "\"\\"', [Condition(("a",), "=", False, '"\\')]),
        ("in = exists", [Condition(("in",), "=", False, "exists")]),
    ],
)
def test_rules(text: str, conditions: list[Condition]) -> None:
    rule = parse_rule(text)
    assert list(rule.conditions) == conditions
    assert rule.text == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a field's name at column 1"),
        ("eventName", "expected =, !=, ~, !~, in, not in, exists or not exists at col"),
        ("eventName Describe", "not exists at column 11"),
        ("eventName == x", "a value at column 12"),
        ("eventName =", "a value at column 12"),
        ("eventName = & a = b", "a value at column 13"),
        ("a = b &", "a field's name at column 8"),
        ("a exists b", "expected & or the end at column 10"),
        ('a = "b" c', "expected & or the end at column 9"),
        ('a = "b', "a value at column 5"),
        ("a in 10.0.0.0/33", "networks such as 10.0.0.0/8, 2001:db8::/32 at column 6"),
        ("a in here", "networks such as 10.0.0.0/8, 2001:db8::/32 at column 6"),
        ("a inside 10.0.0.0/8", "not exists at column 3"),
    ],
)
def test_what_is_no_rule_is_refused_at_its_column(text: str, expected: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - looked at below
        parse_rule(text)
    assert expected in str(refused.value)


@given(st.text(alphabet='ab.*"\\=!~& in/10existsnot', max_size=30))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert parse_rule(text).conditions
