from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.decode.times import event_time, time_parser


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-07-10T12:34:56Z", (1_688_992_496, 0)),
        ("2023-07-10t12:34:56z", (1_688_992_496, 0)),
        ("2023-W28-1T12:34:56Z", (1_688_992_496, 0)),
        ("20230710T123456.1:5Z", None),
        ("2023-07-10T12:34:00Z", (1_688_992_440, 0)),
        ("2023-07-10T12:34:59Z", (1_688_992_499, 0)),
        ("1970-01-01T00:00:00.000Z", (0, 0)),
        ("2023-07-10T12:34:56.7Z", (1_688_992_496, 700_000_000)),
        ("2023-07-10T12:34:56.123456789Z", (1_688_992_496, 123_456_789)),
        ("2023-07-10T12:34:56.12345678Z", (1_688_992_496, 123_456_780)),
        ("2023-07-10T14:34:56+02:00", (1_688_992_496, 0)),
        ("2023-07-10T12:34:56", (1_688_992_496, 0)),
        ("1969-12-31T23:59:59.5Z", (-1, 500_000_000)),
    ],
)
def test_a_time_is_seconds_and_nanoseconds(
    text: str, expected: tuple[int, int] | None
) -> None:
    assert event_time(text) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "yesterday",
        1_688_992_496,
        {},
        [],
        "2023-02-30T00:00:00Z",
        "2023-07-10T12:34:60Z",
        "2" * 1000,
    ],
)
def test_anything_else_is_no_time(value: object) -> None:
    assert event_time(value) is None


@given(
    st.datetimes(min_value=datetime(1700, 1, 1), max_value=datetime(2300, 1, 1)),  # noqa: DTZ001 - the strategy asks for naive ones
    st.integers(-14 * 60, 14 * 60),
)
def test_every_moment_is_read_exactly(naive: datetime, offset_min: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=offset_min)))

    found = event_time(moment.isoformat())

    assert found is not None
    seconds, nanoseconds = found
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
        seconds=seconds, microseconds=nanoseconds // 1000
    ) == moment.astimezone(UTC)
    assert 0 <= nanoseconds < 10**9


@pytest.mark.parametrize(
    ("time_format", "value", "expected"),
    [
        ("epoch_s", 1_688_992_496, (1_688_992_496, 0)),
        ("epoch_s", 1_688_992_496.25, (1_688_992_496, 250_000_000)),
        ("epoch_s", "1688992496.123456789", (1_688_992_496, 123_456_789)),
        ("epoch_s", "-1.5", (-2, 500_000_000)),
        ("epoch_ms", 1_688_992_496_789, (1_688_992_496, 789_000_000)),
        ("epoch_ms", "1688992496789.5", (1_688_992_496, 789_500_000)),
        ("epoch_ms", 1.688992496e12, (1_688_992_496, 0)),
        ("%d/%b/%Y:%H:%M:%S %z", "10/Jul/2023:14:34:56 +0200", (1_688_992_496, 0)),
        ("%d/%b/%Y:%H:%M:%S %z", "[10/Jul/2023:14:34:56 +0200]", (1_688_992_496, 0)),
        ("[%d/%b/%Y:%H:%M:%S %z]", "[10/Jul/2023:14:34:56 +0200]", (1_688_992_496, 0)),
        ("%Y-%m-%d %H:%M:%S.%f", "2023-07-10 12:34:56.5", (1_688_992_496, 5 * 10**8)),
        ("epoch_s", True, None),
        ("epoch_s", None, None),
        ("epoch_s", [1], None),
        ("epoch_s", "", None),
        ("epoch_s", "1e9", None),
        ("epoch_s", "٣", None),
        ("epoch_s", "9" * 5000, None),
        ("epoch_s", 10**300, None),
        ("epoch_s", float("nan"), None),
        ("epoch_s", float("inf"), None),
        ("epoch_s", 1e300, None),
        ("%Y", 2023, None),
        ("%Y", "x", None),
        ("%Y-%m-%d %z", "0001-01-01 +2359", (-62_135_683_140, 0)),
    ],
)
def test_other_formats(
    time_format: str, value: object, expected: tuple[int, int] | None
) -> None:
    assert time_parser(time_format)(value) == expected
