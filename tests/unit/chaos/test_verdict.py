"""What the chaos run calls lost, and which repeats it allows."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from tests.chaos.verdict import Delivered, Verdict, delays_s, judge

WINDOW = 2


def frame(connection: str, at: float, *ids: str) -> dict[str, Any]:
    return {"connection": connection, "at": at, "frame": f"chunk-{at}", "ids": ids}


def note(connection: str, at: float, **what: object) -> dict[str, Any]:
    return {"connection": connection, "at": at, **what}


def judged(
    *lines: dict[str, Any],
    sent: tuple[str, ...] = ("a", "b", "c"),
    kills: tuple[float, ...] = (),
    full_disk: tuple[tuple[float, float], ...] = (),
) -> Verdict:
    delivered = Delivered()
    delivered.read(lines)
    return judge(
        sent, delivered, kills=kills, full_disk=full_disk, window_chunks=WINDOW
    )


def test_a_delay_ends_with_the_first_delivery_or_never() -> None:
    delivered = Delivered()
    delivered.read([frame("1", 7, "a"), frame("1", 2, "b"), frame("1", 4, "a")])
    assert delays_s({"a": 1, "b": 1, "c": 1}, delivered) == [1, 3, inf]


def test_what_never_came_is_lost() -> None:
    verdict = judged(frame("1", 1, "a"), frame("1", 2, "c", "x"))
    assert (verdict.delivered, verdict.lost, verdict.unknown) == (2, ("b",), 1)
    assert verdict.repeats == 0


def test_a_repeat_after_a_dropped_connection_is_allowed() -> None:
    verdict = judged(
        frame("1", 1, "a"), note("1", 2, ended="dropped"), frame("2", 3, "a")
    )
    assert verdict.repeats_by_cause == {"lost connection": 1}
    assert verdict.lost_connections == 2, "the second was open at the end"


def test_a_repeat_from_before_the_last_window_is_not() -> None:
    verdict = judged(
        frame("1", 1, "a"),
        frame("1", 2, "b"),
        frame("1", 3, "c"),
        note("1", 4, ended="dropped"),
        frame("2", 5, "a", "b", "c"),
        note("2", 6, ended="peer"),
    )
    assert verdict.repeats_by_cause == {"lost connection": 2, "none": 1}
    assert verdict.example_repeats == ("a at 1.0 and 5.0",)


def test_a_connection_closed_by_a_drain_excuses_nothing() -> None:
    lines = (frame("1", 1, "a"), note("1", 2, ended="peer"), frame("2", 3, "a"))
    assert judged(*lines).unexplained_repeats == 1
    assert judged(*lines, kills=(50,)).unexplained_repeats == 1
    assert judged(*lines, kills=(1.5,)).unexplained_repeats == 0


def test_a_stall_excuses_the_last_window() -> None:
    verdict = judged(
        frame("1", 1, "a"),
        note("1", 1, stalled=3),
        note("1", 2, ended="peer"),
        frame("2", 3, "a"),
    )
    assert verdict.repeats_by_cause == {"lost connection": 1}


def test_a_refused_ack_excuses_the_window_that_begins_with_its_frame() -> None:
    verdict = judged(
        frame("1", 1, "a"),
        note("1", 1, refused="chunk"),
        frame("1", 2, "b"),
        frame("1", 3, "c"),
        note("1", 4, ended="peer"),
        frame("2", 5, "a", "b", "c"),
    )
    assert verdict.repeats_by_cause == {"lost ack": 2, "none": 1}


def test_repeats_on_one_whole_connection_have_no_excuse() -> None:
    verdict = judged(frame("1", 1, "a"), frame("1", 2, "a"), note("1", 9, ended="peer"))
    assert verdict.repeats_by_cause == {"none": 1}


@pytest.mark.parametrize("full", [(4, 6), (7, 9)])
def test_what_came_while_the_disk_was_full_may_have_come_or_come_again(
    full: tuple[float, float],
) -> None:
    verdict = judged(
        frame("1", 5, "a"),
        frame("1", 8, "a"),
        note("1", 9, ended="peer"),
        full_disk=(full,),
    )
    assert verdict.repeats_by_cause == {"full disk": 1}
