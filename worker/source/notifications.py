"""What a queue's message says about S3 objects. No I/O.

Six forms are told apart by their own shape: S3's event (any version 2.x), EventBridge's
``Object Created``, CloudTrail's own SNS notification, each bare or in an SNS envelope,
S3's test event, and CloudTrail's validation text.

A message that is sent on purpose once more, or out of turn, carries a run id beside
S3's own members: ``"trailfeed": {"runId": "…"}``, in the body or inside the envelope.

Source: Amazon S3 User Guide, "Event message structure" and "Mapping of event types to
EventBridge"; AWS CloudTrail User Guide, "Configuring Amazon SNS notifications".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote_plus

import msgspec

from worker.errors import UnknownMessageError

if TYPE_CHECKING:
    from collections.abc import Iterator

TEST_EVENT = "test_event"
CLOUDTRAIL_VALIDATION = "cloudtrail_validation"
OTHER_EVENT_SOURCE = "other_event_source"
OTHER_EVENT_TYPE = "other_event_type"
FOLDER_MARKER = "folder_marker"
EMPTY_OBJECT = "empty_object"

MARKS = "trailfeed"
"""The member with what trailfeed itself has to say about a message."""

RUN_ID = "runId"

WAY_OUT = 'source.on_unknown_message = "delete" drops such messages'
"""Ends the sentence about what trailfeed does not know."""

_VALIDATION_TEXT = "CloudTrail validation message."
_MAX_QUOTED = 60

# Names from a message become parts of URLs: nothing but what AWS gives out gets there.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_REGION = re.compile(r"[a-z]{2,9}(-[a-z0-9]{1,16}){1,4}")


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
        event_time: Of the notification, in epoch seconds.
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
        """``s3://bucket/key``, for people: on one line, whatever the key holds."""
        return f"s3://{self.bucket}/{_on_one_line(self.key)}"


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
    """

    objects: tuple[ObjectRef, ...] = ()
    ignored: tuple[Ignored, ...] = ()


def parse(body: str, *, uses_sns: Literal["auto"] | bool = "auto") -> Notification:
    """Read the body of one SQS message.

    Args:
        body: The message's text.
        uses_sns: True: only an SNS envelope will do; False: none is unwrapped;
            "auto": unwrapped where there is one.

    Raises:
        UnknownMessageError: The message, or one part of it, is no notification.
    """
    if body.strip() == _VALIDATION_TEXT and uses_sns is not True:
        return Notification(ignored=(Ignored(CLOUDTRAIL_VALIDATION),))
    document = _json_object(body)
    message = document.get("Message")
    if not isinstance(message, str) or not isinstance(document.get("Type"), str):
        if uses_sns is True:
            raise UnknownMessageError(
                "no_sns_envelope",
                f"the message is in no SNS envelope ({_quoted(body)}): set "
                'source.uses_sns = "auto", or turn raw delivery off',
            )
        return _of_run(_run_id(document), _read(document, body))
    if uses_sns is False:
        raise UnknownMessageError(
            "sns_envelope",
            'the message is in an SNS envelope: set source.uses_sns = "auto"',
        )
    if document["Type"] != "Notification":
        raise UnknownMessageError(
            "sns_confirmation",
            f"SNS sent a message of type {_quoted(document['Type'])} for "
            f"{_quoted(str(document.get('TopicArn')))}: confirm the subscription, or "
            "end it",
        )
    if message.strip() == _VALIDATION_TEXT:
        return Notification(ignored=(Ignored(CLOUDTRAIL_VALIDATION),))
    inner = _json_object(message)
    return _of_run(_run_id(document) or _run_id(inner), _read(inner, message))


def _run_id(document: dict[str, Any]) -> str:
    marks = document.get(MARKS)
    if marks is None:
        return ""
    run_id = _Part(marks, MARKS).text(RUN_ID)
    if not _RUN_ID.fullmatch(run_id):
        raise _malformed(f"{MARKS}.{RUN_ID}", "a run's id")
    return run_id


def _of_run(run_id: str, notification: Notification) -> Notification:
    if not run_id:
        return notification
    objects = tuple(replace(ref, run_id=run_id) for ref in notification.objects)
    return replace(notification, objects=objects)


def _read(document: dict[str, Any], text: str) -> Notification:
    """Read one of the forms by its shape."""
    if document.get("Event") == "s3:TestEvent":
        return Notification(ignored=(Ignored(TEST_EVENT),))
    records = document.get("Records")
    if isinstance(records, list) and records:
        return _gather(
            _s3_event(_Part(record, f"Records[{index}]"))
            for index, record in enumerate(records)
        )
    if "detail" in document and "source" in document:
        return _gather(iter((_eventbridge(_Part(document, "event")),)))
    if "s3Bucket" in document and "s3ObjectKey" in document:
        return _gather(_cloudtrail(_Part(document, "message")))
    raise _unknown(
        "unknown_message", f"the message is no S3 notification: {_quoted(text)}"
    )


def _gather(parts: Iterator[ObjectRef | Ignored]) -> Notification:
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


def _s3_event(record: _Part) -> ObjectRef | Ignored:
    # MinIO and Ceph put their own name before ":s3".
    if not record.text("eventSource").endswith(":s3"):
        return Ignored(OTHER_EVENT_SOURCE)
    version = record.text("eventVersion")
    if version.partition(".")[0] != "2":
        raise _unknown(
            "event_version",
            f"{record.name} is an S3 event of version {version[:_MAX_QUOTED]!r}, and "
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
        bucket=_bucket(s3.part("bucket"), "name"),
        key=_unquoted(object_.text("key"), record.name),
        version_id=_version_id(object_.get("versionId")),
        etag=_etag(object_.get("eTag")),
        size_bytes=_size(object_.get("size")),
        region=_region(record.get("awsRegion")),
        event_time=_epoch_s(record.get("eventTime")),
    )


def _eventbridge(event: _Part) -> ObjectRef | Ignored:
    if event.get("source") != "aws.s3":
        return Ignored(OTHER_EVENT_SOURCE)
    if event.get("detail-type") is None:
        raise _unknown(
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
        bucket=_bucket(detail.part("bucket"), "name"),
        # Not URL-encoded here: unquoting would turn a plus into a space.
        key=object_.text("key"),
        version_id=_version_id(object_.get("version-id")),
        # AWS writes "etag", stand-ins of it "eTag".
        etag=_etag(object_.get("etag") or object_.get("eTag")),
        size_bytes=_size(object_.get("size")),
        region=_region(event.get("region")),
        event_time=_epoch_s(event.get("time")),
    )


def _cloudtrail(message: _Part) -> Iterator[ObjectRef]:
    bucket = _bucket(message, "s3Bucket")
    keys = message.get("s3ObjectKey")
    if isinstance(keys, str):
        keys = [keys]
    if not isinstance(keys, list) or not keys:
        raise _malformed(f"{message.name}.s3ObjectKey", "a list of keys")
    for index, key in enumerate(keys):
        if not isinstance(key, str) or not key:
            raise _malformed(f"{message.name}.s3ObjectKey[{index}]", "a key")
        yield ObjectRef(bucket=bucket, key=key)


class _Part:
    """A JSON object inside a message, with its place for errors."""

    __slots__ = ("_fields", "name")

    def __init__(self, value: object, name: str) -> None:
        if not isinstance(value, dict):
            raise _malformed(name, "an object")
        self._fields: dict[str, Any] = value
        self.name = name

    def get(self, field: str) -> object:
        return self._fields.get(field)

    def text(self, field: str) -> str:
        value = self._fields.get(field)
        if not isinstance(value, str) or not value:
            raise _malformed(f"{self.name}.{field}", "a text")
        return value

    def glance(self, *path: str) -> str:
        """The text at a place that need not be there; empty if it is not."""
        value: object = self._fields
        for field in path:
            value = value.get(field) if isinstance(value, dict) else None
        return value if isinstance(value, str) else ""

    def part(self, field: str) -> _Part:
        return _Part(self._fields.get(field), f"{self.name}.{field}")


def _malformed(place: str, expected: str) -> UnknownMessageError:
    return _unknown(
        "malformed_notification",
        f"{place} is missing or not {expected}, as a notification has it",
    )


def _unknown(code: str, what: str) -> UnknownMessageError:
    """The error for what no other setting and no change at the sender's would mend."""
    return UnknownMessageError(code, f"{what}; {WAY_OUT}")


