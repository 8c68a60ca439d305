"""The fuzz run finds what leaves a parser, and says how to repeat it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz.mutations import mutate
from tests.fuzz.run import run_case

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence


def test_the_parsers_stand_the_first_cases() -> None:
    failures = [run_case(1, number) for number in range(300)]
    assert [failure.report for failure in failures if failure is not None] == []


def test_what_is_not_documented_is_found_and_can_be_repeated() -> None:
    def fragile(chance: random.Random, more: Sequence[bytes]) -> bytes:
        data = mutate(chance, b'{"a":1}', more or [b""])
        return str(data, "utf-8").encode()

    found = [run_case(7, number, (), [fragile]) for number in range(300)]
    failures = [failure for failure in found if failure is not None]

    assert failures
    assert all("UnicodeDecodeError" in failure.report for failure in failures)
    assert run_case(7, failures[0].number, (), [fragile]) == failures[0]
