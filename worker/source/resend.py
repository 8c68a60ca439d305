"""A message's body as it is sent once more. No I/O.

It differs from the first in two things: it carries a run id, so that it is not taken
for a duplicate, and it names nothing but what is wanted again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from worker.errors import UnknownMessageError
from worker.source.notifications import marked, parse

if TYPE_CHECKING:
    from worker.source.notifications import Mapping, ObjectRef


def resent(
    body: str,
    *,
    run_id: str,
    run_key: bytes | None = None,
    only: ObjectRef | None = None,
    mapping: Mapping | None = None,
) -> str:
    """Return the body to send.

    Args:
        body: As received first; what is no JSON object is returned as it is.
        run_id: Replaces one that is there.
        run_key: Proves the run id; None: nobody asks for a proof.
        only: Leave out the other objects of an S3 event, of CloudTrail's own message
            or of one with ``mapping``'s places, in an SNS envelope too; None: all of
            it.
        mapping: As for :func:`worker.source.notifications.parse`.
    """
    document = _json_object(body)
    if document is None:
        return body
    if only is not None:
        document = _narrowed(document, only, mapping)
    # Escaped, since SQS refuses some characters that JSON may hold.
    return json.dumps(marked(document, run_id, run_key), separators=(",", ":"))


def _narrowed(
    document: dict[str, Any], only: ObjectRef, mapping: Mapping | None
) -> dict[str, Any]:
    """The same without other objects; unchanged where ``only`` is not found."""
    message = document.get("Message")
    if isinstance(message, str) and isinstance(document.get("Type"), str):
        inner = _json_object(message)
        if inner is None:
            return document
        narrowed = _narrowed(inner, only, mapping)
        return {**document, "Message": json.dumps(narrowed)}
    if mapping is not None and mapping.fits(document):
        return mapping.narrowed(document, only.key) or document
    records, keys = document.get("Records"), document.get("s3ObjectKey")
    if isinstance(records, list):
        records = [record for record in records if _names(record, only)]
        return {**document, "Records": records} if records else document
    if isinstance(keys, list) and only.key in keys:
        return {**document, "s3ObjectKey": [only.key]}
    return document


def _names(record: object, only: ObjectRef) -> bool:
    try:
        found = parse(json.dumps({"Records": [record]}), uses_sns=False).objects
    except UnknownMessageError:
        return False
    return any(
        (ref.bucket, ref.key, ref.version_id, ref.etag)
        == (only.bucket, only.key, only.version_id, only.etag)
        for ref in found
    )


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
