"""S3's GetObject and HeadObject, path style.

Source: Amazon S3 API Reference, GetObject and "Error responses".
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote
from xml.sax.saxutils import escape

from tests.fakes.aws_standin.faults import S3_FAULTS
from tests.fakes.aws_standin.wire import NO_ANSWER, Answer, Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.aws_standin.faults import Faults
    from tests.fakes.aws_standin.wire import Request

_LAST_MODIFIED = b"Fri, 20 Nov 2026 12:00:00 GMT"
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")  # the only kind that clients resume with
_REFUSALS = {
    "s3_500": (500, "InternalError"),
    "s3_503": (503, "SlowDown"),
    "s3_403": (403, "AccessDenied"),
    "s3_404": (404, "NoSuchKey"),
    "s3_kms": (400, "KMS.DisabledException"),
    "s3_expired_token": (400, "ExpiredToken"),
}


@dataclass(frozen=True, slots=True)
class StoredBody:
    """Bytes that one or many keys name."""

    data: bytes
    headers: bytes
    etag: str


def stored_body(data: bytes) -> StoredBody:
    """Make the headers of a body once."""
    etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
    headers = b'ETag: "%b"\r\nLast-Modified: %b\r\nAccept-Ranges: bytes\r\n' % (
        etag.encode(),
        _LAST_MODIFIED,
    )
    return StoredBody(data, headers + b"Content-Type: binary/octet-stream\r\n", etag)


@dataclass(slots=True)
class Buckets:
    """Answers S3's calls.

    Args:
        faults: Asked at each call.
        clock: As of the queues.

    Attributes:
        failing: Buckets of which each call fails, and how.
    """

    faults: Faults
    clock: Callable[[], float]
    gets: int = 0
    failing: dict[str, str] = field(default_factory=dict)
    _bodies: dict[tuple[str, str], StoredBody] = field(default_factory=dict)

    def put(self, bucket: str, key: str, body: StoredBody) -> None:
        self._bodies[bucket, key] = body

    def answer(self, request: Request) -> Answer:
        """Answer a call; every other one than GET and HEAD is refused."""
        self.gets += 1
        bucket, _, key = unquote(request.path[1:]).partition("/")
        is_head = request.method == "HEAD"
        if request.method not in ("GET", "HEAD"):
            return _error(405, "MethodNotAllowed", key)
        fault = self.failing.get(bucket)
        fault = fault or self.faults.draw(S3_FAULTS, self.clock())
        if fault in _REFUSALS:
            return _error(*_REFUSALS[fault], key, is_head=is_head)
        body = self._bodies.get((bucket, key))
        if body is None:
            return _error(404, "NoSuchKey", key, is_head=is_head)
        if request.if_match not in ("", f'"{body.etag}"'):
            return _error(412, "PreconditionFailed", key, is_head=is_head)
        status, data, headers = 200, body.data, body.headers
        if wanted := _RANGE.fullmatch(request.range):
            begin, size = int(wanted[1]), len(data)
            end = min(int(wanted[2] or size), size - 1) + 1
            status, data = 206, data[begin:end]
            headers += b"Content-Range: bytes %d-%d/%d\r\n" % (begin, end - 1, size)
        whole = Answer(status, data, headers, is_bodiless=is_head)
        return self._broken(whole, fault)

    def _broken(self, whole: Answer, fault: str | None) -> Answer:
        faults, half = self.faults, len(whole.body) // 2
        answer = whole
        match fault:
            case "s3_down":
                answer = NO_ANSWER
            case "s3_hang":
                answer = replace(NO_ANSWER, delay_s=faults.hang_s)
            case "s3_reset":
                answer = replace(whole, ending=Ending.RESET, sent_bytes=half)
            case "s3_truncated":
                answer = replace(whole, ending=Ending.CLOSED, sent_bytes=half)
            case "s3_cut":
                answer = replace(whole, body=whole.body[:half])
            case "s3_slow":
                answer = replace(whole, delay_s=faults.slow_s)
            case _:
                pass
        return answer


def _error(status: int, code: str, key: str, *, is_head: bool = False) -> Answer:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>stand-in: {code}</Message>"
        f"<Key>{escape(key)}</Key><RequestId>0</RequestId></Error>"
    )
    headers = b"Content-Type: application/xml\r\n"
    return Answer(status, body.encode(), headers, is_bodiless=is_head)
