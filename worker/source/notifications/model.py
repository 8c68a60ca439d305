"""What a notification comes down to: objects to read, and parts that need none.

No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass

from worker.printable import quoted

TEST_EVENT = "test_event"
CLOUDTRAIL_VALIDATION = "cloudtrail_validation"
CONFIG_NOTIFICATION = "config_notification"
OTHER_EVENT_SOURCE = "other_event_source"
OTHER_EVENT_TYPE = "other_event_type"
FOLDER_MARKER = "folder_marker"
EMPTY_OBJECT = "empty_object"
NO_OBJECTS = "no_objects"


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """One object that a notification names.

    Attributes:
        bucket: Name of the bucket.
        key: The key itself, with nothing left to unquote.
        version_id: None where the bucket keeps no versions.
        etag: Without quotes.
        size_bytes: As stored; None where the notification does not say.
        region: The bucket's region; None where the notification does not say.
        event_time: Of the notification, else of its SNS envelope, else of the message,
            in epoch seconds.
        run_id: Of the replay or backfill that it belongs to; empty: S3 announced it.
    """

    bucket: str
    key: str
    version_id: str | None = None
    etag: str | None = None
    size_bytes: int | None = None
    region: str | None = None
    event_time: float | None = None
    run_id: str = ""

    @property
    def url(self) -> str:
        """``s3://bucket/key``, for people: one word, whatever the key holds."""
        return quoted(f"s3://{self.bucket}/{self.key}")


@dataclass(frozen=True, slots=True)
class Ignored:
    """One part of a message that needs no download.

    Attributes:
        reason: A code, short and stable.
        bucket: As the message names it, for people; empty where it names none.
        key: The same.
    """

    reason: str
    bucket: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Notification:
    """What one message asks for.

    Attributes:
        objects: To be read, in the message's order.
        ignored: What of it is known and needs no action.
        unproven_run_id: A run id that the message carries without the proof that it may
            be honored; empty: none.
    """

    objects: tuple[ObjectRef, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    unproven_run_id: str = ""
