"""A message that announces an object as S3 would have done. No I/O.

The inverse of :func:`worker.source.notifications.parse`.

Source: Amazon S3 User Guide, "Event message structure".
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from worker.source.notifications import marked

if TYPE_CHECKING:
    from worker.source.notifications import ObjectRef

_VERSION = "2.1"
_EVENT_NAME = "ObjectCreated:Put"


def announcement(
    ref: ObjectRef, *, in_sns: bool = False, run_key: bytes | None = None
) -> str:
    """Return the body of a message.

    Args:
        ref: The object; its ``run_id`` goes along where there is one.
        in_sns: In an envelope as SNS has it, for those who take nothing else.
        run_key: Proves the run id; None: nobody asks for a proof.
    """
    told: dict[str, object] = {"key": quote_plus(ref.key)}
    if ref.size_bytes is not None:
        told["size"] = ref.size_bytes
    if ref.etag:
        told["eTag"] = ref.etag
    if ref.version_id:
        told["versionId"] = ref.version_id
    record: dict[str, object] = {
        "eventVersion": _VERSION,
        "eventSource": "aws:s3",
        "eventName": _EVENT_NAME,
        "s3": {"bucket": {"name": ref.bucket}, "object": told},
    }
    if ref.region:
        record["awsRegion"] = ref.region
    if ref.event_time is not None:
        record["eventTime"] = _time_text(ref.event_time)
    document: dict[str, object] = {"Records": [record]}
    if ref.run_id:
        document = marked(document, ref.run_id, run_key)
    # Escaped, since SQS refuses some characters that JSON may hold.
    text = json.dumps(document, separators=(",", ":"))
    if not in_sns:
        return text
    return json.dumps({"Type": "Notification", "Message": text}, separators=(",", ":"))


def _time_text(epoch_s: float) -> str:
    time = datetime.fromtimestamp(epoch_s, UTC)
    return f"{time.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"
