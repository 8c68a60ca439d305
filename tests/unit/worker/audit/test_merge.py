from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.worker.audit.events import event
from worker.audit.merge import Newest, count_key
from worker.transform.audit import view


@given(st.lists(st.integers(0, 99), max_size=40), st.integers(1, 10))
def test_the_newest_are_kept_the_first_ones_first(times: list[int], limit: int) -> None:
    newest = Newest(limit, copies=True)
    views = [view(event(time)) for time in times]
    for seen in views:
        newest.add(seen)
    expected = sorted(views, key=lambda seen: seen["when"] or "", reverse=True)[:limit]
    assert newest.newest_first() == expected
    is_full = len(times) >= limit
    assert newest.oldest == (expected[-1]["when"] if is_full else None)


@given(st.lists(st.integers(0, 20), max_size=60), st.integers(0, 10))
def test_each_event_is_kept_once(times: list[int], limit: int) -> None:
    newest = Newest(limit)
    for time in times:
        newest.add(view(event(time)))
    expected = [f"e-{time}" for time in sorted(set(times), reverse=True)]
    kept = [seen["event_id"] for seen in newest.newest_first()]
    assert kept == expected[: limit or None]


@pytest.mark.parametrize("timeless", [{}, {"eventTime": "zzz"}, {"eventTime": "9999"}])
def test_views_without_a_time_are_the_oldest(timeless: dict[str, Any]) -> None:
    newest = Newest(1)
    newest.add(view(timeless))
    newest.add(view(event(1)))
    newest.add(view(timeless))
    assert [seen["event_id"] for seen in newest.newest_first()] == ["e-1"]


def test_counting_by_fields_of_any_type() -> None:
    seen = view(event(1, readOnly=True))
    assert count_key(seen, ("who", "read_only", "mfa")) == ("jane", "true", "-")
