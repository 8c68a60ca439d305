"""Names to addresses in a thread: the resolver blocks for as long as it likes."""

from __future__ import annotations

import contextlib
import os
import socket
import threading

from plugin_bridge.errors import TransportError
from plugin_bridge.transport.stream import sentence

SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
Candidate = tuple[socket.AddressFamily, SocketAddress]


def numeric(host: str, port: int) -> list[Candidate]:
    """Return the address that ``host`` is already; empty where it is a name."""
    try:
        return _resolve(host, port, socket.AI_NUMERICHOST | socket.AI_NUMERICSERV)
    except (OSError, ValueError):
        return []


class Lookup:
    """One question to the resolver, under way from its making.

    Its descriptor becomes readable with the answer. The thread is a daemon: one that
    hangs holds up nothing, not even the end of the process.

    Args:
        host: The name.
        port: Of the addresses.
        address: The receiver's, for messages.

    Raises:
        TransportError: No descriptor or no thread is left.
    """

    def __init__(self, host: str, port: int, *, address: str) -> None:
        self._host = host
        self._port = port
        self._address = address
        self._answer: list[Candidate] | OSError | ValueError | None = None
        try:
            self._readable, self._ending = os.pipe()
        except OSError as exc:
            raise TransportError(sentence("resolve", address, exc)) from exc
        try:
            threading.Thread(
                target=self._ask, name=f"lookup of {host}", daemon=True
            ).start()
        except RuntimeError as exc:
            self.close()
            os.close(self._ending)
            raise TransportError(f"cannot resolve {address}: {exc}") from exc

    def fileno(self) -> int:
        """Return the descriptor, to be polled for readability."""
        return self._readable

    def answer(self) -> list[Candidate] | None:
        """Return the addresses, ``None`` while the resolver is at it.

        Raises:
            TransportError: It knows of none.
        """
        match self._answer:
            case OSError() as error:
                raise TransportError(sentence("resolve", self._address, error))
            case ValueError() as error:  # no name at all, as IDNA has it
                raise TransportError(f"cannot resolve {self._address}: {error}")
            case found:
                return found

    def close(self) -> None:
        """Let go of the descriptor; may be called twice."""
        if self._readable >= 0:
            os.close(self._readable)
            self._readable = -1

    def _ask(self) -> None:
        try:
            self._answer = _resolve(self._host, self._port)
        except (OSError, ValueError) as exc:
            self._answer = exc
        finally:
            with contextlib.suppress(OSError):
                os.close(self._ending)


def _resolve(host: str, port: int, flags: int = 0) -> list[Candidate]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, peer) for family, _, _, _, peer in found]
