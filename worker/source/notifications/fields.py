"""What messages are read with: members, their checks, and the errors. No I/O."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from worker.errors import UnknownMessageError

WAY_OUT = 'source.on_unknown_message = "delete" drops such messages'
"""Ends the sentence about what trailfeed does not know."""

MAX_QUOTED = 60

MAX_SIZE_BYTES = 1 << 53
"""Exact in a double, and more than S3 takes (50 TB)."""

MAX_ETAG_CHARACTERS = 256
MAX_KEY_BYTES = 1024
"""Of a key, in UTF-8 (Amazon S3 User Guide, "Naming Amazon S3 objects"), and of a
version id (ibid., "How S3 Versioning works")."""

# Names from a message become parts of URLs: nothing but what AWS gives out gets there.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_REGION = re.compile(r"[a-z]{2,9}(-[a-z0-9]{1,16}){1,4}")


class Part:
    """A JSON object inside a message, with its place for errors."""

    __slots__ = ("_fields", "name")

    def __init__(self, value: object, name: str) -> None:
        if not isinstance(value, dict):
            raise malformed(name, "an object")
        self._fields: dict[str, Any] = value
        self.name = name

    def get(self, field: str) -> object:
        return self._fields.get(field)

    def text(self, field: str) -> str:
        value = self._fields.get(field)
        if not isinstance(value, str) or not value:
            raise malformed(f"{self.name}.{field}", "a text")
        return value

    def glance(self, *path: str) -> str:
        """The text at a place that need not be there; empty if it is not."""
        value: object = self._fields
        for field in path:
            value = value.get(field) if isinstance(value, dict) else None
        return value if isinstance(value, str) else ""

    def bucket(self, field: str) -> str:
        return bucket_name(self._fields.get(field), f"{self.name}.{field}")

    def part(self, field: str) -> Part:
        return Part(self._fields.get(field), f"{self.name}.{field}")


def malformed(place: str, expected: str) -> UnknownMessageError:
    """The error for a message that is nearly a notification."""
    return unknown(
        "malformed_notification",
        f"{place} is missing or not {expected}, as a notification has it",
    )


def unknown(code: str, what: str) -> UnknownMessageError:
    """The error for what no other setting and no change at the sender's would mend."""
    return UnknownMessageError(code, f"{what}; {WAY_OUT}")


def json_object(text: str) -> dict[str, Any]:
    """The members of a JSON text that is an object."""
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise unknown("not_json", f"the message is not JSON: {quoted(text)}") from error
    if not isinstance(document, dict):
        raise unknown(
            "unknown_message", f"the message is no JSON object: {quoted(text)}"
        )
    return document


def object_key(key: str, place: str) -> str:
    """The key of an object, which S3 could have given it."""
    return _bounded(key, f"the key of {place}")


def unquoted(key: str, place: str) -> str:
    """A key as it is, of one that S3 wrote form-encoded."""
    try:
        return object_key(unquote_plus(key, errors="strict"), place)
    except UnicodeError as error:
        raise unknown(
            "undecodable_key",
            f"the key of {place} is not UTF-8 once unquoted: {quoted(key)}",
        ) from error


def bucket_name(value: object, place: str) -> str:
    """The name of a bucket, as AWS gives them out."""
    if not isinstance(value, str) or not _BUCKET.fullmatch(value):
        raise malformed(place, "a bucket's name")
    return value


def region(value: object) -> str | None:
    """A region's name; None for what cannot be one."""
    text = _text(value)
    return text if text and _REGION.fullmatch(text) else None


def version_id(value: object, place: str) -> str | None:
    """An id of a version of its own."""
    # "null" names whatever was written while versioning was off: no version of its own.
    text = _text(value)
    if text is None or text == "null":
        return None
    return _bounded(text, f"the version id of {place}")


def etag(value: object) -> str | None:
    """An ETag, without quotes."""
    text = _text(value)
    if not text or len(text) > MAX_ETAG_CHARACTERS:
        return None
    return text.strip('"') or None


def _bounded(text: str, what: str) -> str:
    size_bytes = len(text.encode()) if len(text) > MAX_KEY_BYTES // 4 else 0
    if size_bytes > MAX_KEY_BYTES:
        raise unknown(
            "malformed_notification",
            f"{what} has {size_bytes:,} bytes, and S3 allows {MAX_KEY_BYTES:,}: "
            f"{quoted(text)}",
        )
    return text


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def size_bytes(value: object) -> int | None:
    """A size; None for what cannot be one."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MAX_SIZE_BYTES else None


def epoch_s(value: object) -> float | None:
    """An instant in ISO 8601, UTC unless it says otherwise."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.timestamp()
    except ValueError:
        return None


def quoted(text: str) -> str:
    """The beginning of a message, on one line."""
    return repr(text if len(text) <= MAX_QUOTED else text[:MAX_QUOTED] + "...")
