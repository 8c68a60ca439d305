"""Calls that a look makes beside trailfeed's own, and what their failures mean."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from worker.errors import PermanentError
from worker.source.faults import (
    AWS_ERRORS,
    NOT_AWS_ERRORS,
    fault_of,
    not_aws_fault,
    service_code,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_DENIED: Final = (
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
)


class NotAllowedError(PermanentError):
    """AWS does not let this identity look; ``code`` is the permission."""


@contextmanager
def asking(what: str, permission: str) -> Iterator[None]:
    """Translate what a call, or the reading of its answer, raises.

    Args:
        what: As in "the subscriptions of …".
        permission: What the call needs.

    Raises:
        NotAllowedError: Access is denied.
        TrailfeedError: Anything else.
    """
    doing = f"cannot ask for {what}"
    try:
        yield
    except ClientError as error:
        code = service_code(error)
        if code in _DENIED:
            raise NotAllowedError(permission, f"{doing}: access denied") from error
        if code == "NoSuchBucket":
            raise PermanentError(
                "missing_bucket",
                f"{doing}: there is no such bucket: see the queue's policy and "
                "source.allowed_buckets",
            ) from error
        raise fault_of(error, doing) from error
    except AWS_ERRORS as error:
        raise fault_of(error, doing) from error
    except NOT_AWS_ERRORS as error:
        raise not_aws_fault(error, doing) from error
