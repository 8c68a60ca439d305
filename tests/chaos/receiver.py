"""A strict receiver of Forward as a program, which writes down whose each event was.

It appends one JSON object a line to its log: a frame *before* it is acknowledged
(``frame``, ``ids``), what became of its acknowledgement (``acked``, ``refused``), and
what befell a connection (``stalled``, ``ended``); ``connection`` names it, ``at`` is
the monotonic instant. Orders come as JSON lines on standard input, whose end ends it.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plugin_bridge.forward.errors import RemoteProtocolError
from plugin_bridge.forward.receiver import ForwardReceiver, Frame

READ_BYTES = 65_536
CUT_BYTES = 1_000  # less than a frame
TICK_S = 0.05


@dataclass(slots=True, eq=False)
class Session:
    """One connection."""

    name: str
    socket: socket.socket
    receiver: ForwardReceiver = field(default_factory=ForwardReceiver)
    is_to_be_cut: bool = False


class ChaosReceiver:
    """Serves until its orders end.

    Args:
        path: Of the Unix socket; a stale one is replaced.
        log_fd: Opened for appending.
    """

    def __init__(self, path: Path, log_fd: int) -> None:
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(128)
        self._log_fd = log_fd
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        self._sessions: dict[int, Session] = {}
        self._connections = 0
        self._orders = b""
        self._stalled_until = 0.0
        self._acks_to_refuse = 0
        self._is_ending = False

    def run(self) -> None:
        while not self._is_ending:
            is_stalled = time.monotonic() < self._stalled_until
            for key, _ in self._selector.select(TICK_S):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fd == sys.stdin.fileno():
                    self._take_orders()
                elif not is_stalled and (session := self._sessions.get(key.fd)):
                    self._serve(session)
            if is_stalled:
                time.sleep(TICK_S)  # what waits to be read would spin the selector

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        self._connections += 1
        name = f"{os.getpid()}-{self._connections}"
        self._sessions[connection.fileno()] = session = Session(name, connection)
        if (left_s := self._stalled_until - time.monotonic()) > 0:
            self._note(session, stalled=left_s)
        self._selector.register(connection, selectors.EVENT_READ)

    def _take_orders(self) -> None:
        data = os.read(sys.stdin.fileno(), READ_BYTES)
        self._is_ending = not data
        *lines, self._orders = (self._orders + data).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))

    def _obey(self, order: dict[str, Any]) -> None:
        match order["do"]:
            case "stall":
                self._stalled_until = time.monotonic() + order["for_s"]
                for session in self._sessions.values():
                    self._note(session, stalled=order["for_s"])
            case "refuse_acks":
                self._acks_to_refuse = order["frames"]
            case "cut":
                for session in self._sessions.values():
                    session.is_to_be_cut = True
            case "drop":
                for session in tuple(self._sessions.values()):
                    self._end(session, "dropped")
            case "behave":
                self._stalled_until = 0.0
                self._acks_to_refuse = 0
            case unknown:
                raise ValueError(f"no order {unknown!r}")

    def _serve(self, session: Session) -> None:
        try:
            size = CUT_BYTES if session.is_to_be_cut else READ_BYTES
            data = session.socket.recv(size)
            if not data:
                self._end(session, "peer")
            elif session.is_to_be_cut:
                self._end(session, "cut")
            else:
                session.receiver.receive_data(data)
                while (frame := session.receiver.next_frame()) is not None:
                    self._take(session, frame)
        except RemoteProtocolError as error:
            self._end(session, f"protocol: {error}")
        except OSError:
            self._end(session, "peer")

    def _take(self, session: Session, frame: Frame) -> None:
        ids = [entry.record.get("eventID") for entry in frame.entries()]
        self._note(session, frame=frame.chunk, ids=ids)
        if frame.chunk is None:
            return
        if self._acks_to_refuse:
            self._acks_to_refuse -= 1
            self._note(session, refused=frame.chunk)
            return
        session.socket.sendall(session.receiver.ack(frame.chunk))
        self._note(session, acked=frame.chunk)

    def _end(self, session: Session, why: str) -> None:
        self._selector.unregister(session.socket)
        del self._sessions[session.socket.fileno()]
        session.socket.close()
        self._note(session, ended=why)

    def _note(self, session: Session, **fields: object) -> None:
        line = {"connection": session.name, "at": time.monotonic(), **fields}
        os.write(self._log_fd, json.dumps(line).encode() + b"\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="chaos_receiver", description=__doc__)
    parser.add_argument("socket", type=Path)
    parser.add_argument("log", type=Path)
    arguments = parser.parse_args()
    log_fd = os.open(arguments.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    receiver = ChaosReceiver(arguments.socket, log_fd)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    receiver.run()


if __name__ == "__main__":
    main()
