from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.printable import printable, quoted

STEERING = "\x1b\x07\x7f\x9b\x00\r\n\t\u2028\u2029\u202e\u2066\u200b\ufeff\ud800"


@pytest.mark.parametrize("one", STEERING)
def test_what_steers_a_terminal_or_ends_a_line_is_escaped(one: str) -> None:
    shown = printable(f"a{one}b")
    assert one not in shown
    assert shown.startswith("a\\")
    assert shown.endswith("b")
    assert quoted(one) == f'"{printable(one)}"'


def test_other_text_is_shown_as_it_is() -> None:
    assert printable('Größe "a\\b" 数') == 'Größe "a\\b" 数'
    assert quoted("logs/dt=2026/größe.gz") == "logs/dt=2026/größe.gz"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", '""'),
        ("a b", '"a b"'),
        ('a"b', '"a\\"b"'),
        ("a\\nb", '"a\\\\nb"'),
        ("k bucket=other", '"k bucket=other"'),
        ("a\nb", '"a\\nb"'),
    ],
)
def test_a_word_of_a_log_line_is_quoted_where_it_must_be(text: str, shown: str) -> None:
    assert quoted(text) == shown


@given(st.text(st.characters(max_codepoint=0x7E, min_codepoint=0x20)))
def test_a_quoted_word_can_be_read_back(text: str) -> None:
    shown = quoted(text)
    assert (json.loads(shown) if shown.startswith('"') else shown) == text
