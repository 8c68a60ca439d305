from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.config.record_paths import parse_path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("eventName", ("eventName",)),
        ("a.b.c", ("a", "b", "c")),
        ("entries.*.messageBody", ("entries", None, "messageBody")),
        ("resources[*].ARN", ("resources", None, "ARN")),
        ("resources[0].ARN", ("resources", "0", "ARN")),
        ("a[0][*]", ("a", "0", None)),
        ("a.0.b", ("a", "0", "b")),
        ("*", (None,)),
        (r"\*", ("*",)),
        ("a*", ("a*",)),
        (r"a.b\.c\[0\].d", ("a", "b.c[0]", "d")),
        (r"a\ b\=\\", ("a b=\\",)),
        ("a.aws:cloudtrail:arn", ("a", "aws:cloudtrail:arn")),
        ("requestParameters.X-Amz-Signature", ("requestParameters", "X-Amz-Signature")),
    ],
)
def test_names_between_dots(text: str, path: tuple[str | None, ...]) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", 1),
        (".a", 1),
        ("a.", 3),
        ("a..b", 3),
        ("a b", 2),
        ("a[", 2),
        ("a[x]", 2),
        ("a[0]b", 5),
        ("[0]", 1),
        ("a\\", 2),
    ],
)
def test_what_is_no_path_is_refused_at_its_column(text: str, column: int) -> None:
    with pytest.raises(ValueError, match=f"at column {column}\\b"):
        parse_path(text)


@given(st.lists(st.text(min_size=1), min_size=1))
def test_any_names_can_be_written(names: list[str]) -> None:
    escaped = ("".join(f"\\{one}" for one in name) for name in names)
    assert parse_path(".".join(escaped)) == tuple(names)
