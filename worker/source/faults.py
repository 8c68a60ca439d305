"""What a failed AWS call means to the worker.

Codes: Amazon S3 API Reference, "Error responses"; Amazon SQS API Reference, "Common
errors"; AWS STS API Reference, "AssumeRole".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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

from worker.errors import AwsError, CommonFaultError

if TYPE_CHECKING:
    from worker.errors import RetriableError

NO_CREDENTIALS = "no_credentials"
CREDENTIALS_REFUSED = "credentials_refused"
ROLE_REFUSED = "role_refused"
CLOCK_SKEW = "clock_skew"
UNREACHABLE = "unreachable"
TIMEOUT = "timeout"
THROTTLED = "throttled"
KMS = "kms"

AWS_ERRORS = (BotoCoreError, ClientError)
"""All that a boto3 call raises."""

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

_WAYS_OUT = {
    CREDENTIALS_REFUSED: "check source.access_key_id and what else gives credentials",
    CLOCK_SKEW: "set this machine's clock",
    THROTTLED: "it goes on by itself",
    KMS: "check the key's state and that its policy allows kms:Decrypt",
}


def service_code(error: ClientError) -> str:
    """AWS's own code, without the namespace that SQS sometimes puts before it."""
    code = str(error.response.get("Error", {}).get("Code", "Unknown"))
    return code.rpartition(".")[2] if code.startswith("AWS.") else code


def common_code(code: str) -> str | None:
    """What kind of common fault an AWS code stands for; None if it is another thing."""
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


def fault_of(error: BotoCoreError | ClientError, doing: str) -> RetriableError:
    """Translate what a boto3 call raised.

    Args:
        error: The error.
        doing: What failed, as in "cannot receive from …".
    """
    said = " ".join(str(error).split())
    if isinstance(error, ClientError):
        return _refusal(error, doing, said)
    if isinstance(error, _NO_CREDENTIALS_ERRORS):
        return CommonFaultError(NO_CREDENTIALS, no_credentials(doing, said))
    if isinstance(error, ReadTimeoutError):
        return CommonFaultError(TIMEOUT, f"{doing}: {said}")
    if isinstance(error, (BotoConnectionError, HTTPClientError)):
        return CommonFaultError(
            UNREACHABLE,
            f"{doing}: {said}: check the network, the proxy and source.endpoint_url",
        )
    return AwsError(type(error).__name__, f"{doing}: {said}")


def _refusal(error: ClientError, doing: str, said: str) -> RetriableError:
    if error.operation_name == "AssumeRole":
        return CommonFaultError(
            ROLE_REFUSED,
            f"{doing}: {said}: check source.role_arn, source.external_id and the "
            "role's trust policy",
        )
    code = service_code(error)
    if common := common_code(code):
        return common_fault(doing, common, said)
    return AwsError(code, f"{doing}: {said}")


def no_credentials(doing: str, said: str) -> str:
    """The sentence for credentials that are not to be had."""
    return (
        f"{doing}: {said}: set source.access_key_id and source.secret_access_key, "
        "source.profile, or one of AWS's own ways"
    )
