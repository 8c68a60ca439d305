"""What is an event of CloudTrail, and what is another record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_OTHER_SOURCES: Final = "aws:"
"""S3's notifications and stream records look like events: ``aws:s3``, ``aws:sqs``."""

_OTHER_KINDS: Final = ("insightDetails", "timeWindow", "eventType")
"""Events without a name of their own have one of these, beside a version."""


def is_event(record: Mapping[str, Any]) -> bool:
    """Whether a record is CloudTrail's: it has an action, and a source or a version.

    Source: CloudTrail user guide, "CloudTrail record contents for management, data, and
    network activity events", "… for Insights events", "… for aggregated events".
    """
    source = record.get("eventSource")
    if isinstance(source, str):
        if source.startswith(_OTHER_SOURCES):
            return False
        if isinstance(record.get("eventName"), str):
            return True
    if not isinstance(record.get("eventVersion"), str):
        return False
    return isinstance(record.get("eventName"), str) or any(
        name in record for name in _OTHER_KINDS
    )
