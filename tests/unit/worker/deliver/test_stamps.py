"""Stamps are made once for each text, and of nothing else than usable times."""

from __future__ import annotations

import pytest

from worker.decode.record_time import RecordTime
from worker.deliver.stamps import Stamps


def stamps_of(made: list[tuple[int, int]], field: str = "eventTime") -> Stamps:
    def prepare(seconds: int, nanoseconds: int) -> tuple[int, int]:
        made.append((seconds, nanoseconds))
        return made[-1]

    return Stamps(RecordTime(field, "iso8601"), prepare)


def test_a_text_is_read_once() -> None:
    made: list[tuple[int, int]] = []
    known = stamps_of(made).known
    assert known["2026-01-01T00:01:05Z"] == (1_767_225_665, 0)
    assert known["2026-01-01T00:01:05Z"] == (1_767_225_665, 0)
    assert known["2026-01-01T00:01:05.5Z"] == (1_767_225_665, 500_000_000)
    assert made == [(1_767_225_665, 0), (1_767_225_665, 500_000_000)]


@pytest.mark.parametrize(
    "value", ["", "x", "1970-01-21T00:00:00Z", "2101-01-01T00:00:00Z", 1, True, None]
)
def test_what_is_no_usable_time_is_not_known(value: object) -> None:
    stamps = stamps_of([])
    with pytest.raises(KeyError):
        stamps.known[value]  # type: ignore[index]
    assert not stamps.known
    assert stamps.of({"eventTime": value}) is None


def test_nothing_is_known_by_its_text_where_the_time_lies_deeper() -> None:
    stamps = stamps_of([], "at.time")
    with pytest.raises(KeyError):
        stamps.known["2026-01-01T00:01:05Z"]
    assert stamps.of({"at": {"time": "2026-01-01T00:01:05Z"}}) == (1_767_225_665, 0)


def test_what_is_remembered_is_bounded() -> None:
    known = stamps_of([]).known
    for minute in range(5_000):
        hour, rest = divmod(minute, 60)
        day, hour = divmod(hour, 24)
        assert known[f"2026-11-{day + 1:02}T{hour:02}:{rest:02}:00Z"]
    assert 0 < len(known) <= 4096
