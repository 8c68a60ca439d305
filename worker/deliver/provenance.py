"""Where a record comes from: metadata and id (``with_metadata``, ``id_field``)."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from worker.decode.trail_key import trail_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.config.model import DecodeConfig
    from worker.source.notifications import ObjectRef
    from worker.source.objects import Body

    Marks = Callable[[dict[str, Any], int], dict[str, Any]]
    """Takes a record as it was read and its index, and gives the fields to add."""

_ID_DIGITS = 32
_MAX_EVENT_ID_CHARACTERS = 128  # CloudTrail's are of 36


def marks_of(decode: DecodeConfig, ref: ObjectRef, body: Body) -> Marks | None:
    """Return what makes the fields that the records of an object get; None: none."""
    version = body.version_id or ref.version_id
    etag = body.etag or ref.etag
    metadata = _metadata(ref, body, version, etag) if decode.with_metadata else None
    identity = _identity(ref, version or etag) if decode.id_field else None
    if metadata is None and identity is None:
        return None

    def marks(record: dict[str, Any], index: int) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        if metadata is not None:
            fields[decode.metadata_field] = metadata(record, index)
        if identity is not None:
            fields[decode.id_field] = identity(record, index)
        return fields

    return marks


def _metadata(
    ref: ObjectRef, body: Body, version: str | None, etag: str | None
) -> Callable[[dict[str, Any], int], dict[str, Any]]:
    place = trail_key(ref.key)
    of_object = {
        "bucket": ref.bucket,
        "key": ref.key,
        "region": body.region or ref.region,
        "size": body.size_bytes,
        "etag": etag,
        "version": version,
        "account": place.account,
        "file_type": place.file_type,
        "notification_time": _iso8601(ref.event_time),
    }

    def metadata(record: dict[str, Any], index: int) -> dict[str, Any]:
        fields = {**of_object, "index": index}
        if place.account is None:
            account = record.get("recipientAccountId")
            fields["account"] = account if isinstance(account, str) else None
        return fields

    return metadata


def _identity(
    ref: ObjectRef, version: str | None
) -> Callable[[dict[str, Any], int], str]:
    # As JSON, so that no two lists of names give the same bytes.
    place = json.dumps([ref.bucket, ref.key, version]).encode()
    of_object = hashlib.sha256(place)

    def identity(record: dict[str, Any], index: int) -> str:
        event_id = record.get("eventID")
        if event_id is None and record.get("eventCategory") == "Aggregated":
            event_id = record.get("eventId")  # spelled so there, and only there
        if isinstance(event_id, str) and 0 < len(event_id) <= _MAX_EVENT_ID_CHARACTERS:
            return event_id
        digest = of_object.copy()
        digest.update(b"%d" % index)
        return digest.hexdigest()[:_ID_DIGITS]

    return identity


def _iso8601(epoch_s: float | None) -> str | None:
    if epoch_s is None:
        return None
    moment = datetime.fromtimestamp(epoch_s, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
