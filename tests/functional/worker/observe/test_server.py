"""The status endpoint on a real socket, with clients of every manner."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from worker.errors import ConfigError
from worker.observe import listening
from worker.observe.board import Board, PoolState
from worker.observe.connections import MAX_CONNECTIONS
from worker.observe.listening import open_listener, url_of
from worker.observe.lookout import Lookout
from worker.observe.reading import Facts
from worker.observe.recent_errors import RecentErrors
from worker.observe.server import StatusServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.functional


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    """A server of a pool whose worker has not booted and whose supervisor is silent."""
    board = Board(1)
    board.state = PoolState(beat_at=-100.0)
    lookout = Lookout(board, Facts("1.2", 0.0), RecentErrors(), None)
    listener = open_listener("127.0.0.1:0")
    server = StatusServer(listener, lookout.look)
    ended = threading.Event()
    thread = threading.Thread(
        target=server.serve_while, args=[lambda: not ended.is_set()]
    )
    thread.start()
    yield listener.getsockname()
    ended.set()
    thread.join()
    server.server_close()


def ask(
    address: tuple[str, int], path: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(*address, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/metrics", 200),
        ("/metrics/?name=x", 200),
        ("/status", 200),
        ("/healthz", 503),
        ("/readyz", 503),
        ("/etc/passwd", 404),
    ],
)
def test_each_page_has_its_status(
    path: str, status: int, address: tuple[str, int]
) -> None:
    answer, body = ask(address, path)
    assert answer.status == status
    assert int(answer.headers["Content-Length"]) == len(body)
    head, nothing = ask(address, path, "HEAD")
    assert (head.status, nothing) == (status, b"")


def test_unhealthy_says_why(address: tuple[str, int]) -> None:
    document = json.loads(ask(address, "/healthz")[1])
    assert not document["ok"]
    assert document["checks"]["supervisor"]["reason"].startswith("silent for ")
    assert document["checks"]["workers"] == {"ok": True, "reason": ""}


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "text/plain; version="),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text"),
    ],
)
def test_the_format_is_the_one_asked_for(
    accept: str, content_type: str, address: tuple[str, int]
) -> None:
    headers = {"Accept": accept, "Accept-Encoding": "gzip"}
    answer, body = ask(address, "/metrics", **headers)
    assert answer.headers["Content-Type"].startswith(content_type)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert b'trailfeed_build_info{version="1.2"} 1.0' in gzip.decompress(body)


def test_clients_that_say_nothing_do_not_keep_others_out(
    address: tuple[str, int],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("worker.observe.server._Handler.timeout", 0.5)
        silent = [socket.create_connection(address) for _ in range(MAX_CONNECTIONS)]
        try:
            for one in silent:  # each is let go of by itself
                one.settimeout(10)
                assert one.recv(1) == b""
            assert ask(address, "/")[0].status == 200
        finally:
            for one in silent:
                one.close()


def test_a_byte_now_and_then_keeps_no_probe_out(address: tuple[str, int]) -> None:
    slow = [socket.create_connection(address) for _ in range(2 * MAX_CONNECTIONS)]
    try:
        for _ in range(3):
            for one in slow:
                with contextlib.suppress(OSError):
                    one.send(b"G")
            assert ask(address, "/")[0].status == 200
    finally:
        for one in slow:
            one.close()


def test_a_request_has_a_deadline_however_many_bytes_come(
    address: tuple[str, int],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("worker.observe.connections.DEADLINE_S", 0.6)
        with socket.create_connection(address) as slow:
            slow.settimeout(0.1)
            for _ in range(100):
                try:
                    slow.send(b"G")
                    if slow.recv(1) == b"":
                        return
                except TimeoutError:
                    continue
                except OSError:
                    return
    pytest.fail("it was never closed")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "localhost:9464"}, 200),
        ({"Host": "127.0.0.2"}, 200),
        ({"Host": "[::1]:9464"}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Host": "10.0.0.1:9464"}, 421),
        ({"Host": "a b"}, 400),
        ({"Host": "localhost:99999999"}, 400),
        ({"Accept": "text/plain; version=nonsense"}, 400),
        ({"Accept": "application/openmetrics-text; version="}, 200),
        ({"Accept": "application/openmetrics-text; version=1.x"}, 400),
    ],
)
def test_odd_headers_are_refused_without_a_traceback(
    headers: dict[str, str],
    status: int,
    address: tuple[str, int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert ask(address, "/metrics", **headers)[0].status == status
    assert "Traceback" not in caplog.text
    assert not caplog.records


@pytest.mark.parametrize(
    "request_", [b"\r\n", b"NONSENSE\r\n\r\n", b"\x16\x03\x01\x00"]
)
def test_nonsense_ends_its_own_connection_only(
    request_: bytes, address: tuple[str, int]
) -> None:
    with socket.create_connection(address) as client:
        client.sendall(request_)
        client.shutdown(socket.SHUT_WR)
    assert ask(address, "/")[0].status == 200


def test_the_address_is_shown_as_a_browser_takes_it() -> None:
    with open_listener("127.0.0.1:0") as listener:
        assert url_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
    if socket.has_ipv6:
        with open_listener("[::1]:0") as listener:
            assert url_of(listener) == f"http://[::1]:{listener.getsockname()[1]}"


@pytest.mark.parametrize("listen", ["192.0.2.1:9464", "no-such-host.invalid:1"])
def test_an_address_that_is_not_ours_is_a_bad_configuration(
    listen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "BIND_WAIT_S", 0.0)
    with pytest.raises(ConfigError, match=r"status\.listen: cannot listen on "):
        open_listener(listen)


def test_the_quarantine_is_counted_and_recounted(tmp_path: Path) -> None:
    def look() -> tuple[int, int] | None:
        lookout = Lookout(Board(1), Facts("1", 0.0), RecentErrors(), tmp_path)
        return lookout.look().quarantine

    assert look() == (0, 0)
    (tmp_path / "items" / "one").mkdir(parents=True)
    (tmp_path / "account").write_text("")
    assert look() is None, "it is being changed"
    (tmp_path / "account").write_text("8192 5\n")
    assert look() == (1, 8192)
