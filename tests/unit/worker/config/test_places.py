from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.config.places import EVERY, Place, parse_place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", ()),
        ("bucket", ("bucket",)),
        ("detail.bucket.name", ("detail", "bucket", "name")),
        ("files[*].path", ("files", EVERY, "path")),
        ("parts[0].name", ("parts", 0, "name")),
        ("a[*][12]", ("a", EVERY, 12)),
        (r"a\.b.c", ("a.b", "c")),
        (r"a\[0\]", ("a[0]",)),
        (r"a\\.b", ("a\\", "b")),
        ("a b.é\n", ("a b", "é\n")),
    ],
)
def test_a_path_is_read_step_by_step(text: str, place: Place) -> None:
    assert parse_place(text) == place


@pytest.mark.parametrize(
    "text", [".", "a.", "a..b", "[0]", "a[x]", "a[", "a[*]b", "\\"]
)
def test_what_is_no_path_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape('"detail.items[0].id"')):
        parse_place(text)


@given(st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=4))
def test_any_name_can_be_written(names: list[str]) -> None:
    written = (re.sub(r"([.\[\]\\])", r"\\\1", name) for name in names)
    assert parse_place(".".join(written)) == tuple(names)
