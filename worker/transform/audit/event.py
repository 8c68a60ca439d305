"""What is an event of CloudTrail, and what is another record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_OTHER_SOURCES: Final = "aws:"
"""S3's notifications and stream records look like events: ``aws:s3``, ``aws:sqs``."""

_NAMELESS: Final = ("insightDetails", "timeWindow", "eventType")
"""Events without an action of their own have one of these, beside a version."""


def is_event(record: Mapping[str, Any]) -> bool:
    """Whether a record is CloudTrail's.

    Source: CloudTrail user guide, "CloudTrail record contents for management, data, and
    network activity events", "… for Insights events", "… for aggregated events".
    """
    get = record.get
    if isinstance(get("eventName"), str):
        source = get("eventSource")
        return not isinstance(source, str) or source[:4] != _OTHER_SOURCES
    return isinstance(get("eventVersion"), str) and any(
        name in record for name in _NAMELESS
    )
