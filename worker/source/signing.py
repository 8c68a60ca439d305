"""AWS's signature, version 4. No I/O.

Source: AWS IAM User Guide, "Create a signed AWS API request".
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom a signature is for.

    Attributes:
        host: As in the header ``Host``.
        service: Such as ``sqs``.
    """

    host: str
    region: str
    service: str


@dataclass(frozen=True, slots=True)
class Credential:
    """Who signs.

    Attributes:
        session_token: Of temporary credentials; empty: none.
    """

    access_key_id: str
    secret_access_key: str
    session_token: str = ""


class Signer:
    """Signs requests; keeps the day's key.

    Args:
        scope: Whom they are for.
        credential: Who signs them.
    """

    def __init__(self, scope: Scope, credential: Credential) -> None:
        self._scope = scope
        self.credential = credential
        self._access_key_id = credential.access_key_id
        self._secret = credential.secret_access_key
        self._token = credential.session_token
        self._day = ""
        self._key = b""

    def headers(
        self,
        headers: Mapping[str, str],
        now: datetime,
        *,
        method: str,
        path: str = "/",
        query: str = "",
        payload: str,
    ) -> dict[str, str]:
        """Return the headers to send, with the signature over them.

        ``user-agent`` is left out of it: a proxy may change that.

        Args:
            headers: By lower-case name, without ``host``.
            now: In UTC.
            method: Such as ``GET``.
            path: Encoded.
            query: Encoded, its parameters sorted.
            payload: SHA-256 of the body, in hexadecimal digits.
        """
        at = _basic_format(now)
        day = at[:8]
        sent = {**headers, "x-amz-date": at}
        if self._token:
            sent["x-amz-security-token"] = self._token
        signed = sorted(
            line
            for line in {**sent, "host": self._scope.host}.items()
            if line[0] != "user-agent"
        )
        names = ";".join([name for name, _ in signed])
        lines = "\n".join([f"{name}:{value}" for name, value in signed])
        request = f"{method}\n{path}\n{query}\n{lines}\n\n{names}\n{payload}"
        scope = f"{day}/{self._scope.region}/{self._scope.service}/aws4_request"
        to_sign = f"{_ALGORITHM}\n{at}\n{scope}\n{sha256(request.encode())}"
        signature = hmac.digest(self._key_of(day), to_sign.encode(), "sha256").hex()
        sent["authorization"] = (
            f"{_ALGORITHM} Credential={self._access_key_id}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )
        return sent

    def _key_of(self, day: str) -> bytes:
        if day != self._day:
            key = b"AWS4" + self._secret.encode()
            for part in (day, self._scope.region, self._scope.service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key, self._day = key, day
        return self._key


class SignerNow:
    """The signer for the credentials as they are now; safe to use from any thread.

    Args:
        scope: Whom the requests are for.
        credential: Returns the credentials.
    """

    def __init__(self, scope: Scope, credential: Callable[[], Credential]) -> None:
        self._scope = scope
        self._credential = credential
        self._signer: Signer | None = None

    def get(self) -> Signer:
        """The same one as long as the credentials are.

        Raises:
            CommonFaultError: There are none.
        """
        credential, signer = self._credential(), self._signer
        if signer is None or signer.credential != credential:
            signer = self._signer = Signer(self._scope, credential)
        return signer


def _basic_format(now: datetime) -> str:
    """As ``%Y%m%dT%H%M%SZ``, in a fifth of the time."""
    return now.isoformat()[:19].replace("-", "").replace(":", "") + "Z"


def sha256(data: bytes) -> str:
    """In hexadecimal digits, as in a signature."""
    return hashlib.sha256(data).hexdigest()
