"""Certificates of SNS, read from SNS; and a queue that waits until they can be."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final

from worker.errors import CommonFaultError, RetriableError, UnknownMessageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.deliver.calls import SourceQueue
    from worker.source.messages import Message
    from worker.source.queue import Depth, Failure
    from worker.source.sns_signatures import SnsSignatures

CODE: Final = "sns_certificate"

MAX_BYTES: Final = 65_536
TIMEOUT_S: Final = 5.0
DEADLINE_S: Final = 10.0
RETRY_VISIBILITY_S: Final = 60
"""How long messages stay hidden whose certificate cannot be read."""

_BLOCK_BYTES: Final = 4096
_CLIENT_ERRORS: Final = range(400, 500)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object) -> None:
        """Follow none: the host was checked."""


def fetch(url: str) -> bytes | None:
    """Read a certificate's file over TLS, by the host's authorities and proxies.

    Returns:
        None: there is none, or nothing of that size.

    Raises:
        RetriableError: The host cannot be reached, fails, or is too slow.
    """
    give_up_at = time.monotonic() + DEADLINE_S
    opener = urllib.request.build_opener(_NoRedirects)
    data = b""
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            while block := answer.read1(_BLOCK_BYTES):
                data += block
                if len(data) > MAX_BYTES:
                    return None
                if time.monotonic() >= give_up_at:
                    raise TimeoutError("too slow")
    except urllib.error.HTTPError as error:
        if error.code in _CLIENT_ERRORS:
            return None
        raise RetriableError(CODE, f"cannot read {url}: {error}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise RetriableError(CODE, f"cannot read {url}: {error}") from error
    return data


class CertifiedQueue:
    """A queue whose messages' certificates are read along with them, in its threads.

    While the certificate of the queue's own region cannot be read nothing more is
    received, so that no message's receive count rises by the outage.

    Args:
        queue: The queue itself.
        signatures: Remembers the certificates.
        region: Of the queue.
    """

    def __init__(
        self, queue: SourceQueue, signatures: SnsSignatures, region: str
    ) -> None:
        self._queue = queue
        self._signatures = signatures
        self._region = region
        self._missing_url = ""

    def receive(
        self, *, max_messages: int, wait_s: int, visibility_timeout_s: int
    ) -> list[Message]:
        """See :meth:`worker.source.queue.Queue.receive`."""
        if self._missing_url:
            self._read(self._missing_url)
            self._missing_url = ""
        messages = self._queue.receive(
            max_messages=max_messages,
            wait_s=wait_s,
            visibility_timeout_s=visibility_timeout_s,
        )
        for message in messages:
            try:
                url, region = self._signatures.url_in(message.body)
            except UnknownMessageError:
                continue  # refused when it is read
            try:
                self._read(url)
            except CommonFaultError:
                if region == self._region:
                    self._missing_url = url
                    self._give_back(messages)
                    raise
        return messages

    def delete(self, messages: Sequence[Message]) -> tuple[Failure, ...]:
        """See :meth:`worker.source.queue.Queue.delete`."""
        return self._queue.delete(messages)

    def change_visibility(
        self, changes: Sequence[tuple[Message, int]]
    ) -> tuple[Failure, ...]:
        """See :meth:`worker.source.queue.Queue.change_visibility`."""
        return self._queue.change_visibility(changes)

    def depth(self) -> Depth:
        """See :meth:`worker.source.queue.Queue.depth`."""
        return self._queue.depth()

    def _read(self, url: str) -> None:
        try:
            self._signatures.fetch(url)
        except RetriableError as error:
            raise CommonFaultError(
                CODE, f"source.verify_sns: {error}; nothing is received until then"
            ) from error

    def _give_back(self, messages: Sequence[Message]) -> None:
        self._queue.change_visibility([(one, RETRY_VISIBILITY_S) for one in messages])
