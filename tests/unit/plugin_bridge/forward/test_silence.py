from __future__ import annotations

from plugin_bridge.forward.silence import AckTimer


def timer_of(*chunks: str) -> AckTimer:
    """Return a timer of 10 s; the chunks are written at second 1, 2 and so on."""
    timer = AckTimer(10.0)
    for second, chunk in enumerate(chunks, 1):
        timer.written(chunk, float(second))
    return timer


def test_nothing_is_awaited_before_a_frame_is_whole() -> None:
    timer = timer_of()
    assert timer.deadline() is None
    assert not timer.is_silent(1e9)


def test_silence_counts_from_the_first_whole_frame() -> None:
    timer = timer_of("c1", "c2")
    assert timer.deadline() == 11.0
    assert not timer.is_silent(10.9)
    assert timer.is_silent(11.0)


def test_silence_counts_anew_from_each_answer() -> None:
    timer = timer_of("c1", "c2")
    timer.acked("c1", 5.0)
    assert timer.deadline() == 15.0
    timer.acked("c2", 6.0)
    assert timer.deadline() is None
    assert not timer.is_silent(1e9)


def test_a_passed_frame_is_overdue_by_its_own_time() -> None:
    timer = timer_of("c1", "c2", "c3")
    timer.acked("c2", 8.0)
    assert timer.deadline() == 11.0
    assert timer.skipped(10.9) == []
    assert timer.skipped(11.0) == ["c1"]
    assert timer.skipped_count == 1
    assert timer.deadline() == 18.0  # c3
    assert not timer.is_silent(17.9)


def test_a_passed_frame_is_named_once() -> None:
    timer = timer_of("c1", "c2", "c3")
    timer.acked("c2", 8.0)
    timer.skipped(11.0)
    timer.acked("c3", 12.0)
    assert timer.skipped(30.0) == []


def test_all_that_a_later_answer_passed_are_overdue_in_order() -> None:
    timer = timer_of("c1", "c2", "c3", "c4")
    timer.acked("c3", 8.0)
    assert timer.skipped(11.5) == ["c1"]
    assert timer.skipped(12.0) == ["c2"]
    assert timer.skipped_count == 2


def test_what_is_answered_late_is_skipped_no_longer() -> None:
    timer = timer_of("c1", "c2", "c3")
    timer.acked("c2", 8.0)
    timer.skipped(11.0)
    timer.acked("c1", 12.0)
    assert timer.skipped_count == 0


def test_what_is_answered_in_time_is_never_skipped() -> None:
    timer = timer_of("c1", "c2", "c3")
    timer.acked("c2", 8.0)
    timer.acked("c1", 9.0)
    assert timer.skipped(1e9) == []


def test_a_skipped_frame_is_no_silence() -> None:
    timer = timer_of("c1", "c2")
    timer.acked("c2", 2.0)
    assert timer.skipped(12.0) == ["c1"]
    assert not timer.is_silent(12.0)


def test_a_frame_has_its_time_whoever_is_skipped_before_it() -> None:
    timer = timer_of("c1", "c2")
    timer.acked("c2", 2.0)
    timer.written("c3", 9.0)
    timer.skipped(12.0)
    assert not timer.is_silent(18.9)
    assert timer.deadline() == 19.0
    assert timer.is_silent(19.0)


def test_the_last_frame_is_passed_by_none() -> None:
    timer = timer_of("c1", "c2")
    timer.acked("c1", 3.0)
    assert timer.skipped(1e9) == []
    assert timer.is_silent(13.0)
