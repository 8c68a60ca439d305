"""Framed standard output, shared by the whole pool: run in a process of its own.

The workers hand their chunks in over a private Unix socket, with the ordinary
:class:`.client.ForwardClient`. Only whole frames are written, one after the other, and
each is acknowledged once it is; so a worker killed in mid-frame leaves no trace in
the output, and a reader that pauses pauses the pool.
"""

from __future__ import annotations

import logging
import os
import select
import stat
from typing import TYPE_CHECKING

from plugin_bridge.errors import OutputClosedError, TransportError
from plugin_bridge.forward.errors import RemoteProtocolError
from plugin_bridge.forward.receiver import ForwardReceiver, Frame
from plugin_bridge.transport import Listener, Transport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LOG = logging.getLogger(__name__)

STOP_CHECK_MS = 100
STALLED_READER_MS = 300
"""How long a stop waits for a reader that holds up the frame being written."""

_READ_BYTES = 262_144
_GONE = select.POLLERR | select.POLLHUP | select.POLLNVAL


def listen(path: Path) -> Listener:
    """Return the socket for :func:`serve`, reachable by this user alone.

    Raises:
        AddressError: The path is too long.
        TransportError: The system refuses, or something is there.
    """
    return Listener.unix(path)


def serve(
    listener: Listener, output_fd: int, *, should_stop: Callable[[], bool]
) -> None:
    """Write the payload of every frame to ``output_fd``, whole, and acknowledge it.

    Returns within half a second of ``should_stop`` turning true, or once the frame
    being written is out if its reader still takes some. Signals are left to the caller.

    Args:
        listener: From :func:`listen`; stays open.
        output_fd: Standard output. Its mode (blocking or not) is left as it is, as
            other processes may share it.
        should_stop: Asked about ten times a second.

    Raises:
        OutputClosedError: The reader has gone, the disk is full, or at a stop the
            reader took a part of a frame and then no more.
        TransportError: No further connection can be accepted.
    """
    writer = _OutputWriter(output_fd, should_stop)
    loop = _Loop(listener, writer)
    try:
        while not should_stop():
            loop.run_once()
    finally:
        loop.close()


class _Loop:
    """One poll over the listener, the workers' connections and the output."""

    def __init__(self, listener: Listener, writer: _OutputWriter) -> None:
        self._listener = listener
        self._writer = writer
        self._peers: dict[int, _Peer] = {}
        self._poll = select.poll()
        self._poll.register(listener.fileno(), select.POLLIN)
        if writer.can_block:
            self._poll.register(writer.fd, 0)  # only whether its reader has gone

    def run_once(self) -> None:
        for fd, events in self._poll.poll(STOP_CHECK_MS):
            if fd == self._listener.fileno():
                self._accept()
            elif fd == self._writer.fd:
                self._writer.check(events)
            else:
                self._serve_peer(fd)

    def close(self) -> None:
        for peer in self._peers.values():
            peer.transport.close()

    def _accept(self) -> None:
        while (transport := self._listener.accept()) is not None:
            self._peers[transport.fileno()] = _Peer(transport)
            self._poll.register(transport.fileno(), select.POLLIN)

    def _serve_peer(self, fd: int) -> None:
        peer = self._peers[fd]
        try:
            is_open = peer.serve(self._writer)
        except TransportError:
            is_open = False  # a killed worker; its successor connects anew
        except RemoteProtocolError as exc:
            _LOG.warning("dropping a connection to the output writer: %s", exc)
            is_open = False
        if not is_open:
            self._drop(fd, peer)
        else:
            wanted = select.POLLIN | (select.POLLOUT if peer.unsent else 0)
            self._poll.modify(fd, wanted)

    def _drop(self, fd: int, peer: _Peer) -> None:
        self._poll.unregister(fd)
        del self._peers[fd]
        peer.transport.close()


class _Peer:
    """One worker's connection."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.unsent = b""  # acknowledgements
        self._receiver = ForwardReceiver()

    def serve(self, writer: _OutputWriter) -> bool:
        """Read once, write what is whole, acknowledge; return whether it is open."""
        data = self.transport.receive(_READ_BYTES)
        if data == b"":
            return False
        if data:
            self._receiver.receive_data(data)
        while (frame := self._receiver.next_frame()) is not None:
            if not writer.write(frame):
                return False
            if frame.chunk is not None:
                self.unsent += self._receiver.ack(frame.chunk)
        if self.unsent:
            self.unsent = self.unsent[self.transport.send(memoryview(self.unsent)) :]
        return True


class _OutputWriter:
    """Writes whole frames to a descriptor that may block, without blocking on it."""

    def __init__(self, fd: int, should_stop: Callable[[], bool]) -> None:
        self.fd = fd
        try:
            self.can_block = not stat.S_ISREG(os.fstat(fd).st_mode)
        except OSError as exc:
            raise OutputClosedError(f"there is no standard output: {exc}") from exc
        self._should_stop = should_stop
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)

    def write(self, frame: Frame) -> bool:
        """Write a frame; ``False`` if a stop came before its first byte went out."""
        if self._should_stop():
            return False
        left = memoryview(frame.payload)
        stalled_ms = 0
        while left:
            if self._is_ready():
                left = left[self._write_some(left) :]
                stalled_ms = 0
                continue
            if not self._should_stop():
                continue
            if len(left) == len(frame.payload):
                return False
            stalled_ms += STOP_CHECK_MS
            if stalled_ms >= STALLED_READER_MS:
                raise OutputClosedError(
                    "the reader of standard output stopped reading in the middle of "
                    "a chunk: the last record that it gets is cut"
                )
        return True

    def check(self, events: int) -> None:
        """Look at what a poll said about the output.

        Raises:
            OutputClosedError: Its reader has gone.
        """
        if events & _GONE:
            raise OutputClosedError(
                "cannot write to standard output: its reader has gone"
            )

    def _is_ready(self) -> bool:
        if not self.can_block:
            return True
        ready = self._poll.poll(STOP_CHECK_MS)
        if not ready:
            return False
        self.check(ready[0][1])
        return True

    def _write_some(self, left: memoryview) -> int:
        # A pipe that polls as writable takes this much without blocking: pipe(7).
        size_bytes = select.PIPE_BUF if self.can_block else len(left)
        try:
            return os.write(self.fd, left[:size_bytes])
        except BlockingIOError:
            return 0
        except OSError as exc:
            raise OutputClosedError(
                f"cannot write to standard output: {exc.strerror}"
            ) from exc
