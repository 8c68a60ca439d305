"""When a record happened, as the Forward protocol wants it. No I/O."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_A_DAY = 86_400
_BELOW_MICROSECONDS = re.compile(r"[.,][0-9]{6}([0-9]{1,3})")  # datetime drops them
_MAX_CHARACTERS = 64  # longer ones are no times, and not worth remembering


def event_time(value: object) -> tuple[int, int] | None:
    """Read an ISO 8601 time; without a zone it is UTC.

    Records beside each other mostly share their second, so values are remembered.

    Args:
        value: A record's ``eventTime``, whatever it is.

    Returns:
        Seconds since 1970 and nanoseconds within the second (0..999,999,999), or None
        where the value is no such time.
    """
    if not isinstance(value, str) or len(value) > _MAX_CHARACTERS:
        return None
    return _iso8601(value)


@lru_cache(maxsize=1024)
def _iso8601(text: str) -> tuple[int, int] | None:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        since = moment - _EPOCH
    except ValueError:
        return None
    nanoseconds = since.microseconds * 1000
    if finer := _BELOW_MICROSECONDS.search(text):
        nanoseconds += int(finer[1].ljust(3, "0"))
    return since.days * _SECONDS_A_DAY + since.seconds, nanoseconds
