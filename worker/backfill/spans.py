"""A time of a trail as ranges of keys: nothing outside is listed. No I/O.

In a region's folder keys sort by time: ``YYYY/MM/DD/`` and in there
``ACCOUNT_KIND_REGION_YYYYMMDDTHHmmZ_….json.gz``, where the time is the delivery's.

Source: AWS CloudTrail User Guide, "CloudTrail log file name format".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_DAY: Final = date(2013, 11, 1)
"""CloudTrail began in that month."""

_MINUTE: Final = timedelta(minutes=1)
_INSTANT: Final = timedelta(microseconds=1)
_TIME_IN_NAME: Final = re.compile(r"_(\d{8}T\d{4})(?:\d\d)?Z[_.]")
_TIME: Final = "%Y%m%dT%H%M"
_DAY: Final = "%Y/%m/%d"
_DIGESTS: Final = "CloudTrail-Digest"


@dataclass(frozen=True, slots=True)
class Period:
    """Objects delivered from ``since`` on, and before ``until``; None: no bound."""

    since: datetime | None
    until: datetime

    def holds(self, key: str, modified: datetime) -> bool:
        """Whether an object was delivered then.

        Args:
            key: CloudTrail's names say the minute.
            modified: When it was written, for all others.
        """
        match = _TIME_IN_NAME.search(key, key.rfind("/") + 1)
        begin = end = modified
        if match is not None:
            try:
                begin = datetime.strptime(match[1], _TIME).replace(tzinfo=UTC)
                end = begin + _MINUTE - _INSTANT
            except ValueError:
                pass
        return begin < self.until and (self.since is None or end >= self.since)


@dataclass(frozen=True, slots=True)
class Span:
    """Keys below a prefix.

    Attributes:
        prefix: Of all of them.
        after: They sort after this one; empty: no bound.
        before: They sort before this one; empty: no bound.
    """

    prefix: str
    after: str = ""
    before: str = ""

    def from_key(self, cursor: str) -> Span | None:
        """What of it sorts after a key; None: nothing."""
        if cursor.startswith(self.prefix):
            return Span(self.prefix, max(self.after, cursor), self.before)
        return self if self.prefix > cursor else None


def spans_of_region(folder: str, period: Period, today: date) -> Iterator[Span]:
    """The ranges of keys in a region's folder that a period needs, in their order.

    They hold nothing of the days before and after it, and are as few as can be: a
    year, a month or ten days are one prefix.

    Args:
        folder: ``…ACCOUNT/KIND/REGION/``.
        period: Objects delivered then.
        today: Nothing was delivered on a later day.
    """
    account, kind, region = folder.rstrip("/").split("/")[-3:]
    # A digest's name holds more before its time.
    stem = "" if kind == _DIGESTS else f"{account}_{kind}_{region}_"
    after = before = ""
    first, last = FIRST_DAY, (period.until - _INSTANT).date()
    if period.since is not None:
        first = max(period.since.date(), FIRST_DAY)
        after = f"{folder}{first:{_DAY}}/"
        if stem and first == period.since.date():
            after += f"{stem}{period.since:{_TIME}}"
    if first > last:
        return
    if stem and last == period.until.date():
        end = period.until + _MINUTE - _INSTANT  # of the minute that it falls into
        if end.date() == last:
            before = f"{folder}{last:{_DAY}}/{stem}{end:{_TIME}}"
    prefixes = _prefixes_until(first, last) if last < today else [""]
    for prefix in prefixes:
        is_first = f"{folder}{prefix}" == after[: len(folder) + len(prefix)]
        is_last = prefix == f"{last:{_DAY}}/" or not prefix
        yield Span(
            f"{folder}{prefix}", after if is_first else "", before if is_last else ""
        )


def _prefixes_until(first: date, last: date) -> Iterator[str]:
    """Beginnings of days' folders: together all from ``first``'s on, up to ``last``'s.

    What the first of them holds before ``first`` is not left out.
    """
    begin, end = f"{first:{_DAY}}/", f"{last:{_DAY}}/"
    for place, digit in enumerate(end):
        if not digit.isdigit():
            continue
        for lower in range(int(digit)):
            prefix = f"{end[:place]}{lower}"
            if prefix >= begin[: len(prefix)]:
                yield prefix
    yield end
