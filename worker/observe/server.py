"""The status endpoint: ``/metrics``, ``/healthz``, ``/readyz`` and ``/status``."""

from __future__ import annotations

import gzip
import json
import logging
import sys
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from worker.observe.connections import Connections
from worker.observe.exposition import PoolCollector
from worker.observe.health import failed, health, readiness
from worker.observe.hosts import is_answered, is_well_formed
from worker.observe.overview import overview

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from worker.observe.health import Check
    from worker.observe.reading import PoolReading

logger = logging.getLogger(__name__)

REQUEST_TIMEOUT_S = 5.0
TURN_S = 0.5
GZIP_LEVEL = 1  # a page is small, and the processor is the workers'


class StatusServer(ThreadingHTTPServer):
    """Answers a few clients at a time.

    Args:
        listener: Bound and listening.
        look: Looks at the pool; safe to call from several threads.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(
        self, listener: socket.socket, look: Callable[[], PoolReading]
    ) -> None:
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.timeout = TURN_S
        self.look = look
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(PoolCollector(look))
        self.listens_on: str = listener.getsockname()[0]
        self.connections = Connections(time.monotonic)

    def serve_while(self, is_wanted: Callable[[], bool]) -> None:
        """Serve; look every half second whether to go on."""
        while is_wanted():
            self.handle_request()
            self.connections.close_late()

    def process_request(self, request: Any, client_address: Any) -> None:
        if self.connections.open(request):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.connections.end(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A client that goes away in the middle is its own affair."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            logger.debug("a request from %s broke off: %s", client_address[0], error)
        else:
            logger.error("cannot answer for the status", exc_info=error)


class _Handler(BaseHTTPRequestHandler):
    server: StatusServer
    timeout = REQUEST_TIMEOUT_S
    server_version = "trailfeed"
    sys_version = ""

    def do_GET(self) -> None:
        self.server.connections.answer(self.connection)
        hosts = self.headers.get_all("Host", [])
        if len(hosts) > 1 or not all(map(is_well_formed, hosts)):
            self._answer_json(HTTPStatus.BAD_REQUEST, {"error": "bad Host"})
            return
        if not all(is_answered(host, self.server.listens_on) for host in hosts):
            self._answer_json(
                HTTPStatus.MISDIRECTED_REQUEST,
                {"error": "ask for localhost or a loopback address"},
            )
            return
        path = self.path.partition("?")[0].rstrip("/") or "/"
        match path:
            case "/metrics":
                self._answer_metrics()
            case "/healthz":
                self._answer_checks(health(self.server.look()))
            case "/readyz":
                self._answer_checks(readiness(self.server.look()))
            case "/status":
                self._answer_json(HTTPStatus.OK, overview(self.server.look()))
            case "/":
                text = b"trailfeed: /metrics /healthz /readyz /status\n"
                self._answer(HTTPStatus.OK, text, "text/plain; charset=utf-8")
            case _:
                self._answer_json(HTTPStatus.NOT_FOUND, {"error": "no such page"})

    do_HEAD = do_GET  # noqa: N815 - named by http.server

    def _answer_metrics(self) -> None:
        try:
            encode, content_type = choose_encoder(self.headers.get("Accept") or "")
        except (ValueError, IndexError, TypeError):  # of a version that is none
            self._answer_json(HTTPStatus.BAD_REQUEST, {"error": "bad Accept"})
            return
        body = encode(self.server.registry)
        if "gzip" in (self.headers.get("Accept-Encoding") or ""):
            body = gzip.compress(body, GZIP_LEVEL)
            self._answer(HTTPStatus.OK, body, content_type, "gzip")
        else:
            self._answer(HTTPStatus.OK, body, content_type)

    def _answer_checks(self, checks: tuple[Check, ...]) -> None:
        is_ok = not any(failed(checks))
        self._answer_json(
            HTTPStatus.OK if is_ok else HTTPStatus.SERVICE_UNAVAILABLE,
            {
                "ok": is_ok,
                "checks": {
                    check.name: {"ok": check.is_ok, "reason": check.reason}
                    for check in checks
                },
            },
        )

    def _answer_json(self, status: HTTPStatus, document: object) -> None:
        body = json.dumps(document, indent=1).encode() + b"\n"
        self._answer(status, body, "application/json")

    def _answer(
        self, status: HTTPStatus, body: bytes, content_type: str, encoding: str = ""
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Not a line for each probe."""
