"""The restart policy: doubling delays, forgotten after a healthy life."""

from __future__ import annotations

from worker.pool.restart import (
    FIRST_DELAY_S,
    HEALTHY_AFTER_S,
    MAX_DELAY_S,
    RestartPolicy,
)


def test_delays_double_up_to_the_longest() -> None:
    policy = RestartPolicy()
    delays = [policy.on_death(lived_s=0.0, jitter=1.0) for _ in range(12)]
    assert delays[:4] == [FIRST_DELAY_S * factor for factor in (1, 2, 4, 8)]
    assert delays == sorted(delays)
    assert delays[-1] == MAX_DELAY_S


def test_a_healthy_life_starts_the_delays_anew() -> None:
    policy = RestartPolicy()
    for _ in range(5):
        policy.on_death(lived_s=0.0, jitter=1.0)
    assert policy.on_death(lived_s=HEALTHY_AFTER_S, jitter=1.0) == FIRST_DELAY_S


def test_jitter_takes_away_half_at_the_most() -> None:
    assert RestartPolicy().on_death(lived_s=0.0, jitter=0.0) == FIRST_DELAY_S / 2


def test_endless_deaths_do_not_overflow() -> None:
    policy = RestartPolicy()
    delays = [policy.on_death(lived_s=0.0, jitter=1.0) for _ in range(5000)]
    assert delays[-1] == MAX_DELAY_S
