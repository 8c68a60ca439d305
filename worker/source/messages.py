"""One received message, made of what SQS says of it.

Source: Amazon SQS API Reference, ReceiveMessage and Message.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_MAX_DIGITS = 15  # exact in a double, and more than SQS ever counts
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Message:
    """One received message.

    Attributes:
        receive_count: How often it was received, this time included.
        sent_at: When it was put into the queue.
    """

    id: str
    receipt_handle: str
    body: str
    receive_count: int = 1
    sent_at: datetime | None = None


def message_of(received: MessageTypeDef) -> Message:
    """Make a message of what SQS says of it.

    Raises:
        ValueError: Something is not what SQS documents; as all of
            :data:`worker.source.faults.NOT_AWS_ERRORS`.
    """
    attributes = received.get("Attributes", {})
    sent_ms = attributes.get("SentTimestamp")
    body = _text(received["Body"])
    said = received.get("MD5OfBody")
    if said and hashlib.md5(body.encode(), usedforsecurity=False).hexdigest() != said:
        raise ValueError("MD5OfBody is not that of the body")
    return Message(
        id=_text(received["MessageId"]),
        receipt_handle=_text(received["ReceiptHandle"]),
        body=body,
        receive_count=count_of(attributes.get("ApproximateReceiveCount", 1)),
        sent_at=_EPOCH + timedelta(milliseconds=count_of(sent_ms)) if sent_ms else None,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    if not value.isascii():
        value.encode()  # which finds lone surrogates
    return value


def count_of(value: object) -> int:
    """Read a number of SQS's.

    Raises:
        ValueError: It is none, or larger than any of these may be.
    """
    text = str(value)
    if not text.isdecimal() or len(text) > _MAX_DIGITS:
        raise ValueError(f"{text:.40} is no count")
    return int(text)
