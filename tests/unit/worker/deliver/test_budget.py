"""The byte budget: what it admits, and that charges never drift."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.deliver.budget import MIN_OBJECT_BYTES, Budget, estimate_bytes


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
