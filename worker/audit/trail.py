"""CloudTrail's layout of keys and names, as far as it tells what to read.

``[prefix/]AWSLogs/[o-…/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/`` and in there
``ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHmmZ_….json.gz``; that time is the delivery's.

Source: AWS CloudTrail User Guide, "CloudTrail log file name format".
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LATE_DAYS: Final = 1
"""Days after an event in which its file is looked for. Minutes are usual."""

FIRST_DAY: Final = date(2013, 11, 1)
"""CloudTrail began in that month."""

_DAY: Final = timedelta(days=1)
_NAME: Final = re.compile(
    r"\d{12}_(?P<kind>CloudTrail[\w-]*?)_(?P<region>[a-z]{2,}(?:-[a-z0-9]+)+)_"
    r"(?P<time>\d{8}T\d{4})Z_[^/]*\Z"
)
_DIGESTS: Final = "CloudTrail-Digest"
_TIME: Final = "%Y%m%dT%H%M"
_FILES: Final = (
    ".json",
    ".json.gz",
    ".gz",
    ".jsonl",
    ".ndjson",
    ".json.zst",
    ".zst",
    ".json.bz2",
    ".json.xz",
)


def is_log(name: str) -> bool:
    """Whether a file is a log by its name; digests are none."""
    return name.endswith(_FILES) and not is_digest(name)


def is_digest(name: str) -> bool:
    """Whether a file is one of CloudTrail's digests by its name."""
    return f"_{_DIGESTS}_" in name


def delivered_at(name: str) -> datetime | None:
    """When a file was delivered, at the latest; None: its name does not say.

    No event in it is later.
    """
    match = _NAME.search(name)
    if match is None:
        return None
    try:
        begin = datetime.strptime(match["time"], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return begin + timedelta(minutes=1)


def folders(since: date, until: date) -> Iterator[str]:
    """The folders below a region's that hold these days, both included, newest first.

    Whole months are one folder.
    """
    first = max(since, FIRST_DAY)
    day = until
    while day >= first:
        is_last = (day + _DAY).day == 1
        if is_last and day.replace(day=1) >= first:
            yield f"{day:%Y/%m}/"
            day = day.replace(day=1) - _DAY
        else:
            yield f"{day:%Y/%m/%d}/"
            day -= _DAY
