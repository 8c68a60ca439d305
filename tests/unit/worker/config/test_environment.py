from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.config.environment import escape, expand, read_variables
from worker.config.keys import known_keys


@given(st.one_of(st.text(), st.text(alphabet="${}A")))
def test_escape_and_expand_are_inverse(text: str) -> None:
    assert expand(escape(text), {}) == text


@given(st.text(alphabet="${}A_1x"))
def test_expand_of_anything_gives_text_or_value_error(text: str) -> None:
    if "${" in text:
        with suppress(ValueError):
            expand(text, {"A": "value"})
    else:
        assert expand(text, {}) == text.replace("$$", "$")


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        (r"\.json$", r"\.json$"),
        ("a$b", "a$b"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$${A}", "$1"),
        ("x${A}y${B_2}z", "x1y2z"),
        ("{A}", "{A}"),
    ],
)
def test_expand(text: str, expanded: str) -> None:
    assert expand(text, {"A": "1", "B_2": "2"}) == expanded


@pytest.mark.parametrize("text", ["${", "${}", "${A", "${1}", "${A-x}", "${A ${B}}"])
def test_torn_reference_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"begins no \$\{NAME\}"):
        expand(text, {"A": "1", "B": "2"})


def test_unset_variable_is_named() -> None:
    with pytest.raises(ValueError, match="environment variable B is not set"):
        expand("${A}${B}", {"A": "1"})


def test_every_key_has_a_variable_of_its_own() -> None:
    variables = [key.variable for key in known_keys().values()]
    assert len(variables) == len(set(variables))
    assert "TRAILFEED_SOURCE_MAPPING_BUCKET" in variables


@pytest.mark.parametrize(
    ("variable", "text", "dotted", "value"),
    [
        ("TRAILFEED_SOURCE_QUEUE_URL", "u", "source.queue_url", "u"),
        ("TRAILFEED_SOURCE_MAPPING_BUCKET", "b", "source.mapping.bucket", "b"),
        ("TRAILFEED_POOL_WORKERS", "4", "pool.workers", 4),
        ("TRAILFEED_OUTPUT_REQUIRE_ACK", "False", "output.require_ack", False),
        ("TRAILFEED_OUTPUT_ACK_TIMEOUT_S", "1.5", "output.ack_timeout_s", 1.5),
        ("TRAILFEED_SOURCE_INCLUDE_KEYS", '["a"]', "source.include_keys", ["a"]),
        ("TRAILFEED_OUTPUT_PASSWORD", "${A}", "output.password", "${A}"),
        ("TRAILFEED_SOURCE_PROFILE", "", "source.profile", ""),
        ("TRAILFEED_ENRICH_SCHEMA", "none", "enrich.schema", "none"),
    ],
)
def test_variable_is_parsed_by_the_type_of_its_key(
    variable: str, text: str, dotted: str, value: object
) -> None:
    variables = read_variables({variable: text})
    assert variables.values == {dotted: value}
    assert type(variables.values[dotted]) is type(value)
    assert variables.problems == ()


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        (
            "TRAILFEED_POOL_WORKERS",
            "",
            "pool.workers: TRAILFEED_POOL_WORKERS is no integer",
        ),
        (
            "TRAILFEED_OUTPUT_REQUIRE_ACK",
            "yes",
            "output.require_ack: TRAILFEED_OUTPUT_REQUIRE_ACK is neither "
            '"true" nor "false"',
        ),
        (
            "TRAILFEED_POOL_DRAIN_TIMEOUT_S",
            "x",
            "pool.drain_timeout_s: TRAILFEED_POOL_DRAIN_TIMEOUT_S is no number",
        ),
        (
            "TRAILFEED_FILTER_INCLUDE",
            "a, b",
            "filter.include: TRAILFEED_FILTER_INCLUDE is no JSON array, such as "
            '["one", "two"]',
        ),
        (
            "TRAILFEED_FILTER_INCLUDE",
            '{"a": 1}',
            "filter.include: TRAILFEED_FILTER_INCLUDE is no JSON array, such as "
            '["one", "two"]',
        ),
        (
            "TRAILFEED_FILTER_INCLUDE",
            "[" * 100_000,
            "filter.include: TRAILFEED_FILTER_INCLUDE is no JSON array, such as "
            '["one", "two"]',
        ),
        (
            "TRAILFEED_SOURCE_QUEUE",
            "x",
            "TRAILFEED_SOURCE_QUEUE: sets no key of the configuration; "
            "did you mean TRAILFEED_SOURCE_QUEUE_URL?",
        ),
        (
            "TRAILFEED_SORCE_QUEUE_URL",
            "x",
            "TRAILFEED_SORCE_QUEUE_URL: sets no key of the configuration; "
            "did you mean TRAILFEED_SOURCE_QUEUE_URL?",
        ),
    ],
)
def test_wrong_variable_is_a_problem(variable: str, text: str, problem: str) -> None:
    variables = read_variables({variable: text})
    assert variables.problems == (problem,)
    assert variables.values == {}


@pytest.mark.parametrize(
    "variable",
    [
        "TRAILFEED_TEST_FLUENT_BIT",
        "TRAILFEED_BENCH_OUTPUT_ADDRESS",
        "TRAILFEED_VERSION",
        "TRAILFEED_PORT_9464_TCP",
        "PATH",
        "AWS_REGION",
    ],
)
def test_variables_of_others_are_left_alone(variable: str) -> None:
    assert read_variables({variable: "x"}) == read_variables({})
