from __future__ import annotations

from plugin_bridge.forward.backoff import Backoff


def test_doubles_up_to_the_longest() -> None:
    backoff = Backoff()
    delays = [backoff.next_delay_s(1.0) for _ in range(11)]
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]


def test_jitter_takes_a_part_of_the_span() -> None:
    backoff = Backoff(first_s=2.0, longest_s=8.0)
    assert [backoff.next_delay_s(j) for j in (0.0, 0.5, 0.25)] == [0.0, 2.0, 2.0]


def test_reset_begins_again() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.next_delay_s(1.0)
    backoff.reset()
    assert backoff.next_delay_s(1.0) == 0.1
