"""The client over a transport in memory, one scripted step at a time."""

from __future__ import annotations

import pytest

from plugin_bridge.client import STEADY_S, Acked, Connected, Disconnected
from plugin_bridge.errors import TransportError
from plugin_bridge.forward.errors import LocalProtocolError
from plugin_bridge.forward.frames import packed_forward
from plugin_bridge.opening import CONNECT_TIMEOUT_S
from tests.fakes.scripted_transport import ADDRESS, ScriptedTransport
from tests.unit.plugin_bridge.scripted_client import (
    chunk,
    client_of,
    frame_bytes,
    opened_client,
)


class TestSending:
    def test_half_open_then_the_whole_window(self) -> None:
        transport = ScriptedTransport()
        client = client_of(transport)
        for name in ("c1", "c2", "c3"):
            client.send(chunk(name), 0.0)
        assert client.service(0.0) == [Connected(ADDRESS)]
        assert transport.chunks() == ["c1"]
        assert not client.wants_write
        transport.ack("c1")
        assert client.service(0.1) == [Acked("c1")]
        assert transport.chunks() == ["c2", "c3"]
        client.send(chunk("c4"), 0.2)  # goes out at once
        assert transport.chunks() == ["c4"]

    def test_writes_the_golden_frame(self) -> None:
        transport = ScriptedTransport()
        client = client_of(transport)
        client.send(chunk("c1"), 0.0)
        client.service(0.0)
        assert transport.written == frame_bytes(chunk("c1"))

    def test_acknowledgements_come_in_any_order(self) -> None:
        transport = ScriptedTransport()
        client = opened_client(transport)
        for name in ("c1", "c2", "c3"):
            client.send(chunk(name), 0.0)
        transport.ack("c3", "c1")
        assert client.service(0.0) == [Acked("c3"), Acked("c1")]
        assert client.unacked_chunks == 1

    def test_goes_on_with_half_a_frame(self) -> None:
        transport = ScriptedTransport(room=5)
        client = client_of(transport)
        client.send(chunk("c1"), 0.0)
        client.service(0.0)
        assert transport.written == frame_bytes(chunk("c1"))[:5]
        assert client.wants_write
        transport.room = 7
        client.service(0.0)
        assert transport.written == frame_bytes(chunk("c1"))[:12]
        transport.room = 1_000
        client.service(0.0)
        assert transport.written == frame_bytes(chunk("c1"))
        assert not client.wants_write

    def test_reads_while_writing_is_blocked(self) -> None:
        transport = ScriptedTransport()
        client = opened_client(transport)
        client.send(chunk("c1"), 0.0)
        transport.room = 3
        client.send(chunk("c2"), 0.0)
        transport.ack("c1")
        assert client.service(0.0) == [Acked("c1")]
        assert client.wants_write

    def test_does_not_try_again_to_write_before_it_is_writable(self) -> None:
        transport = ScriptedTransport(room=3)
        client = client_of(transport)
        client.send(chunk("c1"), 0.0)
        client.service(0.0)
        transport.room = 1_000
        client.send(chunk("c2"), 0.0)
        assert len(transport.written) == 3


class TestRoom:
    def test_counts_chunks_before_there_is_a_connection(self) -> None:
        client = client_of(TransportError("refused"), window_chunks=2)
        client.service(0.0)
        client.send(chunk("c1"), 0.0)
        assert client.has_room
        client.send(chunk("c2"), 0.0)
        assert not client.has_room
        assert client.unacked_chunks == 2
        assert client.unacked_bytes == 2 * len(frame_bytes(chunk("c1")))
        with pytest.raises(LocalProtocolError, match="no room"):
            client.send(chunk("c3"), 0.0)

    def test_counts_bytes(self) -> None:
        client = client_of(window_bytes=200)
        client.send(chunk("c1", 150), 0.0)
        assert client.has_room
        client.send(chunk("c2", 150), 0.0)
        assert not client.has_room

    def test_takes_a_chunk_above_the_window_alone(self) -> None:
        transport = ScriptedTransport()
        client = client_of(transport, window_bytes=200)
        client.send(chunk("large", 5_000), 0.0)
        client.service(0.0)
        assert transport.chunks() == ["large"]
        assert not client.has_room

    def test_comes_back_with_the_acknowledgement(self) -> None:
        transport = ScriptedTransport()
        client = client_of(transport, window_chunks=1)
        client.send(chunk("c1"), 0.0)
        client.service(0.0)
        transport.ack("c1")
        client.service(0.0)
        assert client.has_room
        assert (client.unacked_chunks, client.unacked_bytes) == (0, 0)

    def test_an_id_is_used_once(self) -> None:
        client = client_of()
        client.send(chunk("c1"), 0.0)
        with pytest.raises(LocalProtocolError, match="handed in already"):
            client.send(chunk("c1"), 0.0)


