"""Calls of SQS at a fifth of what they cost through boto3.

Only what goes well is handled here. Whatever else happens, the call is left to boto3,
which knows every error, every proxy and every retry; and so are the calls of the next
seconds, so that a fault does not cost twice the requests.

Source: Amazon SQS Developer Guide, "Making API requests using the AWS JSON protocol".
"""

from __future__ import annotations

import http.client
import ssl
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import orjson
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies

from worker.errors import CommonFaultError
from worker.source.faults import AWS_CONTENT_TYPE, has_aws_marks
from worker.source.sessions import CONNECT_TIMEOUT_S, user_agent
from worker.source.signing import Scope, Signer, sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_sqs import SQSClient
    from obstore.store import S3Credential

    from worker.source.sessions import AwsSession

PAUSE_S = 5.0
"""For so long after a call that did not go well all are left to boto3."""

_CONTENT_TYPE = f"{AWS_CONTENT_TYPE}-1.0"
_MAX_IDLE_S = 15.0  # SQS closes a connection that nothing was sent over for longer
_NOT_WELL = (OSError, http.client.HTTPException, orjson.JSONDecodeError)


class LeanSqs:
    """One endpoint of SQS; safe to use from any thread.

    Args:
        client: Knows where the endpoint is.
        credential: Returns the credentials as they are now.
        ca_bundle: Certificates in PEM, in the place of botocore's; None: these.
        read_timeout_s: Longer than any long poll.
        clock: Monotonic, in seconds.
    """

    def __init__(
        self,
        client: SQSClient,
        *,
        credential: Callable[[], S3Credential],
        ca_bundle: bytes | None,
        read_timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        url = urlsplit(client.meta.endpoint_url)
        self._address = (url.hostname or "", url.port)
        self._scope = Scope(url.netloc, client.meta.region_name, "sqs")
        self._credential = credential
        self._read_timeout_s = read_timeout_s
        self._clock = clock
        self._tls = _tls_context(ca_bundle) if url.scheme == "https" else None
        has_proxy = bool(get_environ_proxies(client.meta.endpoint_url))
        self._not_before = float("inf") if has_proxy or url.path.strip("/") else 0.0
        self._idle: list[tuple[float, http.client.HTTPConnection]] = []
        self._signers: dict[tuple[str, str, str], Signer] = {}
        self._user_agent = user_agent()

    @classmethod
    def of(cls, session: AwsSession, client: SQSClient) -> Self:
        """The lean calls of an identity, beside its client of boto3's."""
        return cls(
            client,
            credential=session.credential,
            ca_bundle=session.ca_bundle,
            read_timeout_s=session.long_poll_timeout_s,
        )

    def call(self, action: str, fields: Mapping[str, object]) -> dict[str, Any] | None:
        """Make one call.

        Args:
            action: Such as ``ReceiveMessage``.
            fields: Of the request.

        Returns:
            The answer's fields; None: boto3 is to be asked instead.
        """
        now = self._clock()
        if now < self._not_before:
            return None
        answer = None
        try:
            answer = self._exchange(action, orjson.dumps(fields))
        except (*_NOT_WELL, CommonFaultError):
            self.close()  # the others may be as bad
        if answer is None:
            self._not_before = self._clock() + PAUSE_S
        return answer

    def close(self) -> None:
        """Close the connections that no call is using; later calls make new ones."""
        while self._idle:
            try:
                _, connection = self._idle.pop()
            except IndexError:
                break  # another thread was faster
            connection.close()

    def _exchange(self, action: str, body: bytes) -> dict[str, Any] | None:
        headers = self._signer().headers(
            {
                "content-type": _CONTENT_TYPE,
                "user-agent": self._user_agent,
                "x-amz-target": f"AmazonSQS.{action}",
            },
            datetime.now(UTC),
            method="POST",
            payload=sha256(body),
        )
        connection = self._connection()
        try:
            connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            data = response.read()
        except BaseException:
            connection.close()
            raise
        self._idle.append((self._clock(), connection))
        if response.status != http.client.OK or not has_aws_marks(response.headers):
            return None
        answer = orjson.loads(data or b"{}")
        return answer if isinstance(answer, dict) else None

    def _signer(self) -> Signer:
        credential = self._credential()
        key = (
            credential["access_key_id"],
            credential["secret_access_key"],
            credential.get("token") or "",
        )
        signer = self._signers.get(key)
        if signer is None:
            signer = Signer(
                self._scope,
                access_key_id=key[0],
                secret_access_key=key[1],
                session_token=key[2],
            )
            self._signers = {key: signer}  # the former credentials have expired
        return signer

    def _connection(self) -> http.client.HTTPConnection:
        """The one used last, if it is fresh; the others have less to do."""
        while self._idle:
            try:
                used_at, connection = self._idle.pop()
            except IndexError:
                break  # another thread was faster
            if self._clock() - used_at < _MAX_IDLE_S:
                return connection
            connection.close()
        host, port = self._address
        if self._tls is None:
            connection = http.client.HTTPConnection(
                host, port, timeout=CONNECT_TIMEOUT_S
            )
        else:
            connection = http.client.HTTPSConnection(
                host, port, timeout=CONNECT_TIMEOUT_S, context=self._tls
            )
        connection.connect()
        connection.sock.settimeout(self._read_timeout_s)
        return connection


def _tls_context(ca_bundle: bytes | None) -> ssl.SSLContext:
    if ca_bundle is None:
        return ssl.create_default_context(cafile=get_cert_path(True))
    return ssl.create_default_context(cadata=ca_bundle.decode("ascii", "replace"))
