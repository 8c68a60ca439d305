"""What several commands are asked with, and how wrong usage is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import typer

from worker.cli.usage import past_period_of, period_of, place_in_s3

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_times_are_read_alike() -> None:
    day = datetime(2026, 11, 20, tzinfo=UTC)
    assert period_of("2026-11-20", "", NOW) == (day, None)
    assert past_period_of("2026-11-20", "", NOW) == (day, NOW)
    assert past_period_of("", "12h", NOW) == (None, NOW - timedelta(hours=12))


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        ("yesterday", "", "--from yesterday: expected a time such as"),
        ("", "x", "--to x: expected a time such as"),
        ("1h", "2h", "--from must be before --to"),
        ("2026-11-22", "", "--from 2026-11-22: lies in the future"),
    ],
)
def test_wrong_times_are_wrong_usage(since: str, until: str, words: str) -> None:
    with pytest.raises(typer.BadParameter, match=words):
        past_period_of(since, until, NOW)


@pytest.mark.parametrize("source", ["logs", "s3://", "https://logs.s3.amazonaws.com"])
def test_what_is_no_place_in_s3_is_wrong_usage(source: str) -> None:
    with pytest.raises(typer.BadParameter, match="expected s3://BUCKET/PREFIX"):
        place_in_s3(source)


def test_a_place_in_s3() -> None:
    assert place_in_s3("s3://logs/a/b") == ("logs", "a/b")
