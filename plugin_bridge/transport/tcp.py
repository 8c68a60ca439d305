"""TCP: the addresses of a host, tried one after the other."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from plugin_bridge.errors import TransportError
from plugin_bridge.transport.lookup import Candidate, Lookup, numeric
from plugin_bridge.transport.stream import (
    RECEIVE_BYTES,
    SocketTransport,
    Transport,
    sentence,
    stream_socket,
)

if TYPE_CHECKING:
    from plugin_bridge.addresses import TcpAddress

_KEEPALIVE_IDLE_S = 60
_KEEPALIVE_INTERVAL_S = 15
_KEEPALIVE_PROBES = 4


class Route:
    """The addresses of one host, each tried once before its name is looked up anew.

    It outlives the connections: an attempt that was given up as an address stayed
    silent is followed by one that begins with the next address, and a resolver that
    hangs is asked once.
    """

    def __init__(self, address: TcpAddress) -> None:
        self._address = address
        self._candidates: list[Candidate] = []
        self._lookup: Lookup | None = None

    @property
    def address(self) -> str:
        """The receiver's address, as text for people."""
        return str(self._address)

    @property
    def is_at_end(self) -> bool:
        """Whether no address is left to try."""
        return not self._candidates

    @property
    def lookup(self) -> Lookup | None:
        """The question that is under way."""
        return self._lookup

    def start(self) -> None:
        """Look the host up if no address is left.

        Raises:
            TransportError: The system refuses.
        """
        if self._candidates or self._lookup is not None:
            return
        host, port = self._address.host, self._address.port
        self._candidates = numeric(host, port)
        if not self._candidates:
            self._lookup = Lookup(host, port, address=self.address)

    def take(self) -> Candidate | None:
        """Return the next address, ``None`` while the host is being looked up.

        Raises:
            TransportError: Unknown host.
        """
        if self._lookup is not None:
            try:
                found = self._lookup.answer()
            except TransportError:
                self._end_lookup()
                raise
            if found is None:
                return None
            self._candidates = found
            self._end_lookup()
        return self._candidates.pop(0)

    def restart(self) -> None:
        """Begin with a new look-up next time, as one of the addresses is right."""
        self._candidates = []

    def _end_lookup(self) -> None:
        if self._lookup is not None:
            self._lookup.close()
        self._lookup = None


class TcpTransport:
    """A connection to the first address of a host that takes one."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._stream: SocketTransport | None = None
        self._tried: list[str] = []

    @property
    def step(self) -> str:
        return "resolve" if self._stream is None else "connect to"

    @property
    def waits_to_read(self) -> bool:
        return self._stream is None

    def finish_connect(self) -> bool:
        while True:
            try:
                stream = self._stream or self._begin()
                if stream is None:
                    return False
                if not stream.finish_connect():
                    return False
            except TransportError as exc:
                self.close()
                self._stream = None
                if self._route.is_at_end:
                    raise self._explained(exc) from exc
            else:
                self._route.restart()
                return True

    def send(self, *pieces: memoryview) -> int:
        return self._connected.send(*pieces)

    def receive(self, max_bytes: int = RECEIVE_BYTES) -> bytes | None:
        return self._connected.receive(max_bytes)

    def fileno(self) -> int:
        if self._stream is not None:
            return self._stream.fileno()
        lookup = self._route.lookup
        return -1 if lookup is None else lookup.fileno()

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()

    def detach(self) -> socket.socket:
        """Hand over the connected socket; this transport is not used any more."""
        return self._connected.detach()

    @property
    def _connected(self) -> SocketTransport:
        if self._stream is None:
            raise TransportError(f"not connected to {self._route.address}")
        return self._stream

    def _begin(self) -> SocketTransport | None:
        candidate = self._route.take()
        if candidate is None:
            return None
        family, peer = candidate
        self._tried.append(str(peer[0]))
        address = self._route.address
        sock = stream_socket(family, address)
        try:
            sock.setblocking(False)
            _set_options(sock)
            sock.connect(peer)
        except BlockingIOError:
            self._stream = SocketTransport(sock, address, is_connected=False)
        except OSError as exc:
            sock.close()
            raise TransportError(sentence("connect to", address, exc)) from exc
        else:
            self._stream = SocketTransport(sock, address, is_connected=True)
        return self._stream

    def _explained(self, error: TransportError) -> TransportError:
        if len(self._tried) <= 1:
            return error
        return TransportError(f"{error} (tried {', '.join(self._tried)})")


class TcpConnector:
    """Connects to a TCP port of a host, at whichever of its addresses answers."""

    def __init__(self, address: TcpAddress) -> None:
        self._route = Route(address)

    @property
    def address(self) -> str:
        return self._route.address

    def connect(self) -> Transport:
        """Begin to look the host up, or to connect to its next address.

        Raises:
            TransportError: The system refuses.
        """
        return self.connect_tcp()

    def connect_tcp(self) -> TcpTransport:
        """Begin likewise, for a protocol on top."""
        self._route.start()
        return TcpTransport(self._route)


def _set_options(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # A receiver that stalls still answers probes; only a vanished one is given up.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_IDLE_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEPALIVE_INTERVAL_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEPALIVE_PROBES)
