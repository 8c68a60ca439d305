from __future__ import annotations

import pytest

from worker.backfill.pacing import BATCH, DEPTH_EVERY_S, DEPTH_HOLDS_S, Pacer


def send_for(pacer: Pacer, seconds: float, *, count: int = BATCH) -> int:
    """How many go in so many seconds, of a sender that waits as it is told."""
    now, sent = 0.0, 0
    while True:
        wait_s = pacer.wait_s(count, now)
        if not wait_s:
            pacer.sent(count)
            sent += count
            continue
        now += wait_s
        if now > seconds:
            return sent


@pytest.mark.parametrize("rate", [0.5, 3.0, 10.0, 250.0])
def test_no_more_than_the_rate_goes_after_the_first_batch(rate: float) -> None:
    sent = send_for(Pacer(rate=rate, max_depth=0), 100.0)
    assert abs(sent - (BATCH + 100 * rate)) <= BATCH


def test_a_pause_earns_no_more_than_a_second() -> None:
    pacer = Pacer(rate=100.0, max_depth=0)
    assert pacer.wait_s(BATCH, 0.0) == 0.0
    sent = 0
    while not pacer.wait_s(BATCH, 3_600.0):
        pacer.sent(BATCH)
        sent += BATCH
    assert sent == 100


def test_without_limits_nothing_waits() -> None:
    pacer = Pacer(rate=0, max_depth=0)
    assert not pacer.wants_depth(0.0)
    for _ in range(1_000):
        assert pacer.wait_s(BATCH, 0.0) == 0.0
        pacer.sent(BATCH)
    assert pacer.batch(500) == 500


@pytest.mark.parametrize(
    ("rate", "expected"), [(1.0, BATCH), (40.0, 40), (10_000, 500)]
)
def test_no_more_goes_together_than_a_second_allows(rate: float, expected: int) -> None:
    assert Pacer(rate=rate, max_depth=0).batch(500) == expected


def test_nothing_goes_before_the_depth_is_known() -> None:
    pacer = Pacer(rate=0, max_depth=100)
    assert pacer.wants_depth(0.0)
    assert pacer.wait_s(BATCH, 0.0) > 0
    pacer.on_depth(0, 0.0)
    assert not pacer.wants_depth(0.0)
    assert pacer.wait_s(BATCH, 0.0) == 0.0


def test_what_was_sent_counts_as_depth_until_the_next_answer() -> None:
    pacer = Pacer(rate=0, max_depth=100)
    pacer.on_depth(75, 0.0)
    for _ in range(3):
        assert pacer.wait_s(BATCH, 0.0) == 0.0
        pacer.sent(BATCH)
    assert pacer.wait_s(BATCH, 0.0) == DEPTH_EVERY_S
    assert not pacer.wants_depth(0.5)
    assert pacer.wants_depth(DEPTH_EVERY_S)
    pacer.on_depth(99, DEPTH_EVERY_S)
    assert pacer.wait_s(BATCH, DEPTH_EVERY_S) == 0.0


def test_a_queue_that_is_too_deep_is_waited_for() -> None:
    pacer = Pacer(rate=0, max_depth=100)
    pacer.on_depth(100, 1.0)
    pacer.on_depth(250, 2.0)
    assert (pacer.waits_since, pacer.depth) == (1.0, 250)
    assert pacer.wait_s(BATCH, 2.0) == DEPTH_EVERY_S
    assert pacer.wants_depth(3.0)
    pacer.on_depth(99, 3.0)
    assert pacer.waits_since is None
    assert pacer.wait_s(BATCH, 3.0) == 0.0
    assert not pacer.wants_depth(3.0 + DEPTH_HOLDS_S - 0.1)
    assert pacer.wants_depth(3.0 + DEPTH_HOLDS_S)
