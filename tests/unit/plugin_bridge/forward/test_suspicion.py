from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.forward.suspicion import LAST_FAILURES, STRIKES, Suspicion


def suspicion_of(*chunks: str) -> Suspicion:
    suspicion = Suspicion()
    for chunk in chunks:
        suspicion.add(chunk, 1)
    return suspicion


def test_begins_with_the_oldest() -> None:
    assert suspicion_of().first() is None
    assert suspicion_of("a", "b").first() == "a"


class TestProbe:
    def test_is_another_frame(self) -> None:
        suspicion = suspicion_of("a", "b", "c")
        suspicion.closed("a")
        assert suspicion.first() == "b"

    def test_is_another_even_if_that_failed_more_often(self) -> None:
        suspicion = suspicion_of("a", "b")
        suspicion.closed("b")
        suspicion.closed("b")
        suspicion.closed("a")
        assert suspicion.first() == "b"

    def test_is_the_next_one_when_it_fails_too(self) -> None:
        suspicion = suspicion_of("a", "b", "c")
        order = []
        for _ in range(7):
            first = suspicion.first()
            assert first is not None
            order.append(first)
            suspicion.closed(first)
        assert order == ["a", "b", "c", "a", "b", "c", "a"]

    def test_is_the_accused_itself_when_there_is_no_other(self) -> None:
        suspicion = suspicion_of("a")
        suspicion.closed("a")
        assert suspicion.first() == "a"
        assert suspicion.lacks_probe

    def test_is_lacking_as_long_as_each_has_failed(self) -> None:
        suspicion = suspicion_of("a", "b")
        assert not suspicion.lacks_probe
        suspicion.closed("a")
        assert not suspicion.lacks_probe
        suspicion.closed("b")
        assert suspicion.lacks_probe
        suspicion.add("c", 1)
        assert not suspicion.lacks_probe
        assert not suspicion_of().lacks_probe


class TestStrike:
    def test_comes_with_the_probe_that_passes(self) -> None:
        suspicion = suspicion_of("a", "b", "c")
        suspicion.closed("a")
        assert not suspicion.has_trial_due
        suspicion.acked("b")
        assert suspicion.has_trial_due
        assert not suspicion.may_follow("a")
        assert suspicion.may_follow("c")
        assert suspicion.first() == "a"

    def test_is_none_when_the_probe_fails_too(self) -> None:
        suspicion = suspicion_of("a", "b", "c")
        suspicion.closed("a")
        suspicion.closed("b")
        suspicion.acked("c")
        assert suspicion.may_follow("a")
        assert not suspicion.may_follow("b")

    def test_is_none_for_silence_on_a_connection_of_its_own(self) -> None:
        suspicion = suspicion_of("a", *"1234", "c")
        for probe in "1234":
            suspicion.stalled("a")
            suspicion.acked(probe)
        assert suspicion.poison is None
        assert not suspicion.has_trial_due
        assert suspicion.may_follow("a")
        assert suspicion.is_silent("a")
        assert suspicion.first() == "c"  # another silence would hold it up

    def test_is_what_being_skipped_makes(self) -> None:
        suspicion = suspicion_of("a", "b")
        for _ in range(STRIKES):
            assert suspicion.poison is None
            suspicion.skipped("a")
            assert suspicion.first() == "b"
        assert suspicion.poison == "a"

    def test_is_forgotten_with_the_frame(self) -> None:
        suspicion = suspicion_of("a", "b")
        suspicion.closed("a")
        suspicion.acked("b")
        suspicion.acked("a")
        assert not suspicion.has_trial_due
        assert suspicion.first() is None


class TestPoison:
    def test_takes_three_strikes(self) -> None:
        suspicion = suspicion_of("a", "b", "c", "d")
        for probe in "bcd":
            assert suspicion.poison is None
            suspicion.closed("a")
            suspicion.acked(probe)
        assert suspicion.poison == "a"
        suspicion.remove("a")
        assert suspicion.poison is None

    def test_waits_until_it_is_the_oldest(self) -> None:
        suspicion = suspicion_of("a", "b")
        for _ in range(STRIKES):
            suspicion.skipped("b")
        assert suspicion.poison is None
        suspicion.acked("a")
        assert suspicion.poison == "b"

    def test_is_tried_no_more_until_then(self) -> None:
        suspicion = suspicion_of("a", "b", "c", "d", "e")
        for probe in "cde":
            suspicion.closed("b")
            suspicion.acked(probe)
        assert not suspicion.has_trial_due
        assert not suspicion.may_follow("b")
        assert suspicion.first() == "a"


class TestHalves:
    def test_come_of_three_failures_where_nothing_else_is_to_be_sent(self) -> None:
        suspicion = Suspicion()
        suspicion.add("a", 2)
        for _ in range(STRIKES):
            assert suspicion.poison is None
            suspicion.closed("a")
        assert suspicion.poison == "a"
        suspicion.add("b", 1)
        assert suspicion.poison is None

    def test_go_first_on_a_connection(self) -> None:
        suspicion = halves_of(2, 2)
        assert suspicion.has_trial_due
        assert not suspicion.may_follow("first")

    def test_of_several_records_are_poison_with_one_failure_and_one_strike(
        self,
    ) -> None:
        suspicion = halves_of(2, 2)
        suspicion.acked("first")
        assert suspicion.poison is None
        suspicion.closed("second")
        assert suspicion.poison == "second"

    @pytest.mark.parametrize("is_first_refused", [True, False])
    def test_of_one_record_are_poison_when_they_alone_are_left(
        self, *, is_first_refused: bool
    ) -> None:
        suspicion = halves_of(1, 1)
        bad, good = ("first", "second")[:: 1 if is_first_refused else -1]
        if is_first_refused:
            for _ in range(LAST_FAILURES):
                suspicion.closed(bad)
        suspicion.acked(good)
        for _ in range(LAST_FAILURES):
            assert suspicion.poison is None
            suspicion.closed(bad)
        assert suspicion.poison == bad

    def test_of_one_record_are_no_poison_while_both_fail(self) -> None:
        suspicion = halves_of(1, 1)
        for _ in range(2 * LAST_FAILURES):
            suspicion.closed("first")
            suspicion.closed("second")
        assert suspicion.poison is None


