"""What every transport is, and a connected stream socket."""

from __future__ import annotations

import errno
import os
import socket
from typing import Protocol

from plugin_bridge.errors import TransportError

RECEIVE_BYTES = 65_536


class Transport(Protocol):
    """One connection. A failure other than "not now" is a :class:`TransportError`."""

    @property
    def step(self) -> str:
        """What it does until it is connected, as a verb before the address."""
        ...

    @property
    def waits_to_read(self) -> bool:
        """Whether readability is what that step waits for, and not writability."""
        ...

    def finish_connect(self) -> bool:
        """Say whether the connection stands.

        If not, call again once the descriptor (which may be another one with each
        step) is readable or writable, as :attr:`waits_to_read` says.

        Raises:
            TransportError: It cannot be made.
        """
        ...

    def send(self, *pieces: memoryview) -> int:
        """Write what goes at once and return how many bytes that were, 0 for none.

        Args:
            pieces: Are written one after the other, as if they were one.

        Raises:
            TransportError: The connection is broken.
        """
        ...

    def receive(self, max_bytes: int = RECEIVE_BYTES) -> bytes | None:
        """Return what has come, ``b""`` at the end, ``None`` when nothing is there.

        Raises:
            TransportError: The connection is broken.
        """
        ...

    def fileno(self) -> int:
        """Return the descriptor, to be polled."""
        ...

    def close(self) -> None:
        """Close it; may be called twice."""
        ...


class Connector(Protocol):
    """Makes connections to one address, again and again."""

    @property
    def address(self) -> str:
        """The address, as text for people."""
        ...

    def connect(self) -> Transport:
        """Begin to connect, without waiting for the other end.

        Raises:
            TransportError: Refused at once.
        """
        ...


class SocketTransport:
    """A connected, or connecting, stream socket."""

    def __init__(
        self, sock: socket.socket, address: str, *, is_connected: bool
    ) -> None:
        self._socket = sock
        self._address = address
        self._is_connected = is_connected

    @property
    def step(self) -> str:
        return "connect to"

    @property
    def waits_to_read(self) -> bool:
        return False

    def finish_connect(self) -> bool:
        if self._is_connected:
            return True
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise TransportError(sentence("connect to", self._address, code))
        try:
            self._socket.getpeername()
        except OSError as exc:
            if exc.errno == errno.ENOTCONN:
                return False
            raise TransportError(sentence("connect to", self._address, exc)) from exc
        self._is_connected = True
        return True

    def send(self, *pieces: memoryview) -> int:
        try:
            return self._socket.sendmsg(pieces)
        except BlockingIOError:
            return 0
        except OSError as exc:
            raise TransportError(sentence("write to", self._address, exc)) from exc

    def receive(self, max_bytes: int = RECEIVE_BYTES) -> bytes | None:
        try:
            return self._socket.recv(max_bytes)
        except BlockingIOError:
            return None
        except OSError as exc:
            raise TransportError(sentence("read from", self._address, exc)) from exc

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def detach(self) -> socket.socket:
        """Hand over the socket; this transport is not used any more."""
        return self._socket


def stream_socket(family: socket.AddressFamily, address: str) -> socket.socket:
    """Return a new stream socket.

    Raises:
        TransportError: Too many open files, or no such family on this machine.
    """
    try:
        return socket.socket(family, socket.SOCK_STREAM)
    except OSError as exc:
        raise TransportError(sentence("open a socket for", address, exc)) from exc


def sentence(action: str, address: str, cause: OSError | int) -> str:
    """Say what the system refused, and why."""
    if isinstance(cause, int):
        words = os.strerror(cause)
    else:
        words = cause.strerror or str(cause)
    return f"cannot {action} {address}: {words}"
