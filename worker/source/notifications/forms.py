"""The forms that AWS itself sends, each from its JSON to the objects it names. No I/O.

Source: Amazon S3 User Guide, "Event message structure" and "Mapping of event types to
EventBridge"; AWS CloudTrail User Guide, "Configuring Amazon SNS notifications".
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from worker.source.notifications.fields import (
    MAX_QUOTED,
    epoch_s,
    etag,
    malformed,
    object_key,
    region,
    size_bytes,
    unknown,
    unquoted,
    version_id,
)
from worker.source.notifications.model import (
    OTHER_EVENT_SOURCE,
    OTHER_EVENT_TYPE,
    Ignored,
    ObjectRef,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.source.notifications.fields import Part


def s3_event(record: Part) -> ObjectRef | Ignored:
    """Read one record of S3's own event."""
    # MinIO and Ceph put their own name before ":s3".
    if not record.text("eventSource").endswith(":s3"):
        return Ignored(OTHER_EVENT_SOURCE)
    version = record.text("eventVersion")
    if version.partition(".")[0] != "2":
        raise unknown(
            "event_version",
            f"{record.name} is an S3 event of version {version[:MAX_QUOTED]!r}, and "
            "known are all of 2.x",
        )
    # MinIO keeps the prefix that AWS leaves out.
    if not record.text("eventName").removeprefix("s3:").startswith("ObjectCreated:"):
        return Ignored(
            OTHER_EVENT_TYPE,
            bucket=record.glance("s3", "bucket", "name"),
            key=unquote_plus(record.glance("s3", "object", "key")),
        )
    s3 = record.part("s3")
    object_ = s3.part("object")
    return ObjectRef(
        bucket=s3.part("bucket").bucket("name"),
        key=unquoted(object_.text("key"), record.name),
        version_id=version_id(object_.get("versionId"), record.name),
        etag=etag(object_.get("eTag")),
        size_bytes=size_bytes(object_.get("size")),
        region=region(record.get("awsRegion")),
        event_time=epoch_s(record.get("eventTime")),
    )


def eventbridge(event: Part) -> ObjectRef | Ignored:
    """Read an event that S3 sent through EventBridge."""
    if event.get("source") != "aws.s3":
        return Ignored(OTHER_EVENT_SOURCE)
    if event.get("detail-type") is None:
        raise unknown(
            "security_lake",
            "the message is an EventBridge event without detail-type, as Security Lake "
            "sends for its own files: these are no CloudTrail files",
        )
    if event.get("detail-type") != "Object Created":
        return Ignored(
            OTHER_EVENT_TYPE,
            bucket=event.glance("detail", "bucket", "name"),
            key=event.glance("detail", "object", "key"),
        )
    detail = event.part("detail")
    object_ = detail.part("object")
    return ObjectRef(
        bucket=detail.part("bucket").bucket("name"),
        # Not URL-encoded here: unquoting would turn a plus into a space.
        key=object_key(object_.text("key"), event.name),
        version_id=version_id(object_.get("version-id"), event.name),
        # AWS writes "etag", stand-ins of it "eTag".
        etag=etag(object_.get("etag") or object_.get("eTag")),
        size_bytes=size_bytes(object_.get("size")),
        region=region(event.get("region")),
        event_time=epoch_s(event.get("time")),
    )


def cloudtrail(message: Part) -> Iterator[ObjectRef]:
    """Read CloudTrail's own notification: one bucket, one or many keys."""
    bucket = message.bucket("s3Bucket")
    keys = message.get("s3ObjectKey")
    if isinstance(keys, str):
        keys = [keys]
    if not isinstance(keys, list) or not keys:
        raise malformed(f"{message.name}.s3ObjectKey", "a list of keys")
    for index, key in enumerate(keys):
        if not isinstance(key, str) or not key:
            raise malformed(f"{message.name}.s3ObjectKey[{index}]", "a key")
        place = f"{message.name}.s3ObjectKey[{index}]"
        yield ObjectRef(bucket=bucket, key=object_key(key, place))
