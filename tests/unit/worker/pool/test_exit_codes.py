"""How the end of a process is told."""

from __future__ import annotations

import signal

import pytest

from worker.pool.exit_codes import describe


@pytest.mark.parametrize("number", range(1, 65))
def test_every_signal_is_told_whether_it_has_a_name_or_not(number: int) -> None:
    said = describe(-number)
    names = {one.value: one.name for one in signal.Signals}
    assert said.startswith("was killed by ")
    assert names.get(number, f"signal {number}") in said


def test_an_exit_code_is_told() -> None:
    assert describe(3) == "ended with exit code 3"
