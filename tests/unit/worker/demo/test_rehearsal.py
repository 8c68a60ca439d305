from __future__ import annotations

from typing import Any

import pytest

from worker.demo.rehearsal import Outcome


def outcome(**changes: Any) -> Outcome:
    values: dict[str, Any] = {
        "objects": 2,
        "event_ids": ("a", "b", "c"),
        "records": ({"eventID": "b"}, {"eventID": "a"}, {"eventID": "c"}),
        "elapsed_s": 1.94,
        "queue_depth": 0,
        "exit_code": 0,
        "log_tail": "",
    }
    return Outcome(**(values | changes))


def test_all_delivered_is_no_problem() -> None:
    assert outcome().problems == ()
    assert outcome().repeated == 0
    assert outcome().summary == "2 objects, 3 records, 1.9 s, queue depth 0"


def test_missing_records_are_counted_and_the_first_is_named() -> None:
    (problem,) = outcome(records=({"eventID": "b"},)).problems
    assert problem == "2 of 3 records did not arrive, the first is eventID a"


def test_a_repeated_record_is_counted_once_and_told_apart() -> None:
    twice = outcome(records=tuple({"eventID": name} for name in "abca"))
    assert twice.problems == ()
    assert twice.repeated == 1
    assert "3 records" in twice.summary


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"queue_depth": 4}, "4 messages are still in the queue"),
        ({"exit_code": 78}, "trailfeed run ended with 78"),
    ],
)
def test_depth_and_exit_code_are_problems(
    changes: dict[str, int], problem: str
) -> None:
    assert outcome(**changes).problems == (problem,)
