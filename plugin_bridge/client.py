"""The client: protocol, transport, reconnecting and resending in one, never blocking.

Its owner polls :meth:`ForwardClient.fileno` and calls :meth:`ForwardClient.service`
when something is ready or :meth:`ForwardClient.deadline` has come. Everything handed
in is kept until it is acknowledged, and goes out again, the same bytes with the same
ids, on the next connection when one is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin_bridge.errors import TransportError
from plugin_bridge.events import Acked, Connected, Disconnected, Event, Poisoned
from plugin_bridge.forward.backoff import Backoff
from plugin_bridge.forward.chunk import Chunk
from plugin_bridge.forward.errors import (
    ForwardError,
    GreetedError,
    LocalProtocolError,
)
from plugin_bridge.forward.handshake import UnexpectedGreeting
from plugin_bridge.forward.session import Session
from plugin_bridge.forward.suspicion import Suspicion
from plugin_bridge.opening import Opening
from plugin_bridge.unacked import Unacked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugin_bridge.forward.compression import Compressor
    from plugin_bridge.forward.handshake import Greeting
    from plugin_bridge.transport import Connector, Transport

__all__ = [
    "Acked",
    "Chunk",
    "Connected",
    "Disconnected",
    "Event",
    "ForwardClient",
    "Poisoned",
]

STEADY_S = 10.0
"""Without acknowledgements, a connection that stood for so long was a good one."""

_FEWEST_CHUNKS = 2  # one that fails, and one that shows whether others pass


class ForwardClient:
    """Delivers chunks over one connection at a time.

    Args:
        connector: Makes the connections.
        window_chunks: Most chunks handed in and not acknowledged.
        window_bytes: The same in bytes of frames; the last one handed in may cross it.
            While each of them has failed alone it does not count, nor do the single
            records left of refused ones: another one must show whether others pass.
        require_ack: Ask for acknowledgements. Without them a chunk counts as
            :class:`Acked` once the system has its last byte, and what a receiver had
            not read when its connection broke is lost.
        ack_timeout_s: Longest silence after a frame went out whole, in seconds. A
            receiver that does not even read has not got the frame: it is waited for.
        jitter: Returns random numbers in 0..1 for the back-off.
        greet: Makes the greeting of a new connection; ``None``: there is none.
        compressor: Of the chunks; ``None``: they go as they are.
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
        greet: Callable[[], Greeting] | None = None,
        compressor: Compressor | None = None,
    ) -> None:
        self._connector = connector
        self._window_chunks = window_chunks
        self._window_bytes = window_bytes
        self._require_ack = require_ack
        self._ack_timeout_s = ack_timeout_s
        self._jitter = jitter
        self._greet = greet
        self._backoff = Backoff()
        self._attempts = 0  # that failed, since the last acknowledgement
        self._unacked = Unacked(require_ack=require_ack, compressor=compressor)
        self._frames = self._unacked.frames  # in order of send()
        self._suspicion = Suspicion()  # knows the same frames, if they are acknowledged
        self._events: list[Event] = []
        self._was_ever_acked = False
        self._was_greeted = False  # though there is no key
        self._is_closed = False
        # What follows belongs to the connection at hand.
        self._transport: Transport | None = None
        self._opening: Opening | None = None  # until chunks may go
        self._session: Session | None = None  # from then on
        self._writing: str | None = None  # the frame that is partly written
        self._unwritten: Sequence[memoryview] = ()
        self._is_blocked = False
        self._connected_at = 0.0
        self._next_attempt = 0.0

    @property
    def has_room(self) -> bool:
        """Whether another chunk may be handed in, connected or not."""
        if self._is_closed:
            return False
        count = len(self._frames)
        if self._suspicion.lacks_probe:
            count -= self._suspicion.last_records
            return count < max(self._window_chunks, _FEWEST_CHUNKS)
        return (
            count < self._window_chunks
            and self._unacked.size_bytes < self._window_bytes
        )

    @property
    def unacked_chunks(self) -> int:
        """Chunks handed in and not acknowledged."""
        return len(self._frames)

    @property
    def unacked_bytes(self) -> int:
        """Bytes of their frames."""
        return self._unacked.size_bytes

    @property
    def resent_chunks(self) -> int:
        """How often a frame went out whole that had done so before.

        The receiver may have ingested it each time: the most that can have arrived
        twice.
        """
        return self._unacked.resent_count

    @property
    def is_connected(self) -> bool:
        """Whether a connection stands."""
        return self._session is not None

    @property
    def wants_write(self) -> bool:
        """Whether to poll for writability too."""
        if self._opening is not None:
            return self._opening.wants_write
        return self._session is not None and self._may_write(self._session)

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
        if self._opening is not None:
            return self._opening.deadline
        if self._session is not None:
            return self._session.deadline()
        return self._next_attempt

    def send(self, chunk: Chunk, now: float) -> None:
        """Take over a chunk and write of it what goes at once.

        Args:
            chunk: Goes out first after all handed in before, unless it is a half.
            now: Monotonic instant, in seconds.

        Raises:
            LocalProtocolError: No room, a chunk without payload, or its id is in use.
        """
        if not self.has_room:
            raise LocalProtocolError("no room for another chunk")
        self._unacked.add(chunk)
        if self._require_ack:
            self._suspicion.add(chunk.id, chunk.count, chunk.half_of)
        if self._session is not None:
            self._session.add(chunk.id)
        if not self._is_blocked:
            self._write(now)

    def service(self, now: float) -> list[Event]:
        """Do all that can be done without waiting, and return what happened.

        Connects, reads acknowledgements, writes as much as goes, gives a silent
        connection up, and lets go of a poison chunk.

        Args:
            now: Monotonic instant, in seconds.

        Raises:
            LocalProtocolError: The client is closed.
        """
        if self._is_closed:
            raise LocalProtocolError("the client is closed")
        if self._transport is None and now >= self._next_attempt:
            self._connect(now)
        if self._opening is not None:
            self._open(self._opening, now)
        self._read(now)
        self._check_silence(now)
        self._let_poison_go()
        self._write(now)
        self._leave_if_due(now)
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """Drop the connection and whatever is unacknowledged; may be called twice."""
        self._is_closed = True
        self._drop_connection()

    def _connect(self, now: float) -> None:
        address = self._connector.address
        try:
            self._transport = self._connector.connect()
        except TransportError as exc:
            self._disconnect(str(exc), now)
        else:
            self._opening = Opening(self._transport, self._greeting(), address, now)

    def _greeting(self) -> Greeting | None:
        if self._greet is not None:
            return self._greet()
        return UnexpectedGreeting() if self._was_greeted else None

    def _open(self, opening: Opening, now: float) -> None:
        try:
            is_open = opening.advance(now)
        except TransportError as exc:
            self._disconnect(str(exc), now)
        except ForwardError as exc:
            self._fail(exc, now)
        else:
            if is_open:
                self._begin_session(now)

    def _begin_session(self, now: float) -> None:
        self._opening = None
        self._session = Session(
            self._frames,
            self._suspicion,
            require_ack=self._require_ack,
            window_chunks=self._window_chunks,
            window_bytes=self._window_bytes,
            ack_timeout_s=self._ack_timeout_s,
        )
        self._connected_at = now
        self._events.append(Connected(self._connector.address))

    def _read(self, now: float) -> None:
        """Take in acknowledgements, also while writing is blocked.

        Fluent Bit stops reading as long as its acknowledgements are not read.
        """
        if self._transport is None or self._session is None:
            return
        try:
            while (data := self._transport.receive()) is not None:
                self._session.receive_data(data)
                while (chunk_id := self._session.next_ack(now)) is not None:
                    self._was_ever_acked = True
                    self._restart_backoff()
                    if chunk_id in self._frames:  # else it was let go of as poison
                        self._settle(chunk_id)
        except TransportError as exc:
            self._disconnect(str(exc), now)
        except ForwardError as exc:
            self._fail(exc, now)

    def _settle(self, chunk_id: str) -> None:
        self._unacked.remove(chunk_id)
        self._events.append(Acked(chunk_id))

    def _restart_backoff(self) -> None:
        self._backoff.reset()
        self._attempts = 0

    def _write(self, now: float) -> None:
        if self._transport is None or self._session is None:
            return
        self._is_blocked = False
        try:
            while (chunk_id := self._frame_to_write(self._session)) is not None:
                written = self._transport.send(*self._unwritten)
                if not written:
                    self._is_blocked = True
                    return
                self._session.transmitted(chunk_id)
                self._unwritten = _behind(self._unwritten, written)
                if not self._unwritten:
                    self._end_frame(self._session, chunk_id, now)
        except TransportError as exc:
            self._read(now)  # what the receiver had acknowledged before it went
            if self._transport is not None:
                self._disconnect(str(exc), now)

    def _may_write(self, session: Session) -> bool:
        return self._writing is not None or session.next_frame() is not None

    def _frame_to_write(self, session: Session) -> str | None:
        """Return the frame under way, or begin the next one."""
        if self._writing is None:
            self._writing = session.next_frame()
            if self._writing is not None:
                pieces = self._frames[self._writing].pieces
                self._unwritten = tuple(map(memoryview, pieces))
                session.begin(self._writing)
        return self._writing

    def _end_frame(self, session: Session, chunk_id: str, now: float) -> None:
        self._writing = None
        session.written(chunk_id, now)
        if not self._require_ack:
            self._settle(chunk_id)
            if now >= self._connected_at + STEADY_S:
                self._restart_backoff()
            return
        self._unacked.written(chunk_id)

    def _check_silence(self, now: float) -> None:
        if self._session is None or not self._session.is_silent(now):
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
        self._disconnect(reason, now, is_silent=True)

    def _let_poison_go(self) -> None:
        while (chunk_id := self._suspicion.poison) is not None:
            if chunk_id == self._writing:
                return  # half a frame must be ended first
            self._suspicion.remove(chunk_id)
            if self._session is not None:
                self._session.withdraw(chunk_id)
            self._unacked.remove(chunk_id)
            self._events.append(Poisoned(chunk_id))

    def _leave_if_due(self, now: float) -> None:
        if self._session is None or not self._session.must_be_left:
            return
        self._drop_connection()
        self._next_attempt = now
        reason = (
            f"{self._connector.address}: connecting anew to send a chunk again that "
            "failed while others passed"
        )
        self._events.append(Disconnected(reason, len(self._frames), 0.0, attempt=0))

    def _fail(self, error: ForwardError, now: float) -> None:
        # Heard of once, it is listened for before anything is sent.
        self._was_greeted = isinstance(error, GreetedError)
        self._disconnect(f"{self._connector.address}: {error}", now)

    def _disconnect(self, reason: str, now: float, *, is_silent: bool = False) -> None:
        if self._session is not None:
            self._session.end(is_silent=is_silent)
        self._drop_connection()
        self._attempts += 1
        retry_in_s = self._backoff.next_delay_s(self._jitter())
        self._next_attempt = now + retry_in_s
        self._events.append(
            Disconnected(reason, len(self._frames), retry_in_s, self._attempts)
        )

    def _drop_connection(self) -> None:
        """Forget all that belongs to the connection; every frame stays."""
        if self._transport is not None:
            self._transport.close()
        self._transport = None
        self._opening = None
        self._session = None
        self._writing = None
        self._unwritten = ()
        self._is_blocked = False


def _behind(pieces: Sequence[memoryview], size_bytes: int) -> Sequence[memoryview]:
    """Return what is left of a frame once its first bytes are written."""
    for number, piece in enumerate(pieces):
        if size_bytes < len(piece):
            return (piece[size_bytes:], *pieces[number + 1 :])
        size_bytes -= len(piece)
    return ()
