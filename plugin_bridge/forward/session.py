"""One connection's turn at the frames: which goes next, and what its end proves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin_bridge.forward.connection import ForwardConnection, Phase
from plugin_bridge.forward.errors import LocalProtocolError, RemoteProtocolError
from plugin_bridge.forward.silence import AckTimer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sized

    from plugin_bridge.forward.suspicion import Suspicion

_FEWEST_IN_FLIGHT = 2  # one that fails, and one that shows whether others pass


class Session:
    """One connection from its first frame to its end.

    For each frame call :meth:`begin`, :meth:`transmitted` whenever bytes of it went
    out and :meth:`written` after the last one; then :meth:`next_frame` names another.

    Args:
        frames: All unacknowledged frames by chunk id, oldest first: a live view.
        suspicion: Outlives this connection; knows the same frames, or none without
            acknowledgements.
        require_ack: Whether frames are acknowledged. Without, all go in their order.
        window_chunks: Most frames in flight.
        window_bytes: Most bytes in flight.
        ack_timeout_s: Longest silence, in seconds.
    """

    def __init__(
        self,
        frames: Mapping[str, Sized],
        suspicion: Suspicion,
        *,
        require_ack: bool,
        window_chunks: int,
        window_bytes: int,
        ack_timeout_s: float,
    ) -> None:
        self._frames = frames
        self._suspicion = suspicion
        self._require_ack = require_ack
        self._window_chunks = window_chunks
        self._connection = ForwardConnection(
            window_chunks=max(window_chunks, _FEWEST_IN_FLIGHT),
            window_bytes=window_bytes,
        )
        self._timer = AckTimer(ack_timeout_s)
        self._unsent = dict.fromkeys(frames)  # in order
        self._writing: str | None = None
        self._sole: str | None = None  # the first frame, until one is acknowledged

    @property
    def must_be_left(self) -> bool:
        """Whether nothing is left to do but to begin anew.

        That is when a frame that failed while others passed is to be sent again, which
        takes a new connection, and everything else that was sent is acknowledged.
        """
        is_idle = self._connection.in_flight_count == self._timer.skipped_count
        return self._is_ending and is_idle and self.next_frame() is None

    def add(self, chunk: str) -> None:
        """Take in a frame that was handed in after this connection was made."""
        self._unsent[chunk] = None

    def withdraw(self, chunk: str) -> None:
        """Send a frame no more, as its owner has let go of it."""
        self._unsent.pop(chunk, None)

    def next_frame(self) -> str | None:
        """Return the frame to begin now, ``None`` while none may go."""
        if self._writing is not None or not self._unsent:
            return None
        if not self._require_ack:
            return next(iter(self._unsent))
        chunk = self._choose()
        if chunk is None or not self._connection.has_room(self._share_bytes(chunk)):
            return None
        return chunk

    def begin(self, chunk: str) -> None:
        """Count the frame that :meth:`next_frame` named as in flight.

        Raises:
            LocalProtocolError: Half a frame is out, or there is no room.
        """
        if self._writing is not None:
            raise LocalProtocolError(f"the frame {self._writing} is not whole")
        if self._require_ack:
            self._connection.send_chunk(chunk, self._share_bytes(chunk))
        del self._unsent[chunk]
        self._writing = chunk

    def transmitted(self, chunk: str) -> None:
        """Note that bytes of a frame went out; from now on it can be to blame."""
        if self._require_ack and self._connection.phase is Phase.HALF_OPEN:
            self._sole = chunk

    def written(self, chunk: str, now: float) -> None:
        """Note that the last byte of a frame went out."""
        self._writing = None
        if self._require_ack:
            self._timer.written(chunk, now)

    def receive_data(self, data: bytes) -> None:
        """Take in what was read: ``b""`` says that the receiver sends no more."""
        self._connection.receive_data(data)

    def next_ack(self, now: float) -> str | None:
        """Return the next acknowledged chunk, or ``None`` when more must be read.

        It may have been let go of as poison before.

        Raises:
            NackedError: The receiver refused (``{}``).
            RemoteProtocolError: Undecodable, or an acknowledgement of a chunk that is
                not in flight, or of which only a part is.
            ConnectionLostError: The stream ended; names the unacknowledged chunks.
        """
        chunk = self._connection.next_ack()
        if chunk is None:
            return None
        if chunk == self._writing:
            raise RemoteProtocolError(f"acknowledgement of half a frame: {chunk}")
        self._sole = None
        self._timer.acked(chunk, now)
        if chunk in self._frames:
            self._suspicion.acked(chunk)
        return chunk

    def deadline(self) -> float | None:
        """Return when the next acknowledgement is overdue, a monotonic instant."""
        return self._timer.deadline()

    def is_silent(self, now: float) -> bool:
        """Say whether nothing was acknowledged for too long; accuse who was passed."""
        for chunk in self._timer.skipped(now):
            if chunk in self._frames:
                self._suspicion.skipped(chunk)
        return self._timer.is_silent(now)

    def end(self, *, is_silent: bool) -> None:
        """Draw the conclusion from this connection's end.

        Args:
            is_silent: It was given up as nothing was acknowledged; else it was lost.
        """
        if self._sole is None:
            return  # others were in flight too, or one had passed: it proves nothing
        if is_silent:
            self._suspicion.stalled(self._sole)
        else:
            self._suspicion.closed(self._sole)

    @property
    def _is_ending(self) -> bool:
        return self._connection.phase is Phase.OPEN and (
            self._timer.skipped_count > 0 or self._suspicion.has_trial_due
        )

    def _choose(self) -> str | None:
        if self._connection.phase is not Phase.OPEN:
            return self._suspicion.first()
        if self._is_ending and self._connection.sent_count > self._window_chunks:
            return None  # one more window of others is enough
        return next(filter(self._suspicion.may_follow, self._unsent), None)

    def _share_bytes(self, chunk: str) -> int:
        """Return how much of the window a frame takes: none if others must pass it."""
        return 0 if self._suspicion.is_silent(chunk) else len(self._frames[chunk])
