"""What a client does about a connection that is lost, and one that falls silent."""

from __future__ import annotations

import pytest

from plugin_bridge.client import Acked, Disconnected
from plugin_bridge.errors import TransportError
from plugin_bridge.forward.frames import acknowledgement
from tests.fakes.scripted_transport import ADDRESS, ScriptedTransport
from tests.unit.plugin_bridge.scripted_client import (
    ACK_TIMEOUT_S,
    chunk,
    client_of,
    frame_bytes,
    opened_client,
)


class TestLostConnection:
    def test_sends_the_same_bytes_again_oldest_first_and_half_open(self) -> None:
        first, second = ScriptedTransport(), ScriptedTransport()
        client = opened_client(first, second)
        for name in ("c1", "c2", "c3"):
            client.send(chunk(name), 0.0)
        first.ack("c2")
        first.to_read.append(b"")
        lost = f"{ADDRESS}: the receiver closed the connection"
        assert client.service(1.0) == [Acked("c2"), Disconnected(lost, 2, 0.1, 1)]
        assert first.is_closed
        assert not client.is_connected
        client.send(chunk("c4"), 1.0)
        client.service(2.0)
        assert second.written == frame_bytes(chunk("c1"))
        second.ack("c1")
        client.service(2.0)
        assert second.chunks() == ["c1", "c3", "c4"]

    def test_sends_a_half_written_frame_again_whole(self) -> None:
        first, second = ScriptedTransport(room=9), ScriptedTransport()
        client = client_of(first, second)
        client.send(chunk("c1"), 0.0)
        client.service(0.0)
        first.to_read.append(b"")
        client.service(1.0)
        client.service(2.0)
        assert second.written == frame_bytes(chunk("c1"))

    def test_takes_what_was_acknowledged_before_a_write_failed(self) -> None:
        transport = ScriptedTransport()
        client = opened_client(transport)
        client.send(chunk("c1"), 0.0)
        transport.write_error = TransportError("broken pipe")
        transport.ack("c1")
        client.send(chunk("c2"), 0.0)
        assert client.deadline() == 0.0  # there is something to report
        assert client.service(0.0) == [
            Acked("c1"),
            Disconnected("broken pipe", 1, 0.1, 1),
        ]

    def test_reports_one_loss_once(self) -> None:
        transport = ScriptedTransport()
        client = opened_client(transport)
        transport.write_error = TransportError("broken pipe")
        transport.to_read.append(b"")
        client.send(chunk("c1"), 0.0)
        assert client.service(0.0) == [
            Disconnected(f"{ADDRESS}: the receiver closed the connection", 1, 0.1, 1)
        ]

    def test_reports_a_failing_read(self) -> None:
        transport = ScriptedTransport()
        client = opened_client(transport)
        transport.read_error = TransportError("reset")
        assert client.service(0.0) == [Disconnected("reset", 0, 0.1, 1)]

    @pytest.mark.parametrize(
        ("response", "words"),
        [
            (b"\x80", "refused the chunks"),
            (b"\xc1", "undecodable"),
            (acknowledgement("c9"), "not in flight"),
        ],
    )
    def test_a_bad_response_ends_it(self, response: bytes, words: str) -> None:
        first, second = ScriptedTransport(), ScriptedTransport()
        client = opened_client(first, second)
        client.send(chunk("c1"), 0.0)
        first.to_read.append(response)
        (event,) = client.service(0.0)
        assert isinstance(event, Disconnected)
        assert words in event.reason
        client.service(1.0)
        assert second.chunks() == ["c1"]

    def test_an_acknowledgement_of_half_a_frame_ends_it(self) -> None:
        transport = ScriptedTransport(room=9)
        client = client_of(transport)
        client.send(chunk("c1"), 0.0)
        client.service(0.0)
        transport.ack("c1")
        (event,) = client.service(0.0)
        assert isinstance(event, Disconnected)
        assert "half a frame" in event.reason
        assert client.unacked_chunks == 1


class TestAckTimeout:
    def test_counts_from_the_last_byte_of_a_frame(self) -> None:
        transport = ScriptedTransport(room=5)
        client = client_of(transport)
        client.send(chunk("c1"), 0.0)
        client.service(0.0)
        assert client.deadline() is None  # it does not read: nothing can be missing
        transport.room = 1_000
        client.service(500.0)
        assert client.deadline() == 500.0 + ACK_TIMEOUT_S

    def test_says_that_the_receiver_does_not_acknowledge(self) -> None:
        first, second = ScriptedTransport(), ScriptedTransport()
        client = client_of(first, second)
        client.send(chunk("c1"), 0.0)
        client.service(0.0)
        assert client.service(ACK_TIMEOUT_S - 0.1) == []
        assert client.service(ACK_TIMEOUT_S) == [
            Disconnected(
                f"{ADDRESS}: no acknowledgement within 190 s: the receiver does not "
                "acknowledge (Vector's or Fluentd's Unix socket?)",
                1,
                0.1,
                1,
            )
        ]
        client.service(ACK_TIMEOUT_S + 1)
        assert second.written == frame_bytes(chunk("c1"))

    def test_says_less_once_anything_was_acknowledged(self) -> None:
        client = opened_client(ScriptedTransport())
        client.send(chunk("c1"), 5.0)
        assert client.service(5.0 + ACK_TIMEOUT_S) == [
            Disconnected(f"{ADDRESS}: no acknowledgement within 190 s", 1, 0.1, 1)
        ]

    def test_starts_again_with_each_acknowledgement(self) -> None:
        transport = ScriptedTransport()
        client = opened_client(transport)
        for name in ("c1", "c2"):
            client.send(chunk(name), 1.0)
        client.send(chunk("c3"), 50.0)
        assert client.deadline() == 1.0 + ACK_TIMEOUT_S
        transport.ack("c1")
        client.service(100.0)
        assert client.deadline() == 100.0 + ACK_TIMEOUT_S
        transport.ack("c2", "c3")
        client.service(101.0)
        assert client.deadline() is None

    def test_does_not_run_for_half_a_frame_alone(self) -> None:
        transport = ScriptedTransport()
        client = opened_client(transport)
        client.send(chunk("c1"), 1.0)
        transport.room = 3
        client.send(chunk("c2"), 1.0)
        transport.ack("c1")
        client.service(2.0)
        assert client.deadline() is None


class TestResentChunks:
    def test_counts_a_frame_each_time_it_goes_out_whole_again(self) -> None:
        first, second = ScriptedTransport(), ScriptedTransport()
        client = opened_client(first, second)
        for name in ("c1", "c2"):
            client.send(chunk(name), 0.0)
        assert client.resent_chunks == 0
        first.to_read.append(b"")
        client.service(0.0)
        client.service(1.0)
        assert client.resent_chunks == 1  # half-open: the other one has not gone yet
        second.ack("c1")
        client.service(1.0)
        assert client.resent_chunks == 2

    def test_does_not_count_half_a_frame_sent_again(self) -> None:
        first, second = ScriptedTransport(room=9), ScriptedTransport()
        client = client_of(first, second)
        client.send(chunk("c1"), 0.0)
        client.service(0.0)
        first.to_read.append(b"")
        client.service(0.0)
        client.service(1.0)
        assert second.chunks() == ["c1"]
        assert client.resent_chunks == 0
