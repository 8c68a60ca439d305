"""One connection to the receiver, made to see whether it works."""

from __future__ import annotations

import select
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from plugin_bridge.client import Acked, Chunk, Connected, Disconnected
from plugin_bridge.forward.frames import chunk_id
from plugin_bridge.forward.handshake import LISTENING_S
from plugin_bridge.receivers import encoder_for
from worker.deliver.receiver import make_client

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugin_bridge.client import Event, ForwardClient
    from worker.config.output import OutputConfig

_LONGEST_WAIT_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Probe:
    """What the connection showed.

    Attributes:
        connect_s: Until chunks could go, handshake included; None: it did not stand, or
            the receiver ended it unasked.
        ack_s: Until the record was acknowledged or, where that is not asked for,
            written; None: it was not, or there was none.
        problem: One sentence; empty: there is none.
    """

    connect_s: float | None = None
    ack_s: float | None = None
    problem: str = ""


def probe_receiver(
    output: OutputConfig,
    *,
    record: Mapping[str, Any] | None = None,
    epoch_s: int = 1,
    random_bytes: bytes = b"",
    timeout_s: float,
) -> Probe:
    """Connect as a worker does, listen for a moment, and send a record if there is one.

    A receiver that wants a handshake which is not configured says so only after the
    connection stands.

    Args:
        output: ``[output]``, with a socket's address.
        record: Sent alone in a chunk; None: nothing is sent.
        epoch_s: Its time.
        random_bytes: 16, for the chunk's id, where there is a record.
        timeout_s: Of all of it.
    """
    client = make_client(output, output.address)
    try:
        return _Attempt(client, timeout_s).run(
            None
            if record is None
            else _chunk(output, dict(record), epoch_s, random_bytes)
        )
    finally:
        client.close()


def _chunk(
    output: OutputConfig, record: dict[str, Any], epoch_s: int, random_bytes: bytes
) -> Chunk:
    encoder = encoder_for(output.receiver, output.scheme, output.encoding)
    payload = encoder.assemble([encoder.encode(record, epoch_s, 0)])
    return Chunk(chunk_id(random_bytes), output.tag, payload, 1)


class _Attempt:
    """One connection from its beginning to its end; a second one is not waited for."""

    def __init__(self, client: ForwardClient, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._began_at = time.monotonic()
        self._connect_s: float | None = None
        self._events: deque[Event] = deque()

    def run(self, chunk: Chunk | None) -> Probe:
        give_up_at = self._began_at + self._timeout_s
        problem = self._until(Connected, give_up_at)
        if problem is not None:
            return Probe(problem=problem or self._silence("connection"))
        self._connect_s = time.monotonic() - self._began_at
        listened = self._until(Disconnected, time.monotonic() + LISTENING_S)
        if listened:
            return Probe(problem=listened)
        if chunk is None:
            return Probe(self._connect_s)
        sent_at = time.monotonic()
        self._client.send(chunk, sent_at)
        problem = self._until(Acked, give_up_at)
        if problem is not None:
            return Probe(
                self._connect_s, problem=problem or self._silence("acknowledgement")
            )
        return Probe(self._connect_s, time.monotonic() - sent_at)

    def _until(self, wanted: type[Any], give_up_at: float) -> str | None:
        """Serve the client until it tells something.

        Returns:
            None: it told that. The reason: the connection ended, or did not come
            about. Empty: time is up.
        """
        while True:
            now = time.monotonic()
            self._events += self._client.service(now)
            while self._events:  # what comes after the wanted one is for the next call
                event = self._events.popleft()
                if isinstance(event, Disconnected):
                    return event.reason
                if isinstance(event, wanted):
                    return None
            if now >= give_up_at:
                return ""
            self._wait(min(give_up_at, now + _LONGEST_WAIT_S))

    def _wait(self, until: float) -> None:
        deadline = self._client.deadline()
        until = until if deadline is None else min(until, deadline)
        poll = select.poll()
        fd = self._client.fileno()
        if fd is not None and fd >= 0:
            writes = select.POLLOUT if self._client.wants_write else 0
            poll.register(fd, select.POLLIN | writes)
        poll.poll(max(until - time.monotonic(), 0.0) * 1000)

    def _silence(self, what: str) -> str:
        return f"no {what} within {self._timeout_s:g} s"
