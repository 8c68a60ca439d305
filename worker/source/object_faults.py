"""What a failed read of an object means.

Source: Amazon S3 API Reference, "Error responses" and GetObject; AWS KMS error codes as
S3 passes them on (``KMS.…``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from worker.errors import (
    AccessDeniedError,
    DownloadError,
    MissingObjectError,
    OverwrittenError,
)
from worker.source.faults import (
    CREDENTIALS_REFUSED,
    TIMEOUT,
    common_code,
    common_fault,
    fault_of,
    is_aws_code,
    no_aws_answer,
    service_code,
)
from worker.source.regions import region_in

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError

    from worker.errors import RetriableError
    from worker.source.notifications import ObjectRef

MISSING_OBJECT = "missing_object"
MISSING_BUCKET = "missing_bucket"
ACCESS_DENIED = "access_denied"
ARCHIVED = "archived"
WRONG_REGION = "wrong_region"
SLOW_DOWN = "slow_down"
SERVER_ERROR = "server_error"
BROKEN_OFF = "broken_off"
OVERWRITTEN = "overwritten"
REFUSED = "refused"
READER_BUG = "reader_bug"

OWN_FAULTS = frozenset({ARCHIVED, OVERWRITTEN, READER_BUG})
"""Faults of an object itself, which say nothing of others."""

_UNAUTHORIZED = 401
_FORBIDDEN = 403
_NOT_FOUND = 404
_PRECONDITION_FAILED = 412
_TOO_MANY_REQUESTS = 429
_REDIRECTS = range(300, 400)
_CLIENT_ERRORS = range(400, 500)
_SERVER_ERRORS = range(500, 600)
_MAX_SAID = 300

_WRONG_REGION_CODES = (
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "PermanentRedirect",
)

_OTHER_OWNER = ", and so does a bucket that is not of source.expected_bucket_owner, {}"


class WrongRegionError(DownloadError):
    """The bucket is in another region than it was asked for in.

    Attributes:
        region: Where it is, as S3 says; None where it does not.
    """

    def __init__(self, code: str, sentence: str, region: str | None = None) -> None:
        super().__init__(code, sentence)
        self.region = region


def refusal(
    ref: ObjectRef,
    asked_in: str,
    *,
    status: int,
    code: str,
    message: str,
    region: str | None = None,
    expected_owner: str = "",
) -> RetriableError:
    """The error for an answer of S3 that is no object.

    Args:
        ref: What was asked for.
        asked_in: The region that was asked.
        status: Of HTTP.
        code: S3's own; empty where it gave none.
        message: S3's own.
        region: The bucket's, where S3 named it.
        expected_owner: Account id that the bucket was to belong to; empty: any.
    """
    said = f"{status} {code} {message}".strip()[:_MAX_SAID]
    unauthorized = CREDENTIALS_REFUSED if status == _UNAUTHORIZED else None
    if common := common_code(code, message) or unauthorized:
        return common_fault(f"cannot read {ref.url}", common, said)
    if status in _CLIENT_ERRORS and not is_aws_code(code):
        # A proxy's page, and not S3's word that an object is not there.
        return no_aws_answer(f"cannot read {ref.url}", said)
    kind: type[DownloadError] = DownloadError
    if code == "NoSuchBucket":
        # No missing object: a wrong endpoint says the same of every bucket there is.
        ours, what = MISSING_BUCKET, "there is no bucket of that name"
    elif status == _NOT_FOUND:
        version = f" in version {ref.version_id}" if ref.version_id else ""
        kind = MissingObjectError
        ours, what = MISSING_OBJECT, f"there is no such object{version}"
    elif code == "InvalidObjectState":
        ours, what = ARCHIVED, "the object is archived: restore it"
    elif status == _PRECONDITION_FAILED:
        return overwritten(ref)
    elif status in _REDIRECTS or code in _WRONG_REGION_CODES:
        place = f"in {region}" if region else "elsewhere, S3 does not say where"
        return WrongRegionError(
            WRONG_REGION,
            f"{ref.url}: the bucket is not in {asked_in} but {place}: check "
            f"source.s3_endpoint_url ({said})",
            region,
        )
    elif status == _FORBIDDEN:
        action = "s3:GetObjectVersion" if ref.version_id else "s3:GetObject"
        kind = AccessDeniedError
        ours, what = (
            ACCESS_DENIED,
            f"access denied: allow {action}, and kms:Decrypt if it is encrypted; "
            "without s3:ListBucket a missing key looks the same"
            f"{_OTHER_OWNER.format(expected_owner) if expected_owner else ''}",
        )
    else:
        ours, what = _trouble(status, code)
    return kind(ours, f"{ref.url}: {what} ({said})")


def _trouble(status: int, code: str) -> tuple[str, str]:
    """What an answer means that says nothing of the object."""
    if code == "SlowDown" or status == _TOO_MANY_REQUESTS:
        return SLOW_DOWN, "S3 asks to slow down"
    if status in _SERVER_ERRORS:
        return SERVER_ERROR, "S3 failed"
    return REFUSED, "S3 refused the request"


def boto3_fault(
    ref: ObjectRef,
    asked_in: str,
    error: BotoCoreError | ClientError,
    *,
    expected_owner: str = "",
) -> RetriableError:
    """Translate what boto3 raised, whether on the request or in its body."""
    if isinstance(error, ClientError) and error.operation_name != "AssumeRole":
        return refusal(
            ref,
            asked_in,
            status=error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0),
            code=service_code(error),
            message=error.response.get("Error", {}).get("Message", ""),
            region=region_in(error.response),
            expected_owner=expected_owner,
        )
    if isinstance(error, ReadTimeoutError):
        return timeout(ref)
    if isinstance(
        error, (ConnectionClosedError, IncompleteReadError, ResponseStreamingError)
    ):
        return broken_off(ref, str(error))
    return fault_of(error, f"cannot read {ref.url}")


def refused_at_home(ref: ObjectRef, region: str) -> WrongRegionError:
    """S3 names a region, and does not give the bucket there either."""
    return WrongRegionError(
        WRONG_REGION,
        f"{ref.url}: S3 says that the bucket is in {region}, but does not give it "
        "there: check source.s3_endpoint_url",
        region,
    )


def broken_off(ref: ObjectRef, said: str) -> DownloadError:
    """The connection ended before the body did."""
    return DownloadError(BROKEN_OFF, f"{ref.url}: the download broke off: {said}")


def overwritten(ref: ObjectRef) -> OverwrittenError:
    """What is there now is not what its first bytes were read of."""
    return OverwrittenError(
        OVERWRITTEN, f"{ref.url}: the object was overwritten while it was read"
    )


def timeout(ref: ObjectRef) -> DownloadError:
    """S3 sent nothing for too long."""
    return DownloadError(TIMEOUT, f"{ref.url}: the download stood still for too long")
