"""Slow clients of the status endpoint, and a probe beside them."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from itertools import pairwise
from typing import Self

CONNECTIONS = 24
BYTE_EVERY_S = 0.5
PROBE_TIMEOUT_S = 5.0


class SlowClients:
    """Clients that send a request a byte at a time while the ``with`` block runs.

    Args:
        port: Of the status endpoint, on the loopback.

    Attributes:
        answered_at: Instants at which ``/healthz`` was answered, the begin first.
    """

    def __init__(self, port: int) -> None:
        self.answered_at: list[float] = []
        self._address = ("127.0.0.1", port)
        self._connections: list[socket.socket] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self.answered_at.append(time.monotonic())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        self.answered_at.append(time.monotonic())
        for connection in self._connections:
            connection.close()

    @property
    def listen(self) -> str:
        """As ``status.listen`` has it."""
        host, port = self._address
        return f"{host}:{port}"

    @property
    def longest_silence_s(self) -> float:
        """Between two answers of ``/healthz``."""
        return max(after - before for before, after in pairwise(self.answered_at))

    def _run(self) -> None:
        while not self._is_over.wait(BYTE_EVERY_S):
            self._connections = [one for one in self._connections if _sent_byte(one)]
            with contextlib.suppress(OSError):
                while len(self._connections) < CONNECTIONS:
                    self._connections.append(
                        socket.create_connection(self._address, PROBE_TIMEOUT_S)
                    )
            if self._is_answered():
                self.answered_at.append(time.monotonic())

    def _is_answered(self) -> bool:
        probe = http.client.HTTPConnection(*self._address, timeout=PROBE_TIMEOUT_S)
        try:
            probe.request("GET", "/healthz")
            return probe.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            probe.close()


def free_port() -> int:
    """A port of the loopback that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _sent_byte(connection: socket.socket) -> bool:
    try:
        connection.send(b"G")
    except OSError:
        connection.close()
        return False
    return True
