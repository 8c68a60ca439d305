from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.config.paths import split_path


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("a", ("a",)),
        ("detail.items", ("detail", "items")),
        (r"a\.b.c", ("a.b", "c")),
        (r"a\\.b", ("a\\", "b")),
        ("a[0].b", ("a", "0", "b")),
        ("a.0.b", ("a", "0", "b")),
        ("a[0][12]", ("a", "0", "12")),
        (r"a\[0\]", ("a[0]",)),
        ("a b.ü", ("a b", "ü")),
        (" ", (" ",)),
    ],
)
def test_a_path_is_taken_apart(text: str, steps: tuple[str, ...]) -> None:
    assert split_path(text) == steps


@pytest.mark.parametrize(
    "text", ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "a]", "[0]", "a[0]b", "a\\"]
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        split_path(text)


@given(st.lists(st.text(min_size=1), min_size=1))
def test_any_names_can_be_written(names: list[str]) -> None:
    escaped = (
        "".join(f"\\{one}" if one in ".[]\\" else one for one in name) for name in names
    )
    assert split_path(".".join(escaped)) == tuple(names)