def _json_object(text: str) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise _unknown(
            "not_json", f"the message is not JSON: {_quoted(text)}"
        ) from error
    if not isinstance(document, dict):
        raise _unknown(
            "unknown_message", f"the message is no JSON object: {_quoted(text)}"
        )
    return document


def _unquoted(key: str, place: str) -> str:
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeError as error:
        raise _unknown(
            "undecodable_key",
            f"the key of {place} is not UTF-8 once unquoted: {_quoted(key)}",
        ) from error


def _bucket(part: _Part, field: str) -> str:
    name = part.text(field)
    if not _BUCKET.fullmatch(name):
        raise _malformed(f"{part.name}.{field}", "a bucket's name")
    return name


def _region(value: object) -> str | None:
    text = _text(value)
    return text if text and _REGION.fullmatch(text) else None


def _version_id(value: object) -> str | None:
    # "null" names whatever was written while versioning was off: no version of its own.
    text = _text(value)
    return None if text == "null" else text


def _etag(value: object) -> str | None:
    text = _text(value)
    return text.strip('"') or None if text else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _size(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value


def _epoch_s(value: object) -> float | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.timestamp()
    except ValueError:
        return None


def _quoted(text: str) -> str:
    """The beginning of a message, on one line."""
    return repr(text if len(text) <= _MAX_QUOTED else text[:_MAX_QUOTED] + "...")


def _on_one_line(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
