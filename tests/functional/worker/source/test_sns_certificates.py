"""The file of a certificate, read over HTTP: bounded, and from no other place."""

from __future__ import annotations

import http.server
import threading
from typing import TYPE_CHECKING

import pytest

from worker.errors import RetriableError
from worker.source.sns_certificates import MAX_BYTES, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWERS = {
    "/whole": (200, b"pem"),
    "/large": (200, b"x" * (MAX_BYTES + 1)),
    "/absent": (404, b""),
    "/moved": (302, b""),
    "/down": (503, b""),
}


class Host(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = ANSWERS[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Location", "/whole")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def host() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("path", "expected"), [("/whole", b"pem"), ("/large", None), ("/absent", None)]
)
def test_what_is_there(host: str, path: str, expected: bytes | None) -> None:
    assert fetch(host + path) == expected


@pytest.mark.parametrize("path", ["/moved", "/down"])
def test_what_may_pass(host: str, path: str) -> None:
    with pytest.raises(RetriableError, match="cannot read"):
        fetch(host + path)


def test_nobody_listens() -> None:
    with pytest.raises(RetriableError, match="cannot read"):
        fetch("http://127.0.0.1:1/x.pem")
