from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.backfill.spans import Period, Span, spans_of_region

FOLDER = "AWSLogs/111111111111/CloudTrail/eu-west-1/"
STEM = "111111111111_CloudTrail_eu-west-1_"
LATE = date(2030, 1, 1)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def key_of(time: datetime, *, folder: str = FOLDER, stem: str = STEM) -> str:
    return f"{folder}{time:%Y/%m/%d}/{stem}{time:%Y%m%dT%H%M}Z_AbCd.json.gz"


def spans(since: str, until: str, *, today: date = LATE) -> list[Span]:
    period = Period(instant(since) if since else None, instant(until))
    return [*spans_of_region(FOLDER, period, today)]


def holds(span: Span, key: str) -> bool:
    """Whether S3, asked for a span, gives a key that is taken."""
    is_before = not span.before or key < span.before
    return key.startswith(span.prefix) and key > span.after and is_before


def test_a_time_is_few_prefixes_and_none_beyond_it() -> None:
    assert [span.prefix.removeprefix(FOLDER) for span in spans("", "2026-11-12")] == [
        *("201", "2020", "2021", "2022", "2023", "2024", "2025"),
        *("2026/0", "2026/10", "2026/11/0", "2026/11/10", "2026/11/11/"),
    ]


def test_a_part_of_a_day_begins_and_ends_in_its_midst() -> None:
    assert spans("2026-11-20T08:00", "2026-11-20T12:30") == [
        Span(
            f"{FOLDER}2026/11/20/",
            f"{FOLDER}2026/11/20/{STEM}20261120T0800",
            f"{FOLDER}2026/11/20/{STEM}20261120T1230",
        )
    ]


def test_up_to_today_is_one_listing_as_nothing_comes_after_it() -> None:
    (span,) = spans("2025-02-03", "2026-11-20T12:00", today=date(2026, 11, 20))
    assert span == Span(
        FOLDER,
        f"{FOLDER}2025/02/03/{STEM}20250203T0000",
        f"{FOLDER}2026/11/20/{STEM}20261120T1200",
    )


def test_a_time_before_cloudtrail_needs_no_listing() -> None:
    assert spans("2001-01-01", "2013-10-31") == []
    assert spans("2001-01-01", "2013-11-02")[0].after == f"{FOLDER}2013/11/01/"


@given(
    since=st.datetimes(datetime(2013, 11, 2), datetime(2029, 12, 1)),  # noqa: DTZ001
    length=st.timedeltas(timedelta(microseconds=1), timedelta(days=900)),
    offset=st.timedeltas(timedelta(days=-40), timedelta(days=940)),
    is_open=st.booleans(),
)
def test_every_minute_asked_for_is_listed_once_and_no_other_day(
    since: datetime, length: timedelta, offset: timedelta, is_open: bool
) -> None:
    since = since.replace(tzinfo=UTC)
    period = Period(None if is_open else since, since + length)
    delivered = (since + offset).replace(second=0, microsecond=0)
    key = key_of(delivered)
    found = sum(
        holds(span, key) for span in spans_of_region(FOLDER, period, date(2040, 1, 1))
    )
    is_asked_for = period.holds(key, delivered) and delivered.year >= 2013
    assert found == is_asked_for


@given(
    since=st.datetimes(datetime(2013, 11, 2), datetime(2029, 12, 1)),  # noqa: DTZ001
    days=st.integers(0, 900),
)
def test_spans_come_in_the_order_of_keys(since: datetime, days: int) -> None:
    since = since.replace(tzinfo=UTC)
    period = Period(since, since + timedelta(days=days, seconds=1))
    prefixes = [span.prefix for span in spans_of_region(FOLDER, period, LATE)]
    assert prefixes == sorted(prefixes)
    assert len(prefixes) < 45


def test_a_digest_is_found_by_its_day_and_told_by_its_time() -> None:
    folder = "AWSLogs/111111111111/CloudTrail-Digest/eu-west-1/"
    period = Period(instant("2026-11-20T08:00"), instant("2026-11-20T12:00"))
    (span,) = spans_of_region(folder, period, LATE)
    assert span == Span(f"{folder}2026/11/20/", f"{folder}2026/11/20/")
    name = "111111111111_CloudTrail-Digest_eu-west-1_trail_us-east-1_20261120T{}Z.json"
    modified = instant("2026-11-25")
    times = ("075959", "080000", "115900", "120000")
    assert [period.holds(folder + name.format(t), modified) for t in times] == [
        *(False, True, True, False)
    ]


@pytest.mark.parametrize("name", ["x.json", "x_20269920T0800Z_y", "x_20261120T08Z_y"])
def test_another_name_is_told_by_when_it_was_written(name: str) -> None:
    period = Period(instant("2026-11-20"), instant("2026-11-21"))
    assert period.holds(name, instant("2026-11-20T23:59:59"))
    assert not period.holds(name, instant("2026-11-21"))
    assert not period.holds(name, instant("2026-11-19T23:59:59"))


def test_a_span_goes_on_after_a_key() -> None:
    span = Span("a/2/", after="a/2/b", before="a/2/x")
    assert span.from_key("a/1/z") == span
    assert span.from_key("a/2/a") == span
    assert span.from_key("a/2/c") == Span("a/2/", "a/2/c", "a/2/x")
    assert span.from_key("a/3/a") is None
