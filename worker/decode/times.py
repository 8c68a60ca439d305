"""When a record happened, as the Forward protocol wants it. No I/O."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    TimeParser = Callable[[object], tuple[int, int] | None]
    """Takes a value, whatever it is, and gives seconds since 1970 and nanoseconds
    within the second (0..999,999,999), or None where the value is no such time."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_A_DAY = 86_400
_BELOW_MICROSECONDS = re.compile(r"[.,][0-9]{6}([0-9]{1,3})")  # datetime drops them
_MAX_CHARACTERS = 64  # longer ones are no times, and not worth remembering
_MINUTE_CHARACTERS = len("2026-11-21T12:00")
_SECONDS = {f":{second:02}Z": second for second in range(60)}
_DECIMAL = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{0,20})?")
_MAX_EPOCH = 10**15


def time_parser(time_format: str) -> TimeParser:
    """Return what reads times of a format.

    Args:
        time_format: ``iso8601``, ``epoch_s``, ``epoch_ms`` (numbers, or texts of them)
            or a format of :meth:`datetime.datetime.strptime`.
    """
    match time_format:
        case "iso8601":
            return event_time
        case "epoch_s":
            return lambda value: _since_epoch(value, 1)
        case "epoch_ms":
            return lambda value: _since_epoch(value, 1000)
        case _:
            return _strptime(time_format)


def event_time(value: object) -> tuple[int, int] | None:
    """Read an ISO 8601 time; without a zone it is UTC.

    Records beside each other mostly share their minute, so these are remembered.
    """
    if not isinstance(value, str) or len(value) > _MAX_CHARACTERS:
        return None
    second = _SECONDS.get(value[_MINUTE_CHARACTERS:])
    if second is None:
        return _iso8601(value)
    minute_s = _minute(value[:_MINUTE_CHARACTERS])
    return None if minute_s is None else (minute_s + second, 0)


@lru_cache(maxsize=1024)
def _minute(text: str) -> int | None:
    """When a minute begins."""
    found = _iso8601(f"{text}:00Z")
    return None if found is None else found[0]


@lru_cache(maxsize=1024)
def _iso8601(text: str) -> tuple[int, int] | None:
    try:
        since = _since(_moment(text))
    except (ValueError, OverflowError):
        return None
    if finer := _BELOW_MICROSECONDS.search(text):
        return since[0], since[1] + int(finer[1].ljust(3, "0"))
    return since


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromisoformat(text.upper())  # RFC 3339 allows t and z


def _strptime(time_format: str) -> TimeParser:
    @lru_cache(maxsize=1024)
    def remembered(text: str) -> tuple[int, int] | None:
        try:
            return _since(datetime.strptime(text, time_format))  # noqa: DTZ007 - UTC
        except (ValueError, OverflowError):
            return None

    has_brackets = time_format.startswith("[")

    def parse(value: object) -> tuple[int, int] | None:
        if not isinstance(value, str) or len(value) > _MAX_CHARACTERS:
            return None
        if value.startswith("[") and value.endswith("]") and not has_brackets:
            value = value[1:-1]  # as access logs have it
        return remembered(value)

    return parse


def _since(moment: datetime) -> tuple[int, int]:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - _EPOCH
    return since.days * _SECONDS_A_DAY + since.seconds, since.microseconds * 1000


def _since_epoch(value: object, units_a_second: int) -> tuple[int, int] | None:
    match value:
        case bool():
            return None
        case int():
            number = Decimal(value) if abs(value) < _MAX_EPOCH else None
        case float():
            number = Decimal(repr(value)) if abs(value) < _MAX_EPOCH else None
        case str():
            number = Decimal(value) if _DECIMAL.fullmatch(value) else None
        case _:
            return None
    if number is None or abs(number) >= _MAX_EPOCH:
        return None
    nanoseconds = int(number * (10**9 // units_a_second))
    return divmod(nanoseconds, 10**9)
