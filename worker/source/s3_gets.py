"""GetObject of S3 over boto3's connections, at a tenth of what boto3 costs itself.

No redirect is followed: what a bucket's own region is, S3 says in its answer.

Source: Amazon S3 API Reference, GetObject and "Error responses".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote, urlsplit

from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.response import StreamingBody

from worker.source.deadlines import http_session
from worker.source.notifications.fields import region as region_name
from worker.source.object_faults import broken_off, refusal
from worker.source.recent import Recent
from worker.source.sessions import user_agent
from worker.source.signing import Scope, SignerNow, sha256

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse
    from botocore.httpsession import URLLib3Session

    from worker.errors import RetriableError
    from worker.source.notifications import ObjectRef
    from worker.source.sessions import AwsSession

NO_PAYLOAD: Final = sha256(b"")

_MAX_REGIONS: Final = 64
_MAX_ERROR_BYTES: Final = 64 << 10
_OK: Final = (200, 206)
_MAX_SIZE_DIGITS: Final = 18
_CODE: Final = re.compile(r"<Code>([^<]*)</Code>")
_MESSAGE: Final = re.compile(r"<Message>([^<]*)</Message>")
_REGION: Final = re.compile(r"<Region>([^<]*)</Region>")
_BUCKET_REGION: Final = "x-amz-bucket-region"


class _Place:
    """One region's endpoint."""

    def __init__(self, session: AwsSession, region: str) -> None:
        client = session.s3_client(region)
        self.url = client.meta.endpoint_url.rstrip("/")
        parts = urlsplit(self.url)
        self.prefix = parts.path
        self.http: URLLib3Session = http_session(client)
        self.signer = SignerNow(Scope(parts.netloc, region, "s3"), session.credential)


class S3Gets:
    """Asks for objects; safe to use from many threads.

    Args:
        session: Whose credentials and endpoints.
        expected_owner: Account id that must own each bucket; empty: any.
    """

    def __init__(self, session: AwsSession, *, expected_owner: str) -> None:
        self._places = Recent(self._new_place, limit=_MAX_REGIONS)
        self._session = session
        self._expected_owner = expected_owner
        self._headers = {
            "user-agent": user_agent(),
            "x-amz-content-sha256": NO_PAYLOAD,
        }
        if expected_owner:
            self._headers["x-amz-expected-bucket-owner"] = expected_owner

    def get(
        self, ref: ObjectRef, region: str, *, more: dict[str, str] | None = None
    ) -> AWSResponse:
        """Ask for an object, or a part of it.

        Args:
            ref: Which, in the version that it names.
            region: Where.
            more: Headers, by lower-case name.

        Returns:
            The answer to a request that S3 has carried out; its body is still to come.

        Raises:
            RetriableError: S3 refuses.
            BotoCoreError: There is no answer.
        """
        place = self._places.get(region)
        path, query = target_of(ref)
        path = place.prefix + path
        headers = place.signer.get().headers(
            {**self._headers, **(more or {})},
            datetime.now(UTC),
            method="GET",
            path=path,
            query=query,
            payload=NO_PAYLOAD,
        )
        url = place.url.removesuffix(place.prefix) + path + (query and f"?{query}")
        request = AWSPreparedRequest(
            "GET", url, cast("Any", HeadersDict(headers)), None, stream_output=True
        )
        response: AWSResponse = place.http.send(request)
        if response.status_code not in _OK:
            raise self._refusal(ref, region, response)
        return response

    def _new_place(self, region: str) -> _Place:
        return _Place(self._session, region)

    def _refusal(
        self, ref: ObjectRef, region: str, response: AWSResponse
    ) -> RetriableError:
        data = response.raw.read(_MAX_ERROR_BYTES)
        response.raw.close()
        text = data.decode("utf-8", "replace")
        code, message = _CODE.search(text), _MESSAGE.search(text)
        named = _REGION.search(text)
        return refusal(
            ref,
            region,
            status=response.status_code,
            code=code[1] if code else "",
            message=message[1] if message else "",
            region=region_name(
                response.headers.get(_BUCKET_REGION) or (named[1] if named else None)
            ),
            expected_owner=self._expected_owner,
        )


def target_of(ref: ObjectRef) -> tuple[str, str]:
    """Path and query of a request for an object, encoded.

    Raises:
        UnicodeEncodeError: The key is no text.
    """
    path = quote(f"/{ref.bucket}/{ref.key}", safe="/~")
    query = f"versionId={quote(ref.version_id, safe='~')}" if ref.version_id else ""
    return path, query


def size_of(ref: ObjectRef, response: AWSResponse) -> int:
    """How many bytes an answer says that it has.

    Raises:
        DownloadError: It does not say.
    """
    size = response.headers.get("content-length") or ""
    if not (size.isascii() and size.isdigit() and len(size) <= _MAX_SIZE_DIGITS):
        raise broken_off(ref, "the answer does not say how long it is")
    return int(size)


def body_of(response: AWSResponse, size_bytes: int) -> StreamingBody:
    """The body of an answer: an end before its end is an error."""
    return StreamingBody(response.raw, size_bytes)
