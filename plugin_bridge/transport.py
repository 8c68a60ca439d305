"""Byte streams to and from the system: the only user of sockets, all non-blocking.

A further transport (TLS) is one more pair of classes that keep to :class:`Connector`
and :class:`Transport`.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import socket
import stat
from pathlib import Path
from typing import Protocol

from plugin_bridge.addresses import TcpAddress, UnixAddress
from plugin_bridge.errors import TransportError

RECEIVE_BYTES = 65_536
LISTEN_BACKLOG = 128

_KEEPALIVE_IDLE_S = 60
_KEEPALIVE_INTERVAL_S = 15
_KEEPALIVE_PROBES = 4
_ANY_PORT = 0


class Transport(Protocol):
    """One connection. A failure other than "not now" is a :class:`TransportError`."""

    def finish_connect(self) -> bool:
        """Say whether the connection stands; call again once writable if not.

        Raises:
            TransportError: It cannot be made.
        """
        ...

    def send(self, data: memoryview) -> int:
        """Write what goes at once and return how many bytes that were, 0 for none.

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

    def finish_connect(self) -> bool:
        if self._is_connected:
            return True
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise TransportError(_sentence("connect to", self._address, code))
        try:
            self._socket.getpeername()
        except OSError as exc:
            if exc.errno == errno.ENOTCONN:
                return False
            raise TransportError(_sentence("connect to", self._address, exc)) from exc
        self._is_connected = True
        return True

    def send(self, data: memoryview) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as exc:
            raise TransportError(_sentence("write to", self._address, exc)) from exc

    def receive(self, max_bytes: int = RECEIVE_BYTES) -> bytes | None:
        try:
            return self._socket.recv(max_bytes)
        except BlockingIOError:
            return None
        except OSError as exc:
            raise TransportError(_sentence("read from", self._address, exc)) from exc

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


class UnixConnector:
    """Connects to a Unix stream socket, on a path or abstract."""

    def __init__(self, address: UnixAddress) -> None:
        self._address = address

    @property
    def address(self) -> str:
        return str(self._address)

    def connect(self) -> Transport:
        """Connect; a full backlog (EAGAIN) is a failure to be retried like others.

        Raises:
            TransportError: No such socket, refused, full or not permitted.
        """
        sock = _stream_socket(socket.AF_UNIX, self.address)
        try:
            sock.setblocking(False)
            sock.connect(_unix_name(self._address))
        except OSError as exc:
            sock.close()
            raise TransportError(self._explain(exc)) from exc
        return SocketTransport(sock, self.address, is_connected=True)

    def _explain(self, error: OSError) -> str:
        sentence = _sentence("connect to", self.address, error)
        match error.errno:
            case errno.EAGAIN:
                return (
                    f"cannot connect to {self.address}: the receiver accepts no "
                    "connection (its backlog is full)"
                )
            case errno.EACCES | errno.EPERM if not self._address.is_abstract:
                return f"{sentence}; {_ownership(self._address.path)}"
            case _:
                return sentence


class TcpConnector:
    """Connects to a TCP port.

    A name is looked up at each round of attempts, and blocks for as long as the
    resolver takes; of its addresses each attempt tries the next.
    """

    def __init__(self, address: TcpAddress) -> None:
        self._address = address
        self._candidates: list[tuple[socket.AddressFamily, _SocketAddress]] = []

    @property
    def address(self) -> str:
        return str(self._address)

    def connect(self) -> Transport:
        """Begin to connect to the next address of the host.

        Raises:
            TransportError: Unknown host, or refused at once.
        """
        if not self._candidates:
            self._candidates = self._resolve()
        family, peer = self._candidates.pop(0)
        sock = _stream_socket(family, self.address)
        try:
            sock.setblocking(False)
            _set_tcp_options(sock)
            sock.connect(peer)
        except BlockingIOError:
            return SocketTransport(sock, self.address, is_connected=False)
        except OSError as exc:
            sock.close()
            raise TransportError(_sentence("connect to", self.address, exc)) from exc
        return SocketTransport(sock, self.address, is_connected=True)

    def _resolve(self) -> list[tuple[socket.AddressFamily, _SocketAddress]]:
        try:
            found = socket.getaddrinfo(
                self._address.host, self._address.port, type=socket.SOCK_STREAM
            )
        except OSError as exc:
            raise TransportError(_sentence("resolve", self.address, exc)) from exc
        return [(family, peer) for family, _, _, _, peer in found]


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
        sock = _stream_socket(socket.AF_UNIX, str(address))
        try:
            sock.bind(address.path)
            path.chmod(mode)
        except OSError as exc:
            sock.close()
            raise TransportError(_sentence("listen on", str(address), exc)) from exc
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
        sock = _stream_socket(family, wanted)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError as exc:
            sock.close()
            raise TransportError(_sentence("listen on", wanted, exc)) from exc
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
            raise TransportError(_sentence("accept on", self._address, exc)) from exc
        sock.setblocking(False)
        return SocketTransport(sock, self._address, is_connected=True)

    def fileno(self) -> int:
        """Return the descriptor, to be polled."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close it; a path stays, as other processes may hold the same socket."""
        self._socket.close()


_SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]


def _stream_socket(family: socket.AddressFamily, address: str) -> socket.socket:
    try:
        return socket.socket(family, socket.SOCK_STREAM)
    except OSError as exc:  # too many open files, or no IPv6 on this machine
        raise TransportError(_sentence("open a socket for", address, exc)) from exc


def _listening(sock: socket.socket) -> socket.socket:
    sock.listen(LISTEN_BACKLOG)
    sock.setblocking(False)
    return sock


def _unix_name(address: UnixAddress) -> str:
    return "\0" + address.path[1:] if address.is_abstract else address.path


def _set_tcp_options(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # A receiver that stalls still answers probes; only a vanished one is given up.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_IDLE_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEPALIVE_INTERVAL_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEPALIVE_PROBES)


def _sentence(action: str, address: str, cause: OSError | int) -> str:
    if isinstance(cause, int):
        words = os.strerror(cause)
    else:
        words = cause.strerror or str(cause)
    return f"cannot {action} {address}: {words}"


def _ownership(path: str) -> str:
    """Say whose socket it is, as its permissions are what must change."""
    try:
        found = Path(path).stat()
    except OSError as exc:
        return f"a directory on the way to it cannot be entered ({exc.strerror})"
    user, group = _user_name(found.st_uid), _group_name(found.st_gid)
    mode = stat.S_IMODE(found.st_mode)
    return (
        f"it belongs to {user}:{group} with mode {mode:04o}, and writing to it is "
        f"what {_user_name(os.geteuid())} needs"
    )


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return f"gid {gid}"
