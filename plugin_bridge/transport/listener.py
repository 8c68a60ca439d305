"""The accepting end: for tests, and for the writer of standard output."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from plugin_bridge.addresses import TcpAddress, UnixAddress
from plugin_bridge.errors import TransportError
from plugin_bridge.transport.stream import (
    SocketTransport,
    Transport,
    sentence,
    stream_socket,
)

if TYPE_CHECKING:
    from pathlib import Path

LISTEN_BACKLOG = 128

_ANY_PORT = 0


class Listener:
    """A listening socket whose connections are non-blocking too."""

    def __init__(self, sock: socket.socket, address: str) -> None:
        self._socket = sock
        self._address = address

    @classmethod
    def unix(cls, path: Path, *, mode: int = 0o600) -> Listener:
        """Listen on a new Unix socket.

        Args:
            path: Where; nothing may be there yet.
            mode: Permissions of the socket.

        Raises:
            AddressError: The path is too long.
            TransportError: The system refuses, or something is there.
        """
        address = UnixAddress(str(path))
        sock = stream_socket(socket.AF_UNIX, str(address))
        try:
            sock.bind(address.path)
            path.chmod(mode)
        except OSError as exc:
            sock.close()
            raise TransportError(sentence("listen on", str(address), exc)) from exc
        return cls(_listening(sock), str(address))

    @classmethod
    def tcp(cls, host: str, port: int = _ANY_PORT) -> Listener:
        """Listen on a TCP port.

        Args:
            host: An IPv4 or IPv6 address of this machine.
            port: 0 takes a free one; :attr:`address` tells which.

        Raises:
            TransportError: The system refuses.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        wanted = str(TcpAddress(host, port))
        sock = stream_socket(family, wanted)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError as exc:
            sock.close()
            raise TransportError(sentence("listen on", wanted, exc)) from exc
        bound_port: int = sock.getsockname()[1]
        return cls(_listening(sock), str(TcpAddress(host, bound_port)))

    @property
    def address(self) -> str:
        """The address to connect to, as :func:`.addresses.parse_address` reads it."""
        return self._address

    def accept(self) -> Transport | None:
        """Return the next connection, or ``None`` when nobody waits.

        Raises:
            TransportError: The system refuses, as with too many open files.
        """
        try:
            sock, _ = self._socket.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return None
        except OSError as exc:
            raise TransportError(sentence("accept on", self._address, exc)) from exc
        sock.setblocking(False)
        return SocketTransport(sock, self._address, is_connected=True)

    def fileno(self) -> int:
        """Return the descriptor, to be polled."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close it; a path stays, as other processes may hold the same socket."""
        self._socket.close()


def _listening(sock: socket.socket) -> socket.socket:
    sock.listen(LISTEN_BACKLOG)
    sock.setblocking(False)
    return sock