class TestConnecting:
    def test_backs_off_until_there_is_a_receiver(self) -> None:
        refused = [TransportError(f"refused {n}") for n in range(3)]
        client = client_of(*refused)
        assert client.deadline() == 0.0
        assert client.fileno() is None
        assert client.service(10.0) == [Disconnected("refused 0", 0, 0.1, 1)]
        assert client.service(10.05) == []
        assert client.deadline() == pytest.approx(10.1)
        assert client.service(10.1) == [Disconnected("refused 1", 0, 0.2, 2)]
        assert client.service(10.4) == [Disconnected("refused 2", 0, 0.4, 3)]
        assert client.service(11.0) == [Connected(ADDRESS)]
        assert client.is_connected
        assert client.fileno() == 7
        assert client.deadline() is None

    def test_waits_for_a_slow_one(self) -> None:
        transport = ScriptedTransport(connects=False)
        client = client_of(transport)
        client.send(chunk("c1"), 0.0)
        assert client.service(1.0) == []
        assert client.wants_write
        assert not client.is_connected
        assert client.deadline() == 1.0 + CONNECT_TIMEOUT_S
        transport.connects = True
        assert client.service(2.0) == [Connected(ADDRESS)]
        assert transport.chunks() == ["c1"]

    def test_gives_a_silent_one_up(self) -> None:
        transport = ScriptedTransport(connects=False)
        client = client_of(transport)
        client.service(1.0)
        (event,) = client.service(1.0 + CONNECT_TIMEOUT_S)
        assert event == Disconnected(
            f"cannot connect to {ADDRESS}: no answer within 10 s", 0, 0.1, 1
        )
        assert transport.is_closed

    def test_reports_a_refusal_that_comes_late(self) -> None:
        transport = ScriptedTransport()
        transport.connect_error = TransportError("refused at last")
        client = client_of(transport)
        assert client.service(1.0) == [Disconnected("refused at last", 0, 0.1, 1)]

    def test_back_off_ends_with_an_acknowledgement_and_not_with_a_connection(
        self,
    ) -> None:
        first, second, third = (ScriptedTransport() for _ in range(3))
        client = client_of(first, second, third)
        client.send(chunk("c1"), 0.0)
        for attempt, (transport, delay) in enumerate(((first, 0.1), (second, 0.2)), 1):
            transport.to_read.append(b"")
            assert client.service(float(attempt))[-1] == Disconnected(
                f"{ADDRESS}: the receiver closed the connection", 1, delay, attempt
            )
        client.service(3.0)
        third.ack("c1")
        third.to_read.append(b"")
        assert client.service(3.0) == [
            Acked("c1"),
            Disconnected(f"{ADDRESS}: the receiver closed the connection", 0, 0.1, 1),
        ]


class TestWithoutAcknowledgements:
    def test_a_chunk_counts_once_it_is_written_whole(self) -> None:
        transport = ScriptedTransport(room=30)
        client = client_of(transport, require_ack=False)
        client.send(chunk("c1"), 0.0)
        client.send(chunk("c2"), 0.0)
        assert client.service(0.0) == [Connected(ADDRESS), Acked("c1")]
        transport.room = 1_000
        assert client.service(0.0) == [Acked("c2")]
        assert transport.chunks() == [None, None]
        assert client.deadline() is None
        assert client.unacked_chunks == 0

    def test_reports_what_send_wrote_at_the_next_service(self) -> None:
        client = client_of(require_ack=False)
        client.service(0.0)
        client.send(chunk("c1"), 0.0)
        assert client.deadline() == 0.0
        assert client.service(0.0) == [Acked("c1")]

    def test_only_the_frame_not_wholly_written_goes_again(self) -> None:
        first, second = ScriptedTransport(room=30), ScriptedTransport()
        client = client_of(first, second, require_ack=False)
        client.send(chunk("c1"), 0.0)
        client.send(chunk("c2"), 0.0)
        client.service(0.0)
        first.to_read.append(b"")
        (event,) = client.service(0.0)
        assert isinstance(event, Disconnected)
        assert event.unacked_count == 1
        assert event.retry_in_s == 0.1
        client.service(1.0)
        frame = packed_forward("ct", chunk("c2").payload, count=10, chunk=None)
        assert second.written == bytes(frame)

    def test_back_off_grows_for_a_receiver_that_closes_each_connection(self) -> None:
        transports = [ScriptedTransport() for _ in range(3)]
        client = client_of(*transports, require_ack=False)
        delays = []
        for number, transport in enumerate(transports):
            client.send(chunk(f"c{number}"), float(number))
            client.service(float(number))
            assert transport.chunks() == [None]
            transport.to_read.append(b"")
            (*_, lost) = client.service(float(number))
            assert isinstance(lost, Disconnected)
            delays.append(lost.retry_in_s)
        assert delays == [0.1, 0.2, 0.4]

    def test_back_off_starts_again_after_a_steady_connection(self) -> None:
        steady = ScriptedTransport()
        client = client_of(TransportError("refused"), steady, require_ack=False)
        client.service(0.0)
        client.service(1.0)
        client.send(chunk("c1"), 1.0 + STEADY_S)
        steady.to_read.append(b"")
        (*_, lost) = client.service(1.0 + STEADY_S)
        assert isinstance(lost, Disconnected)
        assert (lost.retry_in_s, lost.attempt) == (0.1, 1)


class TestClosing:
    def test_lets_go_of_everything(self) -> None:
        transport = ScriptedTransport()
        client = opened_client(transport)
        client.close()
        client.close()
        assert transport.is_closed
        assert client.fileno() is None
        assert client.deadline() is None
        assert not client.has_room
        with pytest.raises(LocalProtocolError, match="closed"):
            client.service(0.0)
