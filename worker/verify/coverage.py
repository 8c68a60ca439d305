"""Which files are there though no digest names them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.verify.digest import Digest

MARGIN: Final = timedelta(minutes=15)
"""By so much a file may be in the digest before or after the one its name tells."""

_DAY: Final = timedelta(days=1)
_FOLDER: Final = re.compile(r"(\d{4}/\d\d/\d\d)/")
_NAME: Final = re.compile(r"_(\d{8}T\d{4})Z_[^/]*\Z")


class Coverage:
    """The times that believed digests cover, and the files that they name.

    Args:
        bucket: Of the files.
        prefix: Of their keys: an account's logs in one region.
    """

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._named: set[str] = set()
        self._spans: list[tuple[datetime, datetime]] = []

    def add(self, digest: Digest) -> None:
        """Take in a digest."""
        self._spans.append((digest.start, digest.end))
        self._named.update(
            file.key.removeprefix(self._prefix)
            for file in digest.log_files
            if file.bucket == self._bucket
        )

    def spans(self) -> list[tuple[datetime, datetime]]:
        """Beginning and end of each time that is covered throughout, in order."""
        joined: list[tuple[datetime, datetime]] = []
        for begin, end in sorted(self._spans):
            if joined and begin <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
            else:
                joined.append((begin, end))
        return joined

    def unnamed(
        self, keys: Iterator[str], since: datetime | None, until: datetime
    ) -> Iterator[str]:
        """Yield the keys that some digest would have to name, and none does.

        Args:
            keys: Below the prefix.
            since: Files before then are not judged.
            until: Nor are those from then on.
        """
        spans = self.spans()
        for key in keys:
            if key.endswith("/") or key.removeprefix(self._prefix) in self._named:
                continue
            times = _times_of(key.removeprefix(self._prefix))
            if times is None:
                continue
            begin, end = times
            if end < (since or begin) or begin >= until:
                continue
            if any(_is_told(begin, end, span) for span in spans):
                yield key


def _is_told(begin: datetime, end: datetime, span: tuple[datetime, datetime]) -> bool:
    """Whether a file of this time would be named by the digests of a span.

    One whose name says only the day would be by those of any part of it.
    """
    if begin == end:
        return span[0] <= begin - MARGIN and end + MARGIN <= span[1]
    return span[0] < end and begin < span[1]


def _times_of(name: str) -> tuple[datetime, datetime] | None:
    """The minute that a name says, twice, or else beginning and end of its day."""
    try:
        if match := _NAME.search(name):
            minute = datetime.strptime(f"{match[1]}+0000", "%Y%m%dT%H%M%z")
            return minute, minute
        if match := _FOLDER.match(name):
            day = datetime.strptime(f"{match[1]}+0000", "%Y/%m/%d%z").astimezone(UTC)
            return day, day + _DAY
    except ValueError:
        pass
    return None
