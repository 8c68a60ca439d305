from __future__ import annotations

from collections import Counter

import pytest

from tests.unit.worker.backfill.conftest import found
from worker.backfill.counts import Place, Tally, place_of
from worker.backfill.walk import Leg

DAY = "2026/11/18"


@pytest.mark.parametrize(
    ("key", "place"),
    [
        (f"AWSLogs/111111111111/CloudTrail/eu-west-1/{DAY}/x", "111111111111"),
        (f"a/b/AWSLogs/o-x1/222222222222/CloudTrail/eu-west-1/{DAY}/x", "222222222222"),
    ],
)
def test_an_object_belongs_where_its_key_says(key: str, place: str) -> None:
    assert place_of(found(key)) == Place(place, "eu-west-1", "2026-11-18")


def test_another_one_belongs_to_the_day_on_which_it_was_written() -> None:
    assert place_of(found("logs/x.json")) == Place("", "", "2026-11-20")


def test_a_tally_adds_up() -> None:
    tally = Tally()
    tally.add(Leg([found("a"), found("b", size_bytes=1)], Counter(empty=2), "b"))
    tally.add(Leg([found("c")], Counter(empty=1, archived=1), "d"))
    assert (tally.objects, tally.size_bytes) == (3, 201)
    assert tally.left_out == Counter(empty=3, archived=1)
    assert tally.by_place == {Place("", "", "2026-11-20"): (3, 201)}
