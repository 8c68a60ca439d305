"""The client's half of one connection: what is in flight and what was acknowledged."""

from __future__ import annotations

from enum import Enum, auto

import msgpack

from plugin_bridge.forward.errors import (
    ConnectionLostError,
    ForwardError,
    LocalProtocolError,
    RemoteProtocolError,
)
from plugin_bridge.forward.frames import acked_chunk

MAX_RESPONSE_BYTES = 65_536
"""Most that an unfinished response may hold; a real one has about forty bytes."""


class Phase(Enum):
    """Where a connection stands; only :class:`ForwardConnection` moves it."""

    HALF_OPEN = auto()  # one chunk at a time, until the first acknowledgement
    OPEN = auto()  # the whole window
    FAILED = auto()  # an error was raised; nothing more can be done


class ForwardConnection:
    """Client half of one connection. No socket, no clock, no logger.

    Call :meth:`send_chunk` for each frame whose first byte goes out, if
    :meth:`has_room` allows it. Give :meth:`receive_data` what was read (``b""`` for
    EOF), then call :meth:`next_ack` until it returns ``None``: acknowledgements are
    pulled one at a time, so that a bad response never hides an earlier good one.

    A connection begins half-open, with a single chunk: a receiver that is paused
    accepts connections, and takes in at its awakening whatever was written into them
    (observed on Fluent Bit 5.1), so the less it holds the less arrives twice.

    The window slides from the oldest chunk in flight: those behind it count, even once
    acknowledged, so that what is sent again after a loss is never more than a window.

    Args:
        window_chunks: Most chunks from the oldest in flight on.
        window_bytes: Most bytes of their frames. A larger frame goes alone.
    """

    def __init__(self, *, window_chunks: int, window_bytes: int) -> None:
        self._window_chunks = window_chunks
        self._window_bytes = window_bytes
        self._phase = Phase.HALF_OPEN
        # Oldest first: how many chunks and bytes were sent before each.
        self._in_flight: dict[str, tuple[int, int]] = {}
        self._sent_count = 0
        self._sent_bytes = 0
        self._unpacker = msgpack.Unpacker(raw=True, max_buffer_size=MAX_RESPONSE_BYTES)
        self._failure: ForwardError | None = None  # raised once all before it is read
        self._is_eof = False

    @property
    def phase(self) -> Phase:
        """Where the connection stands."""
        return self._phase

    @property
    def in_flight_count(self) -> int:
        """Chunks sent and not acknowledged."""
        return len(self._in_flight)

    @property
    def sent_count(self) -> int:
        """Chunks ever sent."""
        return self._sent_count

    def has_room(self, frame_bytes: int) -> bool:
        """Say whether a frame of that size may be sent now."""
        if self._phase is Phase.FAILED:
            return False
        if not self._in_flight:
            return True
        count, size_bytes = next(iter(self._in_flight.values()))
        return (
            self._phase is Phase.OPEN
            and self._sent_count - count < self._window_chunks
            and self._sent_bytes - size_bytes + frame_bytes <= self._window_bytes
        )

    def send_chunk(self, chunk: str, frame_bytes: int) -> None:
        """Count a chunk as in flight from now on.

        Raises:
            LocalProtocolError: No room, or the chunk is in flight already.
        """
        if not self.has_room(frame_bytes):
            raise LocalProtocolError("the window is full")
        if chunk in self._in_flight:
            raise LocalProtocolError(f"chunk {chunk} is in flight already")
        self._in_flight[chunk] = (self._sent_count, self._sent_bytes)
        self._sent_count += 1
        self._sent_bytes += frame_bytes

    def receive_data(self, data: bytes) -> None:
        """Take in what was read: ``b""`` says that the receiver sends no more."""
        if not data:
            self._is_eof = True
            return
        try:
            self._unpacker.feed(data)
        except msgpack.BufferFull:
            self._failure = RemoteProtocolError(
                f"a response of more than {MAX_RESPONSE_BYTES} bytes"
            )

    def next_ack(self) -> str | None:
        """Return the next acknowledged chunk, or ``None`` when more must be read.

        Raises:
            NackedError: The receiver refused (``{}``).
            RemoteProtocolError: Undecodable, or an acknowledgement of a chunk that is
                not in flight.
            ConnectionLostError: The stream ended; names the unacknowledged chunks.
        """
        if self._phase is Phase.FAILED:
            raise LocalProtocolError("the connection has failed")
        try:
            response = next(self._unpacker)
        except StopIteration:
            if self._is_eof:
                self._failure = ConnectionLostError(tuple(self._in_flight))
            if self._failure is not None:
                self._phase = Phase.FAILED
                raise self._failure from None
            return None
        except (msgpack.UnpackException, ValueError) as exc:
            self._phase = Phase.FAILED
            raise RemoteProtocolError("undecodable response") from exc
        return self._acknowledge(response)

    def _acknowledge(self, response: object) -> str:
        try:
            chunk = acked_chunk(response)
        except RemoteProtocolError:
            self._phase = Phase.FAILED
            raise
        if self._in_flight.pop(chunk, None) is None:
            self._phase = Phase.FAILED
            raise RemoteProtocolError(
                f"acknowledgement of a chunk that is not in flight: {chunk!r:.80}"
            )
        self._phase = Phase.OPEN
        return chunk
