from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker.config.keys import known_keys
from worker.config.unbuilt import UNBUILT, remark

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.config import Config

    Load = Callable[..., Config]
    ProblemsOf = Callable[..., tuple[str, ...]]

ASKING = {
    "status.listen": '"0.0.0.0:1"',
}


def test_table_names_known_keys() -> None:
    assert set(UNBUILT) <= set(known_keys())


def test_no_default_asks_for_anything_unbuilt() -> None:
    keys = known_keys()
    assert [key for key in UNBUILT if UNBUILT[key].asks(keys[key].default)] == []


@pytest.mark.parametrize("dotted", UNBUILT)
def test_what_is_not_built_is_refused_with_that_reason(
    problems_of: ProblemsOf, dotted: str
) -> None:
    section, _, name = dotted.rpartition(".")
    line = f"{name} = {ASKING[dotted]}\n"
    found = problems_of(line if section == "source" else f"[{section}]\n{line}")
    assert [
        problem
        for problem in found
        if problem.startswith(f"{dotted}: ") and "not built yet; " in problem
    ], found


@pytest.mark.parametrize(
    "text",
    [
        '[status]\nlisten = ""',
        "[state]\ndedupe_window_s = 0",
        "[state]\ndedupe_window_s = 60",
        'on_missing_object = "delete"\non_unknown_message = "retry"',
        'on_missing_object = "quarantine"\non_bad_object = "quarantine"',
        '[state]\nquarantine_max_bytes = 1\nquarantine_full = "drop_oldest"',
        '[decode]\ncharset = "UTF8"\ncompression = "zstd"',
        "uses_sns = true",
        '[filter]\ninclude = ["a.b ~ x*"]\nexclude = ["errorCode exists"]',
        '[redact]\npaths = ["a[*].b"]\naction = "remove"\nhash_key = "k"',
        '[redact]\npresets = ["credentials"]\naction = "hash"\nhash_key = "k"',
        '[enrich]\naudit = true\nschema = "ocsf"',
    ],
)
def test_what_is_built_is_let_through(problems_of: ProblemsOf, text: str) -> None:
    assert problems_of(text) == ()


def test_a_default_that_looks_like_something_is_remarked_on(load_text: Load) -> None:
    assert remark(load_text()) == "not built yet, without effect: status.listen"
    assert remark(load_text('[status]\nlisten = ""')) == ""
