"""Names of receivers: looked up beside the event loop, every address tried."""

from __future__ import annotations

import select
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from plugin_bridge.addresses import TcpAddress
from plugin_bridge.client import Disconnected
from plugin_bridge.errors import TransportError
from plugin_bridge.opening import CONNECT_TIMEOUT_S
from plugin_bridge.transport import Listener, TcpConnector
from tests.fakes.daemon import wait_until
from tests.functional.plugin_bridge.event_loop import client_to
from tests.functional.plugin_bridge.sockets import closed_port, finish, port_of

pytestmark = pytest.mark.functional


class TestNames:
    """A resolver that this test plays."""

    @pytest.fixture
    def answers(self, monkeypatch: pytest.MonkeyPatch) -> Answers:
        played = Answers()
        monkeypatch.setattr(socket, "getaddrinfo", played.getaddrinfo)
        return played

    def test_every_address_is_tried_in_one_attempt(self, answers: Answers) -> None:
        listener = Listener.tcp("127.0.0.1")
        port = port_of(listener)
        answers.hosts = ["127.0.0.2", "127.0.0.3", "127.0.0.1"]
        connector = TcpConnector(TcpAddress("many.example", port))
        for attempt in (1, 2):
            transport = connector.connect()
            finish(transport)
            transport.close()
            assert answers.count == attempt, "looked up anew"
        listener.close()

    def test_addresses_that_all_refuse_are_named(self, answers: Answers) -> None:
        answers.hosts = ["127.0.0.2", "127.0.0.3"]
        transport = TcpConnector(TcpAddress("many.example", closed_port())).connect()
        with pytest.raises(
            TransportError, match=r"refused \(tried 127\.0\.0\.2, 127\.0\.0\.3\)"
        ):
            finish(transport)

    def test_a_silent_address_is_passed_by_the_next_attempt(
        self, answers: Answers
    ) -> None:
        listener = Listener.tcp("127.0.0.1")
        # Nobody answers there: RFC 5737, addresses for documentation.
        answers.hosts = ["192.0.2.1", "127.0.0.1"]
        connector = TcpConnector(TcpAddress("two.example", port_of(listener)))
        transport = connector.connect()
        select.select([transport], [], [], 5.0)
        try:
            transport.finish_connect()
        except TransportError:
            pytest.skip("192.0.2.1 is refused here at once")
        transport.close()  # as the client does when its time is over
        second = connector.connect()
        finish(second)
        second.close()
        assert answers.count == 1
        listener.close()

    def test_a_resolver_that_hangs_blocks_nothing_and_is_asked_once(
        self, answers: Answers
    ) -> None:
        listener = Listener.tcp("127.0.0.1")
        answers.may_answer.clear()
        connector = TcpConnector(TcpAddress("slow.example", port_of(listener)))
        for _ in range(5):
            transport = connector.connect()
            assert not transport.finish_connect()
            assert transport.step == "resolve"
            assert transport.waits_to_read
            assert select.select([transport], [], [], 0) == ([], [], [])
            transport.close()
        transport = connector.connect()
        answers.may_answer.set()
        finish(transport)
        assert answers.count == 1
        transport.close()
        listener.close()

    def test_a_client_says_that_the_resolver_hangs(self, answers: Answers) -> None:
        answers.may_answer.clear()
        client = client_to("tcp://slow.example:1")
        assert client.service(0.0) == []
        assert not client.wants_write
        (event,) = client.service(CONNECT_TIMEOUT_S)
        assert isinstance(event, Disconnected)
        assert event.reason == (
            "cannot resolve tcp://slow.example:1: no answer within 10 s"
        )
        client.close()
        answers.may_answer.set()

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (socket.gaierror(-2, "Name or service not known"), "not known"),
            (UnicodeError("label too long"), "label too long"),
        ],
    )
    def test_unknown_host(self, answers: Answers, error: Exception, words: str) -> None:
        answers.error = error
        connector = TcpConnector(TcpAddress("no.example", 1))
        for attempt in (1, 2):
            with pytest.raises(
                TransportError, match=rf"cannot resolve tcp://no\.example:1: .*{words}"
            ):
                finish(connector.connect())
            assert answers.count == attempt

    def test_descriptors_do_not_pile_up(self, answers: Answers) -> None:
        answers.error = socket.gaierror(-2, "Name or service not known")
        connector = TcpConnector(TcpAddress("no.example", 1))
        before = open_descriptors()
        for _ in range(5):
            with pytest.raises(TransportError):
                finish(connector.connect())
        # The last thread may still be about to close its end.
        wait_until(lambda: open_descriptors() <= before, timeout_s=5)

    def test_an_address_is_not_looked_up(self, answers: Answers) -> None:
        listener = Listener.tcp("127.0.0.1")
        transport = TcpConnector(TcpAddress("127.0.0.1", port_of(listener))).connect()
        assert transport.finish_connect() or transport.step == "connect to"
        assert answers.count == 0
        transport.close()
        listener.close()


class Answers:
    """What the resolver says, and how often it was asked."""

    def __init__(self) -> None:
        self.hosts = ["127.0.0.1"]
        self.error: Exception | None = None
        self.count = 0
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._getaddrinfo = socket.getaddrinfo

    def getaddrinfo(self, host: str, port: int, **options: Any) -> list[Any]:
        if options.get("flags", 0) & socket.AI_NUMERICHOST:
            return self._getaddrinfo(host, port, **options)
        self.count += 1
        assert self.may_answer.wait(10)
        if self.error is not None:
            raise self.error
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (found, port))
            for found in self.hosts
        ]


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
