"""CloudTrail's public keys: asked of CloudTrail, or read from a file.

Source: AWS CloudTrail API Reference, ListPublicKeys.
"""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from worker.errors import PermanentError
from worker.source.faults import AWS_ERRORS, fault_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from mypy_boto3_cloudtrail import CloudTrailClient

_BEFORE: Final = timedelta(hours=1)
_AFTER: Final = timedelta(hours=2)
"""Around the time of a digest; its key was in use then."""


class PublicKeys(Protocol):
    """Where keys come from."""

    def find(self, fingerprint: str, *, region: str, at: datetime) -> bytes | None:
        """The key with this fingerprint, DER; None: there is none.

        Args:
            fingerprint: In lower-case hexadecimal digits.
            region: Whose digests it signs.
            at: When it was in use.

        Raises:
            RetriableError: CloudTrail does not say.
        """


class AskedKeys:
    """Keys as CloudTrail lists them, each asked for once.

    Args:
        client_of: Makes the client for a region.
    """

    def __init__(self, client_of: Callable[[str], CloudTrailClient]) -> None:
        self._client_of = client_of
        self._keys: dict[tuple[str, str], bytes] = {}
        self._asked: set[tuple[str, datetime]] = set()

    def find(self, fingerprint: str, *, region: str, at: datetime) -> bytes | None:
        """See :class:`PublicKeys`."""
        hour = at.replace(minute=0, second=0, microsecond=0)
        if (region, fingerprint) not in self._keys and (region, hour) not in (
            self._asked
        ):
            self._ask(region, hour)
            self._asked.add((region, hour))
        return self._keys.get((region, fingerprint))

    def _ask(self, region: str, hour: datetime) -> None:
        try:
            pages = self._client_of(region).get_paginator("list_public_keys")
            for page in pages.paginate(StartTime=hour - _BEFORE, EndTime=hour + _AFTER):
                for key in page["PublicKeyList"]:
                    self._keys[region, key["Fingerprint"].lower()] = key["Value"]
        except AWS_ERRORS as error:
            raise fault_of(
                error,
                f"cannot list CloudTrail's public keys in {region} (allow "
                "cloudtrail:ListPublicKeys, or give them with --public-keys)",
            ) from error


class FileKeys:
    """Keys from a file, as ``aws cloudtrail list-public-keys`` prints them.

    Args:
        path: Of the file; may hold the keys of several regions.

    Raises:
        PermanentError: It cannot be read, or is no such file.
    """

    def __init__(self, path: Path) -> None:
        try:
            document = json.loads(path.read_bytes())
            self._keys = {
                entry["Fingerprint"].lower(): base64.b64decode(
                    entry["Value"], validate=True
                )
                for entry in document["PublicKeyList"]
            }
        except OSError as error:
            raise PermanentError(
                "no_keys", f"{path}: cannot be read: {error.strerror}"
            ) from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise PermanentError(
                "no_keys",
                f"{path}: holds no keys: expected what aws cloudtrail list-public-keys "
                "--output json prints",
            ) from error

    def find(self, fingerprint: str, *, region: str, at: datetime) -> bytes | None:
        """See :class:`PublicKeys`; the file is taken to hold the right ones."""
        del region, at
        return self._keys.get(fingerprint)
