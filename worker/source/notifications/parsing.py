"""Which form a message has, in an SNS envelope or bare. No I/O."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from worker.errors import UnknownMessageError
from worker.source.notifications.fields import (
    Part,
    epoch_s,
    json_object,
    quoted,
    unknown,
)
from worker.source.notifications.forms import cloudtrail, eventbridge, s3_event
from worker.source.notifications.model import (
    CLOUDTRAIL_VALIDATION,
    CONFIG_NOTIFICATION,
    EMPTY_OBJECT,
    FOLDER_MARKER,
    NO_OBJECTS,
    TEST_EVENT,
    Ignored,
    Notification,
    ObjectRef,
)
from worker.source.notifications.run_marks import run_mark

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.source.notifications.mapped import Mapping
    from worker.source.notifications.run_marks import RunMark

MAX_OBJECTS = 10_000
"""Of one message, which SQS lets have 1 MiB: more would take much more than that."""

_VALIDATION_TEXT = "CloudTrail validation message."
_BYTE_ORDER_MARK = "\ufeff"
_CONFIG_MESSAGE = re.compile(
    r"(?:Oversized)?Config(?:uration)?[A-Z][A-Za-z]*|ComplianceChangeNotification"
)
"""AWS Config Developer Guide, "Notifications that AWS Config Sends to an Amazon SNS
topic"."""


def parse(
    body: str,
    *,
    uses_sns: Literal["auto"] | bool = "auto",
    mapping: Mapping | None = None,
    sent_at: float | None = None,
    run_key: bytes | None = None,
) -> Notification:
    """Read the body of one SQS message.

    Args:
        body: The message's text.
        uses_sns: True: only an SNS envelope will do; False: none is unwrapped;
            "auto": unwrapped where there is one.
        mapping: Where other producers' messages name their objects; it comes before
            the known forms, in messages that have its places.
        sent_at: When the message came into the queue, in epoch seconds: the time of a
            notification where neither it nor its envelope names one.
        run_key: Proves that a run id is of one's own backfills and replays; None: no
            proof is asked for.

    Raises:
        UnknownMessageError: The message, or one part of it, is no notification.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    if body.strip() == _VALIDATION_TEXT and uses_sns is not True:
        return Notification(ignored=(Ignored(CLOUDTRAIL_VALIDATION),))
    document = json_object(body)
    message = document.get("Message")
    if not isinstance(message, str) or not isinstance(document.get("Type"), str):
        if uses_sns is True:
            raise UnknownMessageError(
                "no_sns_envelope",
                f"the message is in no SNS envelope ({quoted(body)}): set "
                'source.uses_sns = "auto", or turn raw delivery off',
            )
        found = _read(document, body, mapping)
        return _completed(found, run_mark(document, run_key), sent_at)
    if uses_sns is False:
        raise UnknownMessageError(
            "sns_envelope",
            'the message is in an SNS envelope: set source.uses_sns = "auto"',
        )
    if document["Type"] != "Notification":
        raise UnknownMessageError(
            "sns_confirmation",
            f"SNS sent a message of type {quoted(document['Type'])} for "
            f"{quoted(str(document.get('TopicArn')))}: confirm the subscription, or "
            "end it",
        )
    message = message.removeprefix(_BYTE_ORDER_MARK)
    if message.strip() == _VALIDATION_TEXT:
        return Notification(ignored=(Ignored(CLOUDTRAIL_VALIDATION),))
    inner = json_object(message)
    mark = run_mark(document, run_key) or run_mark(inner, run_key)
    published_at = epoch_s(document.get("Timestamp"))
    return _completed(
        _read(inner, message, mapping),
        mark,
        sent_at if published_at is None else published_at,
    )


def _completed(
    notification: Notification, mark: RunMark | None, event_time: float | None
) -> Notification:
    """Give the objects what the message says of all of them, or what SQS says of it."""
    if mark is not None and not mark.is_proven:
        notification = replace(notification, unproven_run_id=mark.run_id)
        mark = None
    if mark is None and all(ref.event_time is not None for ref in notification.objects):
        return notification
    objects = tuple(
        replace(
            ref,
            run_id="" if mark is None else mark.run_id,
            event_time=event_time if ref.event_time is None else ref.event_time,
        )
        for ref in notification.objects
    )
    return replace(notification, objects=objects)


def _read(document: dict[str, Any], text: str, mapping: Mapping | None) -> Notification:
    """Read one of the forms by its shape."""
    if mapping is not None and mapping.fits(document):
        objects = _distinct(mapping.objects(document))
        return Notification(objects, () if objects else (Ignored(NO_OBJECTS),))
    if document.get("Event") == "s3:TestEvent":
        return Notification(ignored=(Ignored(TEST_EVENT),))
    records = document.get("Records")
    if isinstance(records, list) and records:
        return _gather(
            s3_event(Part(record, f"Records[{index}]"))
            for index, record in enumerate(records)
        )
    if "detail" in document and "source" in document:
        return _gather((eventbridge(Part(document, "event")),))
    if "s3Bucket" in document and "s3ObjectKey" in document:
        return _gather(_distinct(cloudtrail(Part(document, "message"))))
    kind = document.get("messageType")
    if isinstance(kind, str) and _CONFIG_MESSAGE.fullmatch(kind):
        return Notification(ignored=(Ignored(CONFIG_NOTIFICATION),))
    raise unknown(
        "unknown_message", f"the message is no S3 notification: {quoted(text)}"
    )


def _distinct(refs: Iterable[ObjectRef]) -> tuple[ObjectRef, ...]:
    """Each object once, in order; a list has room for very many.

    Raises:
        UnknownMessageError: There are more than :data:`MAX_OBJECTS`.
    """
    found: dict[ObjectRef, None] = {}
    for ref in refs:
        found[ref] = None
        if len(found) > MAX_OBJECTS:
            raise unknown(
                "too_many_objects",
                f"the message names more than {MAX_OBJECTS:,} objects, as many as fit "
                "into one with keys of 100 bytes",
            )
    return tuple(found)


def _gather(parts: Iterable[ObjectRef | Ignored]) -> Notification:
    objects: list[ObjectRef] = []
    ignored: list[Ignored] = []
    for part in parts:
        if isinstance(part, Ignored):
            ignored.append(part)
        elif part.size_bytes == 0:
            reason = FOLDER_MARKER if part.key.endswith("/") else EMPTY_OBJECT
            ignored.append(Ignored(reason, part.bucket, part.key))
        else:
            objects.append(part)
    return Notification(tuple(objects), tuple(ignored))
