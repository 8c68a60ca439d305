"""The byte budget: what it admits, and that charges never drift."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.decode.limits import DecodeLimits
from worker.deliver.budget import (
    MIN_OBJECT_BYTES,
    WORKER_BYTES,
    Budget,
    estimate_bytes,
    worst_worker_bytes,
)

MIB = 1 << 20


def test_one_object_above_the_limit_runs_alone() -> None:
    budget = Budget(100)
    assert budget.admits(1000)
    budget.charge("large", 1000)
    assert budget.is_full
    assert not budget.admits(1)
    budget.release("large")
    assert budget.admits(100)


def test_a_later_charge_takes_the_place_of_the_former() -> None:
    budget = Budget(100)
    budget.charge("a", 60)
    budget.charge("a", 10)
    assert budget.used_bytes == 10
    assert budget.admits(90)
    assert not budget.admits(91)


def test_an_unknown_size_is_not_free() -> None:
    assert estimate_bytes(None) == estimate_bytes(0) == MIN_OBJECT_BYTES
    assert estimate_bytes(1_000_000) > 1_000_000


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 1000))),
)
def test_used_is_always_the_sum_of_the_charges(
    steps: list[tuple[str, int | None]],
) -> None:
    budget, model = Budget(10), dict[str, int]()
    for owner, size_bytes in steps:
        if size_bytes is None:
            budget.release(owner)
            model.pop(owner, None)
        else:
            budget.charge(owner, size_bytes)
            model[owner] = size_bytes
        assert budget.used_bytes == sum(model.values())


def test_messages_take_room_and_keep_no_object_from_being_begun() -> None:
    budget = Budget(100, reserved_bytes=40)
    budget.messages_bytes = 50
    assert not budget.is_full
    assert budget.admits(1000), "nothing else is there"
    budget.charge("a", 5)
    assert budget.admits(5)
    assert not budget.admits(6)
    budget.messages_bytes = 60
    assert budget.is_full


@pytest.mark.parametrize("inflight_bytes", [128 * MIB, 256 * MIB, 1 << 30])
def test_what_waits_and_what_is_decoded_share_the_budget(inflight_bytes: int) -> None:
    budget = Budget.of(inflight_bytes)
    assert budget.reserved_bytes == DecodeLimits.of(inflight_bytes).total_bytes
    assert worst_worker_bytes(inflight_bytes) == WORKER_BYTES + inflight_bytes


def test_a_small_budget_takes_what_works_at_least() -> None:
    assert worst_worker_bytes(1) == worst_worker_bytes(64 * MIB)
    assert worst_worker_bytes(1) < worst_worker_bytes(128 * MIB)
    assert not Budget.of(1).is_full