def halves_of(first_count: int, second_count: int) -> Suspicion:
    suspicion = Suspicion()
    suspicion.add("first", first_count, "whole")
    suspicion.add("second", second_count, "whole")
    return suspicion


class History:
    """Drives a suspicion, and keeps what happened to judge its verdicts by."""

    def __init__(self) -> None:
        self.suspicion = Suspicion()
        self.frames: list[str] = []
        self.transmitted: list[str] = []  # by first transmission
        self._added = 0
        self._failed_at: dict[str, list[int]] = {}
        self._passed_at: list[int] = []
        self._now = 0

    def step(self, action: str, amount: int) -> None:
        self._now += 1
        first = self.suspicion.first()
        if action == "add" or first is None:
            self.frames.append(f"c{self._added}")
            self._added += 1
            self.suspicion.add(self.frames[-1], 1)
            return
        self._transmit(first)
        match action:
            case "close":
                self.suspicion.closed(first)
                self._failed_at.setdefault(first, []).append(self._now)
            case "stall":
                self.suspicion.stalled(first)
            case _:
                self._pass(first)
                self._follow(amount, is_first_skipped=action == "skip")

    def take_poison(self) -> None:
        """Every verdict names the oldest, which failed three times before others."""
        while (poison := self.suspicion.poison) is not None:
            assert poison == self.frames[0]
            failed_at = self._failed_at[poison]
            ends = [*failed_at[1:], self._now + 1]
            proved = [
                failed
                for failed, end in zip(failed_at, ends, strict=True)
                if any(failed <= passed <= end for passed in self._passed_at)
            ]
            assert len(proved) >= STRIKES
            self.suspicion.remove(poison)
            self.frames.remove(poison)

    def _follow(self, amount: int, *, is_first_skipped: bool) -> None:
        followers = list(filter(self.suspicion.may_follow, self.frames))[:amount]
        for chunk in followers:
            self._transmit(chunk)
        for chunk in followers[is_first_skipped:]:
            self._pass(chunk)
        if is_first_skipped and len(followers) > 1:
            self.suspicion.skipped(followers[0])
            self._failed_at.setdefault(followers[0], []).append(self._now)

    def _transmit(self, chunk: str) -> None:
        if chunk not in self.transmitted:
            self.transmitted.append(chunk)

    def _pass(self, chunk: str) -> None:
        self.suspicion.acked(chunk)
        self.frames.remove(chunk)
        self._passed_at.append(self._now)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "add", "close", "stall", "ack", "skip"]),
            st.integers(0, 3),
        ),
        max_size=120,
    )
)
def test_poison_always_failed_three_times_and_others_passed_after_each(
    steps: list[tuple[str, int]],
) -> None:
    history = History()
    for action, amount in steps:
        history.step(action, amount)
        history.take_poison()
    numbers = [int(chunk[1:]) for chunk in history.transmitted]
    assert numbers == sorted(numbers)


@given(st.lists(st.sampled_from(["close", "stall"]), max_size=60), st.integers(1, 8))
def test_no_frame_is_poison_and_each_has_its_turn_while_all_fail(
    manners: list[str], count: int
) -> None:
    suspicion = suspicion_of(*(f"c{number}" for number in range(count)))
    turns = []
    for manner in manners:
        first = suspicion.first()
        assert first is not None
        turns.append(first)
        if manner == "close":
            suspicion.closed(first)
        else:
            suspicion.stalled(first)
        assert suspicion.poison is None
        assert not suspicion.has_trial_due
    if len(turns) >= count:
        assert len(set(turns[:count])) == count


@given(st.integers(0, 7), st.integers(2, 8))
def test_one_refused_frame_is_poison_within_bounded_attempts(
    position: int, window_chunks: int
) -> None:
    """Each connection takes a single frame; a new one follows each that passes."""
    refused = f"c{position}"
    suspicion = suspicion_of(*(f"c{number}" for number in range(window_chunks)))
    added = window_chunks
    passed = []
    for _ in range(position + 2 * STRIKES):
        first = suspicion.first()
        assert first is not None
        if first == refused:
            suspicion.closed(first)
            continue
        suspicion.acked(first)
        passed.append(first)
        suspicion.add(f"c{added}", 1)
        added += 1
    assert suspicion.poison == refused
    assert len(passed) == position + STRIKES


@pytest.mark.parametrize("verdict", ["acked", "remove"])
def test_forgetting_the_accused_ends_the_accusation(verdict: str) -> None:
    suspicion = suspicion_of("a", "b", "c")
    suspicion.closed("a")
    getattr(suspicion, verdict)("a")
    assert suspicion.first() == "b"
