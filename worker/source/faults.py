"""What a failed AWS call means to the worker.

Codes: Amazon S3 API Reference, "Error responses"; Amazon SQS API Reference, "Common
errors"; AWS STS API Reference, "AssumeRole".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    LoginError,
    MetadataRetrievalError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.parsers import ResponseParserError

from worker.errors import AwsError, CommonFaultError
from worker.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message

    from worker.errors import RetriableError

NO_CREDENTIALS = "no_credentials"
CREDENTIALS_REFUSED = "credentials_refused"
ROLE_REFUSED = "role_refused"
CLOCK_SKEW = "clock_skew"
UNREACHABLE = "unreachable"
TIMEOUT = "timeout"
THROTTLED = "throttled"
KMS = "kms"
NO_AWS_ANSWER = "no_aws_answer"

AWS_ERRORS = (BotoCoreError, ClientError)
"""All that a boto3 call raises for what AWS answers, or does not answer."""

NOT_AWS_ERRORS = (
    ResponseParserError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    OverflowError,
    RecursionError,
)
"""What boto3 and its callers stumble with over an answer of another shape than AWS's.

To be caught after :data:`AWS_ERRORS`, some of which are among these.
"""

_UNKNOWN = "Unknown"
_REQUEST_ID = "x-amzn-requestid"
AWS_CONTENT_TYPE = "application/x-amz-json"

MAX_SAID = 200
"""Characters of what AWS, or a proxy in its place, is quoted with."""

_REFUSED_STATUSES = (401, 403)
# AWS General Reference, "AWS service endpoints", of every partition.
_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws")

_NO_CREDENTIALS_ERRORS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    MetadataRetrievalError,
    NoAuthTokenError,
    TokenRetrievalError,
    SSOError,
    LoginError,
)

_COMMON_CODES = {
    **dict.fromkeys(
        (
            "AuthFailure",
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSecurity",
            "InvalidSignatureException",
            "InvalidToken",
            "MissingAuthenticationToken",
            "NotSignedUp",
            "OptInRequired",
            "SignatureDoesNotMatch",
            "TokenRefreshRequired",
            "UnrecognizedClientException",
        ),
        CREDENTIALS_REFUSED,
    ),
    **dict.fromkeys(("RequestExpired", "RequestTimeTooSkewed"), CLOCK_SKEW),
    **dict.fromkeys(
        (
            "KmsThrottled",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
        ),
        THROTTLED,
    ),
}

_SKEWED = re.compile(r"Signature (?:expired|not yet current)|current time is too large")

_WAYS_OUT = {
    CREDENTIALS_REFUSED: "check source.access_key_id and what else gives credentials",
    CLOCK_SKEW: "set this machine's clock",
    THROTTLED: "it goes on by itself",
    KMS: "check the key's state and that its policy allows kms:Decrypt",
}


def service_code(error: ClientError) -> str:
    """AWS's own code, without the namespace that SQS sometimes puts before it."""
    code = str(error.response.get("Error", {}).get("Code", _UNKNOWN))
    return code.rpartition(".")[2] if code.startswith("AWS.") else code


def common_code(code: str, said: str = "") -> str | None:
    """What kind of common fault an AWS answer stands for; None if it is another thing.

    Args:
        code: AWS's own.
        said: Its message: a wrong clock comes as a wrong signature.
    """
    if _SKEWED.search(said):
        return CLOCK_SKEW
    is_kms = code.startswith(("KMS.", "Kms"))
    return _COMMON_CODES.get(code, KMS if is_kms else None)


def common_fault(doing: str, code: str, said: str) -> CommonFaultError:
    """The error for one of :func:`common_code`'s kinds.

    Args:
        doing: What failed, as in "cannot receive from …".
        code: The kind.
        said: What AWS said, on one line.
    """
    return CommonFaultError(code, f"{doing}: {said}: {_WAYS_OUT[code]}")


def no_aws_answer(doing: str, said: str) -> CommonFaultError:
    """The error for an answer that cannot be AWS's.

    Args:
        doing: What failed, as in "cannot receive from …".
        said: What was wrong with it.
    """
    return CommonFaultError(
        NO_AWS_ANSWER,
        f"{doing}: the answer is not AWS's ({on_one_line(said)}): is there a proxy in "
        "between?",
    )


