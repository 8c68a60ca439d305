"""TLS in front of a plain receiver: takes it off and passes the bytes on."""

from __future__ import annotations

import select
import socket
import ssl
import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from tests.fakes.certificates import Pair

_TICK_S = 0.02
_READ_BYTES = 65_536


def server_context(pair: Pair, *, client_ca_file: str = "") -> ssl.SSLContext:
    """A server's side; with an authority, it asks each client for a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert_file, pair.key_file)
    if client_ca_file:
        context.load_verify_locations(client_ca_file)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class TlsFront:
    """Listens on 127.0.0.1 in a thread, with one more for each connection.

    Args:
        context: The server's side.
        target: Host and port of the receiver behind; ``None``: there is none, and what
            comes is thrown away.
    """

    def __init__(
        self, context: ssl.SSLContext, target: tuple[str, int] | None = None
    ) -> None:
        self._context = context
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.versions: list[str | None] = []
        self.server_names: list[str | None] = []
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]

        def note(_: object, name: str | None, __: object) -> None:
            self.server_names.append(name)

        context.sni_callback = note

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            if select.select([self._listener], [], [], _TICK_S)[0]:
                near, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(near,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, near: socket.socket) -> None:
        with ExitStack() as stack:
            stack.callback(near.close)
            near.settimeout(5.0)
            with suppress(OSError):
                tls = self._context.wrap_socket(near, server_side=True)
                stack.callback(tls.close)
                self.versions.append(tls.version())
                far = None
                if self._target is not None:
                    far = stack.enter_context(socket.create_connection(self._target))
                self._pump(tls, far)

    def _pump(self, tls: ssl.SSLSocket, far: socket.socket | None) -> None:
        watched = [tls] if far is None else [tls, far]
        while not self._stopping.is_set():
            ready = (
                [tls] if tls.pending() else select.select(watched, [], [], _TICK_S)[0]
            )
            if tls in ready:
                data = tls.recv(_READ_BYTES)
                if not data:
                    return
                if far is not None:
                    far.sendall(data)
            if far is not None and far in ready:
                data = far.recv(_READ_BYTES)
                if not data:
                    return
                tls.sendall(data)
