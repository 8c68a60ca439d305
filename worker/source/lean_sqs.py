"""Calls of SQS at a fifth of what they cost through boto3.

Only what goes well is handled here. Whatever else happens, the call is left to boto3,
which knows every error, every proxy and every retry; and so are the calls of the next
seconds, so that a fault does not cost twice the requests.

Source: Amazon SQS Developer Guide, "Making API requests using the AWS JSON protocol".
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import orjson

from worker.errors import CommonFaultError
from worker.source.endpoints import Endpoint
from worker.source.faults import AWS_CONTENT_TYPE, has_aws_marks
from worker.source.http_answer import HttpAnswer, OddAnswerError
from worker.source.sessions import user_agent
from worker.source.signing import Scope, SignerNow, sha256

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from mypy_boto3_sqs import SQSClient

    from worker.source.sessions import AwsSession
    from worker.source.signing import Credential

PAUSE_S = 5.0
"""For so long after a call that did not go well all are left to boto3."""

_CONTENT_TYPE = f"{AWS_CONTENT_TYPE}-1.0"
_WHOLE_S = 20.0  # for all of an answer, once it may have begun
_MAX_IDLE_S = 15.0  # SQS closes a connection that nothing was sent over for longer
_NOT_WELL = (OSError, OddAnswerError, orjson.JSONDecodeError)
_MAX_ANSWER_BYTES = 16 << 20  # ten messages of 1 MiB, as JSON
_RECEIVE_BYTES = 64 << 10
_OK = 200


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
        credential: Callable[[], Credential],
        ca_bundle: bytes | None,
        read_timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        endpoint = Endpoint.of(client.meta.endpoint_url, ca_bundle=ca_bundle)
        self._endpoint = endpoint
        scope = Scope(endpoint.netloc, client.meta.region_name, "sqs")
        self._signer = SignerNow(scope, credential)
        self._read_timeout_s = read_timeout_s
        self._clock = clock
        self._not_before = 0.0 if endpoint.is_direct else float("inf")
        self._idle: list[tuple[float, socket.socket]] = []
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
        while taken := self._take_idle():
            taken[1].close()

    def _exchange(self, action: str, body: bytes) -> dict[str, Any] | None:
        headers = self._signer.get().headers(
            {
                "content-type": _CONTENT_TYPE,
                "user-agent": self._user_agent,
                "x-amz-target": f"AmazonSQS.{action}",
            },
            datetime.now(UTC),
            method="POST",
            payload=sha256(body),
        )
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = (
            f"POST / HTTP/1.1\r\nhost: {self._endpoint.netloc}\r\n{lines}"
            f"content-length: {len(body)}\r\n\r\n"
        )
        answer = HttpAnswer(max_bytes=_MAX_ANSWER_BYTES)
        connection = self._connection()
        until = self._clock() + self._read_timeout_s + _WHOLE_S
        try:
            connection.settimeout(self._read_timeout_s)
            connection.sendall(head.encode() + body)
            while not answer.take(connection.recv(_RECEIVE_BYTES)):
                connection.settimeout(self._left_s(until))
        except BaseException:
            connection.close()
            raise
        if answer.may_be_followed:
            self._idle.append((self._clock(), connection))
        else:
            connection.close()
        if answer.status != _OK or not has_aws_marks(answer.fields):
            return None
        found = orjson.loads(answer.body or b"{}")
        return found if isinstance(found, dict) else None

    def _left_s(self, until: float) -> float:
        """For how long the next bytes may be waited for.

        Raises:
            TimeoutError: The whole answer had to be here by now.
        """
        left_s = until - self._clock()
        if left_s <= 0:
            raise TimeoutError("the answer comes too slowly")
        return min(left_s, self._read_timeout_s)

    def _connection(self) -> socket.socket:
        """The one used last, if it is fresh; the others have less to do."""
        while taken := self._take_idle():
            used_at, connection = taken
            if self._clock() - used_at < _MAX_IDLE_S:
                return connection
            connection.close()
        return self._endpoint.connect()

    def _take_idle(self) -> tuple[float, socket.socket] | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None
