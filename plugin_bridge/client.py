"""The client: protocol, transport, reconnecting and resending in one, never blocking.

Its owner polls :meth:`ForwardClient.fileno` and calls :meth:`ForwardClient.service`
when something is ready or :meth:`ForwardClient.deadline` has come. Everything handed
in is kept until it is acknowledged, and goes out again, the same bytes with the same
ids, on the next connection when one is lost.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugin_bridge.errors import TransportError
from plugin_bridge.forward.backoff import Backoff
from plugin_bridge.forward.connection import ForwardConnection
from plugin_bridge.forward.errors import (
    ForwardError,
    LocalProtocolError,
    RemoteProtocolError,
)
from plugin_bridge.forward.frames import packed_forward

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugin_bridge.transport import Connector, Transport

CONNECT_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Chunk:
    """The unit of delivery.

    Args:
        id: Unique; :func:`.forward.frames.chunk_id` makes one.
        tag: The Forward tag.
        payload: What an :class:`.forward.entries.Encoder` assembled.
        count: How many records that are.
    """

    id: str
    tag: str
    payload: bytes
    count: int


@dataclass(frozen=True, slots=True)
class Acked:
    """The chunk was acknowledged or, without acknowledgements, written whole."""

    chunk_id: str


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection stands."""

    address: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A connection was lost, or could not be made.

    Args:
        reason: One sentence.
        unacked_count: Chunks handed in and not acknowledged; all will be sent again.
        retry_in_s: When the next attempt comes.
    """

    reason: str
    unacked_count: int
    retry_in_s: float


Event = Acked | Connected | Disconnected


class ForwardClient:
    """Delivers chunks over one connection at a time.

    Args:
        connector: Makes the connections.
        window_chunks: Most chunks handed in and not acknowledged.
        window_bytes: The same in bytes of frames; the last one handed in may cross it.
        require_ack: Ask for acknowledgements. Without them a chunk counts as
            :class:`Acked` once the system has its last byte, and what a receiver had
            not read when its connection broke is lost.
        ack_timeout_s: Longest silence after a frame went out whole, in seconds. A
            receiver that does not even read has not got the frame: it is waited for.
        jitter: Returns random numbers in 0..1 for the back-off.
    """

    def __init__(
        self,
        connector: Connector,
        *,
        window_chunks: int,
        window_bytes: int,
        require_ack: bool,
        ack_timeout_s: float,
        jitter: Callable[[], float],
    ) -> None:
        self._connector = connector
        self._window_chunks = window_chunks
        self._window_bytes = window_bytes
        self._require_ack = require_ack
        self._ack_timeout_s = ack_timeout_s
        self._jitter = jitter
        self._backoff = Backoff()
        self._frames: dict[str, bytes] = {}  # all unacknowledged, in order of send()
        self._unacked_bytes = 0
        self._events: list[Event] = []
        self._was_ever_acked = False
        self._is_closed = False
        # What follows belongs to the connection at hand.
        self._transport: Transport | None = None
        self._connection: ForwardConnection | None = None  # set once it is connected
        self._waiting: deque[str] = deque()  # not yet sent on it
        self._writing: str | None = None  # the frame that is partly written
        self._unwritten = memoryview(b"")
        self._is_blocked = False
        self._silent_since: float | None = None  # runs while whole frames are in flight
        self._next_attempt = 0.0
        self._connect_deadline = 0.0

    @property
    def has_room(self) -> bool:
        """Whether another chunk may be handed in, connected or not."""
        return (
            not self._is_closed
            and len(self._frames) < self._window_chunks
            and self._unacked_bytes < self._window_bytes
        )

    @property
    def unacked_chunks(self) -> int:
        """Chunks handed in and not acknowledged."""
        return len(self._frames)

    @property
    def unacked_bytes(self) -> int:
        """Bytes of their frames."""
        return self._unacked_bytes

    @property
    def is_connected(self) -> bool:
        """Whether a connection stands."""
        return self._connection is not None

    @property
    def wants_write(self) -> bool:
        """Whether to poll for writability too."""
        if self._transport is None:
            return False
        return self._connection is None or self._may_write(self._connection)

    def fileno(self) -> int | None:
        """Return the descriptor to poll, ``None`` while there is no connection."""
        return None if self._transport is None else self._transport.fileno()

    def deadline(self) -> float | None:
        """Return when :meth:`service` must run even if nothing is ready.

        A monotonic instant in seconds, which may have passed; ``None``: no need.
        """
        if self._is_closed:
            return None
        if self._events:
            return 0.0
        if self._transport is None:
            return self._next_attempt
        if self._connection is None:
            return self._connect_deadline
        if self._silent_since is not None:
            return self._silent_since + self._ack_timeout_s
        return None

    def send(self, chunk: Chunk, now: float) -> None:
        """Take over a chunk and write of it what goes at once.

        Args:
            chunk: Is transmitted first after all that were handed in before.
            now: Monotonic instant, in seconds.

        Raises:
            LocalProtocolError: No room, a chunk without payload, or its id is in use.
        """
        if not self.has_room:
            raise LocalProtocolError("no room for another chunk")
        if chunk.id in self._frames:
            raise LocalProtocolError(f"chunk {chunk.id} was handed in already")
        # Compression would come here: it belongs to the bytes that are sent again.
        frame = packed_forward(
            chunk.tag,
            chunk.payload,
            count=chunk.count,
            chunk=chunk.id if self._require_ack else None,
        )
        self._frames[chunk.id] = frame
        self._unacked_bytes += len(frame)
        self._waiting.append(chunk.id)
        if not self._is_blocked:
            self._write(now)

    def service(self, now: float) -> list[Event]:
        """Do all that can be done without waiting, and return what happened.

        Connects, reads acknowledgements, writes as much as goes, and gives a silent
        connection up.

        Args:
            now: Monotonic instant, in seconds.

        Raises:
            LocalProtocolError: The client is closed.
        """
        if self._is_closed:
            raise LocalProtocolError("the client is closed")
        if self._transport is None and now >= self._next_attempt:
            self._connect(now)
        if self._transport is not None and self._connection is None:
            self._finish_connect(self._transport, now)
        self._read(now)
        self._write(now)
        self._check_silence(now)
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """Drop the connection and whatever is unacknowledged; may be called twice."""
        self._is_closed = True
        self._drop_connection()

    def _connect(self, now: float) -> None:
        try:
            self._transport = self._connector.connect()
        except TransportError as exc:
            self._disconnect(str(exc), now)
        else:
            self._connect_deadline = now + CONNECT_TIMEOUT_S

    def _finish_connect(self, transport: Transport, now: float) -> None:
        try:
            is_connected = transport.finish_connect()
        except TransportError as exc:
            self._disconnect(str(exc), now)
            return
        if is_connected:
            # A handshake would come here, before the first frame.
            self._connection = ForwardConnection(
                window_chunks=self._window_chunks, window_bytes=self._window_bytes
            )
            self._waiting = deque(self._frames)
            self._events.append(Connected(self._connector.address))
        elif now >= self._connect_deadline:
            self._disconnect(
                f"cannot connect to {self._connector.address}: no answer within "
                f"{CONNECT_TIMEOUT_S:g} s",
                now,
            )

    def _read(self, now: float) -> None:
        """Take in acknowledgements, also while writing is blocked.

        Fluent Bit stops reading as long as its acknowledgements are not read.
        """
        if self._transport is None or self._connection is None:
            return
        try:
            while (data := self._transport.receive()) is not None:
                self._connection.receive_data(data)
                while (chunk_id := self._connection.next_ack()) is not None:
                    self._acknowledge(chunk_id, now)
        except TransportError as exc:
            self._disconnect(str(exc), now)
        except ForwardError as exc:
            self._disconnect(f"{self._connector.address}: {exc}", now)

    def _acknowledge(self, chunk_id: str, now: float) -> None:
        if chunk_id == self._writing:
            raise RemoteProtocolError(f"acknowledgement of half a frame: {chunk_id}")
        self._settle(chunk_id)
        self._was_ever_acked = True
        self._backoff.reset()
        self._silent_since = now if self._has_whole_frame_in_flight else None

    @property
    def _has_whole_frame_in_flight(self) -> bool:
        not_whole = len(self._waiting) + (self._writing is not None)
        return len(self._frames) > not_whole

    def _settle(self, chunk_id: str) -> None:
        self._unacked_bytes -= len(self._frames.pop(chunk_id))
        self._events.append(Acked(chunk_id))

    def _write(self, now: float) -> None:
        if self._transport is None or self._connection is None:
            return
        self._is_blocked = False
        try:
            while self._may_write(self._connection):
                chunk_id = self._writing or self._begin_frame(self._connection)
                written = self._transport.send(self._unwritten)
                if not written:
                    self._is_blocked = True
                    return
                self._unwritten = self._unwritten[written:]
                if not self._unwritten:
                    self._end_frame(chunk_id, now)
        except TransportError as exc:
            self._read(now)  # what the receiver had acknowledged before it went
            if self._transport is not None:
                self._disconnect(str(exc), now)

    def _may_write(self, connection: ForwardConnection) -> bool:
        if self._writing is not None:
            return True
        return bool(self._waiting) and connection.has_room(
            len(self._frames[self._waiting[0]])
        )

    def _begin_frame(self, connection: ForwardConnection) -> str:
        chunk_id = self._waiting.popleft()
        frame = self._frames[chunk_id]
        self._writing = chunk_id
        self._unwritten = memoryview(frame)
        if self._require_ack:
            connection.send_chunk(chunk_id, len(frame))
        return chunk_id

    def _end_frame(self, chunk_id: str, now: float) -> None:
        self._writing = None
        self._unwritten = memoryview(b"")  # an empty slice would hold the frame
        if not self._require_ack:
            self._settle(chunk_id)
            self._backoff.reset()
        elif self._silent_since is None:
            self._silent_since = now

    def _check_silence(self, now: float) -> None:
        if self._silent_since is None:
            return
        if now < self._silent_since + self._ack_timeout_s:
            return
        reason = (
            f"{self._connector.address}: no acknowledgement within "
            f"{self._ack_timeout_s:g} s"
        )
        if not self._was_ever_acked:
            reason += (
                ": the receiver does not acknowledge (Vector's or Fluentd's Unix "
                "socket?)"
            )
        self._disconnect(reason, now)

    def _disconnect(self, reason: str, now: float) -> None:
        self._drop_connection()
        retry_in_s = self._backoff.next_delay_s(self._jitter())
        self._next_attempt = now + retry_in_s
        self._events.append(Disconnected(reason, len(self._frames), retry_in_s))

    def _drop_connection(self) -> None:
        """Forget all that belongs to the connection; every frame stays."""
        if self._transport is not None:
            self._transport.close()
        self._transport = None
        self._connection = None
        self._waiting.clear()
        self._writing = None
        self._unwritten = memoryview(b"")
        self._is_blocked = False
        self._silent_since = None