def not_aws_fault(error: Exception, doing: str) -> CommonFaultError:
    """Translate one of :data:`NOT_AWS_ERRORS`."""
    return no_aws_answer(doing, f"{type(error).__name__}: {error}")


def is_aws_answer(response: Mapping[str, Any]) -> bool:
    """Whether an answer of SQS bears AWS's marks; stand-ins of it leave out one.

    Source: Amazon SQS Developer Guide, "Making Query API requests using AWS JSON
    protocol": the content type of a response, and ``x-amzn-RequestId``.
    """
    metadata = response.get("ResponseMetadata", {})
    return "RequestId" in metadata or has_aws_marks(metadata.get("HTTPHeaders", {}))


def has_aws_marks(headers: Mapping[str, str] | Message) -> bool:
    """Whether an answer's headers, by their names in lower case, are of SQS."""
    content_type = headers.get("content-type", "")
    return _REQUEST_ID in headers or content_type.startswith(AWS_CONTENT_TYPE)


def is_aws_code(code: str) -> bool:
    """Whether an error's code is AWS's; boto3 makes one up where there is none."""
    return not (code.isdigit() or code in {"", _UNKNOWN})


def fault_of(error: BotoCoreError | ClientError, doing: str) -> RetriableError:
    """Translate what a boto3 call raised.

    Args:
        error: The error.
        doing: What failed, as in "cannot receive from …".
    """
    said = on_one_line(str(error))
    if isinstance(error, ClientError):
        return _refusal(error, doing, said)
    if isinstance(error, _NO_CREDENTIALS_ERRORS):
        return CommonFaultError(NO_CREDENTIALS, no_credentials(doing, said))
    if isinstance(error, ReadTimeoutError):
        return CommonFaultError(TIMEOUT, f"{doing}: {said}")
    if isinstance(error, (BotoConnectionError, HTTPClientError)):
        cause = _innermost_cause(error)
        if cause and cause not in said:
            said = f"{said}: {cause}"
        way_out = "check the network and the proxy"
        if _is_endpoint_of_ones_own(error):
            way_out = "check the network, the proxy and source.endpoint_url"
        return CommonFaultError(UNREACHABLE, f"{doing}: {said}: {way_out}")
    return AwsError(type(error).__name__, f"{doing}: {said}")


def _refusal(error: ClientError, doing: str, said: str) -> RetriableError:
    code = service_code(error)
    if not is_aws_code(code):
        return no_aws_answer(doing, said)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    common = common_code(code, said)
    if error.operation_name == "AssumeRole" and common is None:
        return CommonFaultError(
            ROLE_REFUSED,
            f"{doing}: {said}: check source.role_arn, source.external_id and the "
            "role's trust policy",
        )
    if common is None and status in _REFUSED_STATUSES:
        common = CREDENTIALS_REFUSED
    if common:
        return common_fault(doing, common, said)
    return AwsError(code, f"{doing}: {said}")


def _innermost_cause(error: BaseException) -> str:
    """What the system said, such as "Connection refused"; empty where it is unknown."""
    said = ""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            said = on_one_line(inner.strerror)
        inner = inner.__cause__ or inner.__context__
    return said


def _is_endpoint_of_ones_own(error: BotoCoreError) -> bool:
    """Whether an endpoint was set, rather than found by boto3 for the region."""
    try:
        host = urlsplit(str(error.kwargs.get("endpoint_url", ""))).hostname or ""
    except ValueError:
        return True
    return bool(host) and (not host.endswith(_AWS_DOMAINS) or ".vpce." in host)


def on_one_line(text: str) -> str:
    """What others said, in the length of a log line."""
    line = " ".join(text.split())
    shown = printable(line[:MAX_SAID])[:MAX_SAID]
    return f"{shown}…" if len(line) > MAX_SAID else shown


def no_credentials(doing: str, said: str) -> str:
    """The sentence for credentials that are not to be had."""
    return (
        f"{doing}: {said}: give them in one of AWS's own ways (AWS_PROFILE, a role "
        "of the host, …), or set source.profile, or source.access_key_id and "
        "source.secret_access_key"
    )
