"""What a queue's message says about S3 objects. No I/O.

Seven forms are told apart by their own shape: S3's event (any version 2.x),
EventBridge's ``Object Created``, CloudTrail's own SNS notification, each bare or in an
SNS envelope, S3's test event, CloudTrail's validation text, and what
``[source.mapping]`` describes of other producers' messages. AWS Config's messages
name an object like CloudTrail's, or none, and are known by their ``messageType``.

A message that is sent on purpose once more, or out of turn, carries a run id beside
S3's own members: ``"trailfeed": {"runId": "…", "proof": "…"}``, in the body or inside
the envelope; see ``run_marks``.

``model`` is what comes out, ``forms`` and ``mapped`` read one form each, ``parsing``
tells them apart, and ``fields`` is what they read with.
"""

from __future__ import annotations

from worker.source.notifications.fields import WAY_OUT
from worker.source.notifications.mapped import Mapping
from worker.source.notifications.model import (
    CLOUDTRAIL_VALIDATION,
    CONFIG_NOTIFICATION,
    EMPTY_OBJECT,
    FOLDER_MARKER,
    NO_OBJECTS,
    OTHER_EVENT_SOURCE,
    OTHER_EVENT_TYPE,
    TEST_EVENT,
    Ignored,
    Notification,
    ObjectRef,
)
from worker.source.notifications.parsing import parse
from worker.source.notifications.run_marks import marked

__all__ = [
    "CLOUDTRAIL_VALIDATION",
    "CONFIG_NOTIFICATION",
    "EMPTY_OBJECT",
    "FOLDER_MARKER",
    "NO_OBJECTS",
    "OTHER_EVENT_SOURCE",
    "OTHER_EVENT_TYPE",
    "TEST_EVENT",
    "WAY_OUT",
    "Ignored",
    "Mapping",
    "Notification",
    "ObjectRef",
    "marked",
    "parse",
]
