"""The client's first words on a connection: nothing goes before both ends agree."""

from __future__ import annotations

import pytest

from plugin_bridge.client import Acked, Chunk, Connected, Disconnected, ForwardClient
from plugin_bridge.forward.compression import Compressor
from plugin_bridge.forward.entries import EventEncoder
from plugin_bridge.forward.handshake import (
    HELO_TIMEOUT_S,
    LISTENING_S,
    ClientHandshake,
    Credentials,
)
from plugin_bridge.forward.receiver import ForwardReceiver
from plugin_bridge.opening import CONNECT_TIMEOUT_S
from tests.fakes.greeter import Greeter
from tests.fakes.scripted_transport import (
    ADDRESS,
    ScriptedConnector,
    ScriptedTransport,
)

GREETER = Greeter("secret")


def client_of(
    *script: ScriptedTransport,
    key: str | None = "secret",
    compressor: Compressor | None = None,
) -> ForwardClient:
    salts = iter(f"{number:032x}" for number in range(10))

    def greet() -> ClientHandshake:
        return ClientHandshake(Credentials(key or "", "sender"), salt=next(salts))

    return ForwardClient(
        ScriptedConnector(*script),
        window_chunks=8,
        window_bytes=1_000_000,
        require_ack=True,
        ack_timeout_s=190.0,
        jitter=lambda: 1.0,
        greet=greet if key is not None else None,
        compressor=compressor,
    )


def chunk(name: str) -> Chunk:
    return Chunk(name, "ct", b"\x80" * 10, 10)


def take(transport: ScriptedTransport) -> bytes:
    """Return what was written, and forget it."""
    written = bytes(transport.written)
    transport.written.clear()
    return written


class TestHandshake:
    def test_chunks_go_once_the_receiver_has_agreed(self) -> None:
        transport = ScriptedTransport()
        client = client_of(transport)
        client.send(chunk("c1"), 0.0)
        assert client.service(0.0) == []
        assert not client.wants_write
        assert client.deadline() == HELO_TIMEOUT_S
        transport.to_read.append(GREETER.helo())
        assert client.service(1.0) == []
        assert not client.is_connected
        transport.to_read.append(GREETER.pong(take(transport)))
        assert client.service(2.0) == [Connected(ADDRESS)]
        assert transport.chunks() == ["c1"]

    def test_a_ping_that_does_not_go_at_once_goes_on_when_writable(self) -> None:
        transport = ScriptedTransport(room=10)
        client = client_of(transport)
        transport.to_read.append(GREETER.helo())
        client.service(0.0)
        assert client.wants_write
        transport.room = 1_000_000
        client.service(0.1)
        assert not client.wants_write
        transport.to_read.append(GREETER.pong(bytes(transport.written)))
        assert client.service(0.2) == [Connected(ADDRESS)]

    def test_each_connection_has_a_salt_of_its_own(self) -> None:
        first, second = ScriptedTransport(), ScriptedTransport()
        client = client_of(first, second)
        first.to_read += [GREETER.helo(), b""]
        client.service(0.0)
        second.to_read.append(GREETER.helo())
        client.service(1.0)
        assert take(first) != take(second)

    @pytest.mark.parametrize(
        ("answers", "words"),
        [
            ([b""], "instead of greeting"),
            ([GREETER.helo(), b""], "output.shared_key"),
            ([b"\xc1"], "no msgpack"),
            ([b"\x81\xa3ack\xa1c"], "no HELO"),
        ],
    )
    def test_a_failure_is_said_once_and_tried_again_without_a_chunk_sent(
        self, answers: list[bytes], words: str
    ) -> None:
        first, second = ScriptedTransport(), ScriptedTransport()
        client = client_of(first, second)
        client.send(chunk("c1"), 0.0)
        first.to_read += answers
        (event,) = client.service(0.0)
        assert isinstance(event, Disconnected)
        assert event.reason.startswith(f"{ADDRESS}: ")
        assert words in event.reason
        assert (event.unacked_count, event.attempt) == (1, 1)
        assert first.is_closed
        assert b"ct" not in take(first)
        second.to_read.append(GREETER.helo())
        client.service(1.0)
        second.to_read.append(GREETER.pong(take(second)))
        client.service(1.0)
        assert second.chunks() == ["c1"]

    def test_a_receiver_without_a_key_is_named_after_a_while(self) -> None:
        transport = ScriptedTransport()
        client = client_of(transport)
        client.send(chunk("c1"), 0.0)
        client.service(0.0)
        assert client.service(HELO_TIMEOUT_S - 0.1) == []
        (event,) = client.service(HELO_TIMEOUT_S)
        assert isinstance(event, Disconnected)
        assert "no HELO from the receiver within 10 s" in event.reason
        assert take(transport) == b""

    def test_time_runs_from_the_connection(self) -> None:
        transport = ScriptedTransport(connects=False)
        client = client_of(transport)
        client.service(0.0)
        transport.connects = True
        client.service(CONNECT_TIMEOUT_S - 1)
        assert client.deadline() == CONNECT_TIMEOUT_S - 1 + HELO_TIMEOUT_S


class TestAKeyThatNobodyGave:
    def test_is_said_and_then_nothing_is_sent_any_more(self) -> None:
        first, second, third = (ScriptedTransport() for _ in range(3))
        client = client_of(first, second, third, key=None)
        client.send(chunk("c1"), 0.0)
        client.service(0.0)
        reason = (
            f"{ADDRESS}: the receiver asks for a shared key, and output.shared_key is "
            "empty"
        )
        first.to_read.append(GREETER.helo())
        assert client.service(0.1) == [Disconnected(reason, 1, 0.1, 1)]
        second.to_read.append(GREETER.helo())
        assert client.service(1.0) == [Disconnected(reason, 1, 0.2, 2)]
        assert take(second) == b""

    def test_is_forgotten_once_the_receiver_asks_no_more(self) -> None:
        first, second = ScriptedTransport(), ScriptedTransport()
        client = client_of(first, second, key=None)
        first.to_read.append(GREETER.helo())
        client.service(0.0)
        client.send(chunk("c1"), 0.5)
        client.service(1.0)
        assert client.deadline() == 1.0 + LISTENING_S
        assert take(second) == b""
        assert client.service(1.0 + LISTENING_S) == [Connected(ADDRESS)]
        assert second.chunks() == ["c1"]


class TestCompression:
    def test_the_same_compressed_bytes_go_again(self) -> None:
        first, second = ScriptedTransport(), ScriptedTransport()
        client = client_of(first, second, key=None, compressor=Compressor("gzip"))
        encoder = EventEncoder()
        payload = encoder.assemble(
            [encoder.encode({"pad": "x" * 100}, 5, n) for n in range(50)]
        )
        client.send(Chunk("c1", "ct", payload, 50), 0.0)
        assert client.unacked_bytes < len(payload) / 2
        client.service(0.0)
        first.to_read.append(b"")
        client.service(1.0)
        client.service(2.0)
        assert first.written == second.written
        receiver = ForwardReceiver()
        receiver.receive_data(bytes(second.written))
        frame = receiver.next_frame()
        assert frame is not None
        assert (frame.payload, frame.compressed) == (payload, "gzip")
        second.ack("c1")
        assert client.service(2.0) == [Acked("c1")]
        assert client.unacked_bytes == 0
