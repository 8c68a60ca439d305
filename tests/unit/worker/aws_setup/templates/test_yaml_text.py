"""Values as YAML: a parser reads back what was written."""

from __future__ import annotations

from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # moto brings it, without stubs
from hypothesis import given
from hypothesis import strategies as st

from worker.aws_setup.templates.expression import Expression
from worker.aws_setup.templates.yaml_text import scalar, yaml_lines

texts = st.text(st.characters(max_codepoint=126))  # as AWS's names are
scalars = st.one_of(texts, st.integers(), st.booleans())
values = st.recursive(
    scalars,
    # A list right in a list has no place in a template.
    lambda inner: st.one_of(
        st.dictionaries(texts, inner, max_size=3),
        st.lists(st.one_of(scalars, st.dictionaries(texts, inner)), max_size=3),
    ),
    max_leaves=8,
)


@given(st.dictionaries(texts, values, min_size=1, max_size=4))
def test_what_is_written_is_read_back(document: dict[str, Any]) -> None:
    assert yaml.safe_load("\n".join(yaml_lines(document))) == document


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("AWS::SQS::Queue", "AWS::SQS::Queue"),
        ("arn:aws:s3:::logs/AWSLogs/*", "arn:aws:s3:::logs/AWSLogs/*"),
        ("123456789012", '"123456789012"'),
        ("2012-10-17", '"2012-10-17"'),
        ("Yes", '"Yes"'),
        ("a: b", '"a: b"'),
        ("", '""'),
        (600, "600"),
        (True, "true"),
        ({}, "{}"),
        (Expression("!Ref Queue"), "!Ref Queue"),
    ],
)
def test_only_what_could_be_misread_is_quoted(value: object, text: str) -> None:
    assert scalar(value) == text
