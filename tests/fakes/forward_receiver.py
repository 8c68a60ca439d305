"""A strict receiver of Forward on a real socket, with faults to switch on.

::

    with RecordingReceiver.unix(tmp_path / "forward.sock") as receiver:
        ...
        receiver.wait_for_records(2_900, timeout_s=30)
        assert [entry.record["eventID"] for entry in receiver.entries()] == expected
"""

from __future__ import annotations

import select
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from plugin_bridge.forward.errors import RemoteProtocolError
from plugin_bridge.forward.receiver import Entry, ForwardReceiver, Frame
from tests.fakes.greeter import Greeter, GreetingRefusedError

if TYPE_CHECKING:
    from pathlib import Path

NACK = b"\x80"
_READ_BYTES = 65_536
_TICK_S = 0.02
_TICKS_TO_END_A_GROUP = 25


@dataclass(slots=True)
class Faults:
    """What goes wrong; may be changed while the receiver runs.

    Args:
        stalls: Read nothing more, keep connections open, go on accepting.
        acks: Acknowledge at all; ``False`` is Vector on a Unix socket.
        max_acks: Acknowledge no more than that many frames of a connection.
        nacks: Answer each frame with Vector's ``{}`` and close.
        reversed_acks: Acknowledge the first frame of a connection at once, then in
            groups of this many, the last of a group first (half a second of silence
            ends a group early). 0: each at once.
        close_after_frames: Close a connection once it has brought that many whole
            frames, without acknowledging the last one. They are recorded.
        close_after_bytes: Close a connection once it has brought that many bytes.
        refused_event_ids: Frames that hold a record with such an ``eventID`` are not
            recorded, and are refused as ``refusal`` says.
        refusal: ``"close"`` the connection, as Fluentd and OpenTelemetry do; ``"nack"``
            as Vector with sinks that reject; ``"ignore"`` the frame and go on, as
            Vector with one it cannot decode.
        greeter: Asks each new connection for a shared key, and takes frames only once
            that is settled: what comes before vanishes, as in Fluent Bit.
    """

    stalls: bool = False
    acks: bool = True
    max_acks: int | None = None
    nacks: bool = False
    reversed_acks: int = 0
    close_after_frames: int | None = None
    close_after_bytes: int | None = None
    refused_event_ids: frozenset[object] = frozenset()
    refusal: Literal["close", "nack", "ignore"] = "close"
    greeter: Greeter | None = None


