"""Events taken out of what other services wrap them in.

EventBridge has the event in ``detail``. ``aws cloudtrail lookup-events`` prints
``Events`` with the event as a text in each ``CloudTrailEvent``. CloudWatch Logs has it
as the ``message`` of ``logEvents`` (a subscription) or ``events`` (what its tools
print), and as the field ``@message`` of ``results`` (Logs Insights). SNS has it in
``Message``, and trailfeed's raw records in ``log``.

Source: EventBridge user guide, "AWS service events delivered via AWS CloudTrail"; AWS
CLI reference, "lookup-events", "filter-log-events", "get-query-results"; CloudWatch
Logs user guide, "Real-time processing of log data with subscriptions".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.decode.json_values import parse_value
from worker.errors import BadObjectError
from worker.transform.audit import is_event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LISTS: Final = ("logEvents", "Events", "events", "results")
_MEMBERS: Final = ("detail", "CloudTrailEvent", "message", "@message", "Message", "log")
_MAX_DEPTH: Final = 6
"""An event in EventBridge's envelope, in SNS's, in CloudWatch's, each a text."""


def events_in(records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any] | None]:
    """Yield the events; None stands for each record that holds none."""
    for record in records:
        if is_event(record):
            yield record
        else:
            yield from _unwrapped(record, _MAX_DEPTH)


def others_remarks(count: int) -> list[str]:
    """What people should know of records that hold no event."""
    if not count:
        return []
    records = "1 record" if count == 1 else f"{count:,} records"
    are = "is no event" if count == 1 else "are no events"
    return [f"{records} passed over that {are} of CloudTrail"]


def _unwrapped(value: object, depth: int) -> Iterator[dict[str, Any] | None]:
    if isinstance(value, str):
        value = _parsed(value)
    if not isinstance(value, dict) or not depth:
        yield None
    elif is_event(value):
        yield value
    else:
        for name in _LISTS:
            if isinstance(entries := value.get(name), list):
                for entry in entries:
                    yield from _unwrapped(_fields(entry), depth - 1)
                return
        for name in _MEMBERS:
            if name in value:
                yield from _unwrapped(value[name], depth - 1)
                return
        yield None


def _fields(entry: object) -> object:
    """An entry; one of Logs Insights is a list of ``{"field", "value"}``."""
    if not isinstance(entry, list):
        return entry
    return {
        one["field"]: one.get("value")
        for one in entry
        if isinstance(one, dict) and isinstance(one.get("field"), str)
    }


def _parsed(text: str) -> object:
    if not text.lstrip().startswith("{"):
        return None
    try:
        return parse_value(text.encode(errors="surrogatepass"))
    except BadObjectError:
        return None
