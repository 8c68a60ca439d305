from __future__ import annotations

import datetime

import pytest

from worker.config.wording import kind_of, printable, without_userinfo


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "a boolean"),
        (1, "an integer"),
        (1.0, "a float"),
        ("x", "a string"),
        ([], "an array"),
        ({}, "a table"),
        (datetime.date(2025, 1, 1), "a date or time"),
    ],
)
def test_kinds_are_called_as_in_toml(value: object, kind: str) -> None:
    assert kind_of(value) == kind


def test_names_stay_on_one_line() -> None:
    assert printable("queue_url") == "queue_url"
    assert printable("a\nb\x1b") == '"a\\nb\\u001b"'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:pass@host/p", "http://…@host/p"),
        ("tcp://token@host:1 is wrong", "tcp://…@host:1 is wrong"),
        ("unix://@name", "unix://@name"),
        ("http://host/a@b", "http://host/a@b"),
    ],
)
def test_userinfo_is_hidden(text: str, shown: str) -> None:
    assert without_userinfo(text) == shown