class RecordingReceiver:
    """Records every whole frame, in a thread of its own, until it is closed."""

    def __init__(self, listener: socket.socket, address: str, faults: Faults) -> None:
        self.address = address
        self.faults = faults
        self.protocol_errors: list[RemoteProtocolError] = []
        self.connection_count = 0
        self.before_greeting = b""  # all that came before a handshake was over
        self._listener = listener
        self._frames: list[Frame] = []
        self._acked: list[str] = []
        self._record_count = 0
        self._idle_ticks = 0
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recording-receiver")

    @classmethod
    def unix(cls, path: Path, faults: Faults | None = None) -> Self:
        """Listen on a Unix socket; a stale one at the path is replaced."""
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        return cls._listening(listener, f"unix://{path}", faults)

    @classmethod
    def tcp(cls, faults: Faults | None = None, *, port: int = 0) -> Self:
        """Listen on a TCP port of 127.0.0.1, by default a free one."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        return cls._listening(listener, address, faults)

    @classmethod
    def _listening(
        cls, listener: socket.socket, address: str, faults: Faults | None
    ) -> Self:
        listener.listen(128)
        return cls(listener, address, faults or Faults())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop, and close every connection; a Unix path stays behind, stale."""
        self._stopping.set()
        self._thread.join()

    def frames(self) -> list[Frame]:
        """Return every whole frame so far, repeated ones too, as they came."""
        with self._changed:
            return list(self._frames)

    def entries(self) -> list[Entry]:
        """Return every entry so far, repeated ones too, as they came."""
        return [entry for frame in self.frames() for entry in frame.entries()]

    def records(self) -> list[dict[str, object]]:
        """Return the records of :meth:`entries`."""
        return [entry.record for entry in self.entries()]

    def acked(self) -> list[str]:
        """Return the ids acknowledged so far, or about to be, in that order."""
        with self._changed:
            return list(self._acked)

    def wait_for_records(self, count: int, *, timeout_s: float = 10.0) -> None:
        """Wait until that many records have come, by the frames' own ``size``.

        Raises:
            AssertionError: They have not.
        """
        with self._changed:
            if not self._changed.wait_for(
                lambda: self._record_count >= count, timeout_s
            ):
                raise AssertionError(
                    f"{self._record_count} of {count} records after {timeout_s} s"
                )

    def wait_for_frames(self, count: int, *, timeout_s: float = 10.0) -> None:
        """Wait until that many frames have come.

        Raises:
            AssertionError: They have not.
        """
        with self._changed:
            if not self._changed.wait_for(
                lambda: len(self._frames) >= count, timeout_s
            ):
                raise AssertionError(
                    f"{len(self._frames)} of {count} frames after {timeout_s} s"
                )

    def _run(self) -> None:
        sessions: dict[int, _Session] = {}
        try:
            while not self._stopping.is_set():
                for session in self._ready(sessions):
                    if not self._serve(session):
                        sessions.pop(session.socket.fileno()).socket.close()
        finally:
            for session in sessions.values():
                session.socket.close()
            self._listener.close()

    def _ready(self, sessions: dict[int, _Session]) -> list[_Session]:
        watched: list[socket.socket | int] = [self._listener]
        if not self.faults.stalls:
            watched += sessions
        found, _, _ = select.select(watched, [], [], _TICK_S)
        if self._listener in found:
            connection, _ = self._listener.accept()
            sessions[connection.fileno()] = _Session(connection, self.faults.greeter)
            self.connection_count += 1
        self._idle_ticks = 0 if found else self._idle_ticks + 1
        if self._idle_ticks == _TICKS_TO_END_A_GROUP:
            for session in sessions.values():
                self._acknowledge(session, session.held)
                session.held = []
        return [sessions[fd] for fd in found if isinstance(fd, int)]

    def _serve(self, session: _Session) -> bool:
        if self.faults.stalls:  # switched on while select() was waiting
            return True
        try:
            data = session.socket.recv(_READ_BYTES)
            if not data:
                return False
            return self._take(session, data)
        except RemoteProtocolError as exc:
            self.protocol_errors.append(exc)
            return False
        except OSError:
            return False

    def _take(self, session: _Session, data: bytes) -> bool:
        if session.greeter is not None:
            return self._greet(session, session.greeter, data)
        faults = self.faults
        session.byte_count += len(data)
        if (
            faults.close_after_bytes is not None
            and session.byte_count >= faults.close_after_bytes
        ):
            return False
        session.receiver.receive_data(data)
        while (frame := session.receiver.next_frame()) is not None:
            session.frame_count += 1
            if self._is_refused(frame):
                if faults.refusal == "ignore":
                    continue
                if faults.refusal == "nack":
                    session.socket.sendall(NACK)
                return False
            self._record(frame)
            if (
                faults.close_after_frames is not None
                and session.frame_count >= faults.close_after_frames
            ):
                return False
            if faults.nacks:
                session.socket.sendall(NACK)
                return False
            is_silent = (
                faults.max_acks is not None and session.frame_count > faults.max_acks
            )
            if frame.chunk is not None and faults.acks and not is_silent:
                self._hold(session, frame.chunk)
        return True

    def _greet(self, session: _Session, greeter: Greeter, ping: bytes) -> bool:
        self.before_greeting += ping
        if b"PING" not in ping[:6]:
            return True
        try:
            session.socket.sendall(greeter.pong(ping))
        except GreetingRefusedError as refusal:
            session.socket.sendall(refusal.answer)
            return False
        session.greeter = None
        return True

    def _is_refused(self, frame: Frame) -> bool:
        refused = self.faults.refused_event_ids
        return bool(refused) and any(
            entry.record.get("eventID") in refused for entry in frame.entries()
        )

    def _record(self, frame: Frame) -> None:
        entries = list(frame.entries())
        if frame.size is not None and frame.size != len(entries):
            raise RemoteProtocolError(
                f"size says {frame.size}, and {len(entries)} entries came"
            )
        with self._changed:
            self._frames.append(frame)
            self._record_count += len(entries)
            self._changed.notify_all()

    def _hold(self, session: _Session, chunk: str) -> None:
        session.held.append(chunk)
        group = 1 if session.frame_count == 1 else max(self.faults.reversed_acks, 1)
        if len(session.held) >= group:
            self._acknowledge(session, session.held)
            session.held = []

    def _acknowledge(self, session: _Session, chunks: list[str]) -> None:
        for chunk in reversed(chunks):
            with self._changed:
                self._acked.append(chunk)
            try:
                session.socket.sendall(session.receiver.ack(chunk))
            except OSError:
                return  # the next read sees the end, and closes


class _Session:
    """One connection."""

    def __init__(self, connection: socket.socket, greeter: Greeter | None) -> None:
        self.socket = connection
        self.greeter = greeter  # until it is satisfied
        if greeter is not None:
            connection.sendall(greeter.helo())
        self.receiver = ForwardReceiver()
        self.byte_count = 0
        self.frame_count = 0
        self.held: list[str] = []
