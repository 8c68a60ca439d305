"""An HTTP server that answers as a test says, bytes and endings alike."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import struct
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from io import BufferedReader
    from types import TracebackType

STOP_LATENCY_S = 0.01
_REQUEST_LINE_WORDS = 3
LAST_MODIFIED = "Wed, 21 Oct 2015 07:28:00 GMT"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came, the target undecoded."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is written for a request, and what becomes of the connection then."""

    data: bytes
    then: Literal["keep", "close", "reset", "hang"] = "keep"


def ok(
    body: bytes = b"abc",
    *,
    length: int | None = None,
    headers: dict[str, str] | None = None,
) -> bytes:
    """A 200 answer, which may promise another length than it has."""
    return _message(
        "200 OK",
        body,
        len(body) if length is None else length,
        {"ETag": '"abc"', "Last-Modified": LAST_MODIFIED, **(headers or {})},
    )


def s3_error(
    status: int,
    code: str,
    message: str = "why",
    *,
    more: str = "",
    headers: dict[str, str] | None = None,
) -> bytes:
    """An error answer as S3 writes it; ``more`` are elements beside the message."""
    text = f"<Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>"
    body = b'<?xml version="1.0" encoding="UTF-8"?>\n' + text.encode()
    return _message(
        f"{status} Status",
        body,
        len(body),
        {"Content-Type": "application/xml", **(headers or {})},
    )


def head(status: int, headers: dict[str, str] | None = None) -> bytes:
    """An answer to HEAD."""
    return _message(f"{status} Status", b"", 0, headers or {})


def _message(status: str, body: bytes, length: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass(slots=True)
class RawServer:
    """The server while the ``with`` block runs; every request is recorded.

    Attributes:
        answer: Called for each request, in the connection's thread.
        tls: Served with this, where given.
        tunnel_port: Where a CONNECT request leads, whatever it names.
    """

    answer: Callable[[Request], Answer | bytes]
    tls: ssl.SSLContext | None = None
    tunnel_port: int | None = None
    requests: list[Request] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _server: socketserver.ThreadingTCPServer = field(init=False)

    def __enter__(self) -> Self:
        script = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                script._serve(self.request)

        self._server = _Server(("127.0.0.1", 0), Handler)
        serve = partial(self._server.serve_forever, poll_interval=STOP_LATENCY_S)
        threading.Thread(target=serve, daemon=True).start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def targets(self) -> list[str]:
        return [request.target for request in self.requests]

    def _serve(self, connection: socket.socket) -> None:
        if self.tls:
            try:
                connection = self.tls.wrap_socket(connection, server_side=True)
            except OSError:
                return  # the client did not trust us
        with connection, connection.makefile("rb") as stream:
            while request := _read_request(stream):
                self.requests.append(request)
                if request.method == "CONNECT" and self.tunnel_port:
                    connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                    _tunnel(connection, self.tunnel_port)
                    return
                answer = self.answer(request)
                if isinstance(answer, bytes):
                    answer = Answer(answer)
                connection.sendall(answer.data)
                if answer.then == "reset":
                    lingering = struct.pack("ii", 1, 0)
                    connection.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, lingering
                    )
                elif answer.then == "hang":
                    self._stopped.wait()
                if answer.then != "keep":
                    return


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64


def _read_request(stream: BufferedReader) -> Request | None:
    read_line = stream.readline
    try:
        words = read_line().decode("latin-1").split()
        if len(words) < _REQUEST_LINE_WORDS:
            return None
        headers: dict[str, str] = {}
        while line := read_line().strip().decode("latin-1"):
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
    except OSError:
        return None
    return Request(words[0], words[1], headers, body)


def _tunnel(client: socket.socket, port: int) -> None:
    """Carry bytes both ways until either side ends."""
    with socket.create_connection(("127.0.0.1", port)) as server:

        def carry(source: socket.socket, sink: socket.socket) -> None:
            try:
                while data := source.recv(65_536):
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                return

        back = threading.Thread(target=carry, args=(server, client), daemon=True)
        back.start()
        carry(client, server)
        back.join()


@contextlib.contextmanager
def dripping(whole: bytes, begun: int) -> Iterator[str]:
    """A server that sends an answer a byte at a time from some byte on."""

    def serve() -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65_536)
            connection.sendall(whole[:begun])
            for byte in whole[begun:]:
                connection.sendall(bytes([byte]))
                time.sleep(0.02)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()
