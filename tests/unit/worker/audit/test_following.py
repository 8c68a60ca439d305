from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.unit.worker.audit.events import event
from worker.audit.following import Counting, follow
from worker.audit.question import Question

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.transform.audit import View


def _lines(*numbers: int) -> Iterator[bytes]:
    for number in numbers:
        yield json.dumps(event(number)).encode() + b"\n"


def test_each_event_is_shown_before_the_next_line_is_read() -> None:
    shown: list[View] = []

    def lines() -> Iterator[bytes]:
        for number, line in enumerate(_lines(1, 2, 3)):
            assert len(shown) == number
            yield line

    bad = follow(lines(), Question(), show=shown.append, report=print)
    assert bad == 0
    assert [seen["event_id"] for seen in shown] == ["e-1", "e-2", "e-3"]


def test_a_bad_line_is_told_and_passed_over() -> None:
    shown: list[View] = []
    told: list[str] = []
    lines = [*_lines(1), b"{broken\n", b"\n", b"7\n", *_lines(2)]
    bad = follow(lines, Question(), show=shown.append, report=told.append)
    assert bad == 2
    assert [line.partition(":")[0] for line in told] == ["line 2", "line 4"]
    assert len(shown) == 2


def test_it_ends_with_the_last_one_wanted() -> None:
    shown: list[View] = []

    def lines() -> Iterator[bytes]:
        yield from _lines(1, 2)
        raise AssertionError("nobody asked for more")

    follow(lines(), Question(), show=shown.append, report=print, limit=2)
    assert len(shown) == 2


def test_counting_instead_of_showing() -> None:
    counting = Counting(("who", "what"))
    follow(_lines(1, 2), Question(), show=counting.add, report=print)
    assert counting.counts == {("jane", "sqs:DeleteMessage"): 2}


def test_each_event_is_shown_once() -> None:
    shown: list[View] = []
    told: list[str] = []
    lines = [*_lines(1, 2, 1)]
    follow(lines, Question(), show=shown.append, report=told.append)
    assert [seen["event_id"] for seen in shown] == ["e-1", "e-2"]
    (remark,) = told
    assert remark.startswith("1 copy of events left out")
    follow(lines, Question(), show=shown.append, report=print, copies=True)
    assert len(shown) == 5


def test_what_tools_print_over_many_lines_is_one_document() -> None:
    shown: list[View] = []
    told: list[str] = []
    found = {"Events": [{"CloudTrailEvent": json.dumps(event(one))} for one in (1, 2)]}
    printed = [json.dumps(found, indent=4), json.dumps([event(3)], indent=2)]
    text = "\n".join([*printed, json.dumps(event(4)), '{"no": "event"}', "{"]) + "\n"
    lines = text.encode().splitlines(keepends=True)
    bad = follow(lines, Question(), show=shown.append, report=told.append)
    assert [seen["event_id"] for seen in shown] == ["e-1", "e-2", "e-3", "e-4"]
    assert bad == 1
    unfinished, others = told
    assert unfinished.startswith(f"line {len(lines)}: ")
    assert others == "1 record passed over that is no event of CloudTrail"
