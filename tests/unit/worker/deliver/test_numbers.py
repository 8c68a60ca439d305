from __future__ import annotations

import pytest

from worker.deliver.numbers import OTHER, Histogram, Tally


def test_a_name_that_nobody_declared_counts_as_other() -> None:
    tally = Tally.of("a", "b")
    tally.add("a")
    tally.add("new", 2)
    assert tally.counts == {"a": 1, "b": 0, OTHER: 2}
    assert tally.total == 3


def test_counts_that_were_kept_elsewhere_replace_those_here() -> None:
    tally = Tally.of("a", "b")
    for _ in range(2):
        tally.set({"a": 4, "new": 1, "newer": 2})
    assert tally.counts == {"a": 4, "b": 0, OTHER: 3}


@pytest.mark.parametrize(
    ("value", "bucket"), [(0.0, 0), (1.0, 0), (1.001, 1), (2.0, 1), (2.5, 2)]
)
def test_a_bound_belongs_to_its_bucket(value: float, bucket: int) -> None:
    histogram = Histogram((1.0, 2.0))
    histogram.observe(value)
    assert histogram.counts == [int(n == bucket) for n in range(3)]
    assert histogram.total == value


@pytest.mark.parametrize("made", [Tally.of("a", "b"), Histogram((1.0, 2.0))])
def test_a_row_becomes_the_same_again(made: Tally | Histogram) -> None:
    row = [float(n) for n in range(len(made.to_row()))]
    again = made.like(row)
    assert again.to_row() == row
    assert again != made
