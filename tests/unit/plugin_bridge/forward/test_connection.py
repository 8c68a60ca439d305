from __future__ import annotations

from itertools import pairwise

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.forward.connection import ForwardConnection, Phase
from plugin_bridge.forward.errors import (
    ConnectionLostError,
    LocalProtocolError,
    NackedError,
    RemoteProtocolError,
)
from plugin_bridge.forward.frames import acknowledgement

CHUNKS = ("c1", "c2", "c3")
ALL_ACKS = acknowledgement("c3") + acknowledgement("c1") + acknowledgement("c2")


def opened(*in_flight: str, window_chunks: int = 8) -> ForwardConnection:
    """Return a connection past its first acknowledgement."""
    connection = ForwardConnection(window_chunks=window_chunks, window_bytes=1_000)
    connection.send_chunk("first", 1)
    connection.receive_data(acknowledgement("first"))
    assert connection.next_ack() == "first"
    for chunk in in_flight:
        connection.send_chunk(chunk, 1)
    return connection


def drain(connection: ForwardConnection) -> list[str]:
    acked = []
    while (chunk := connection.next_ack()) is not None:
        acked.append(chunk)
    return acked


class TestWindow:
    def test_is_one_chunk_until_the_first_acknowledgement(self) -> None:
        connection = ForwardConnection(window_chunks=8, window_bytes=1_000)
        connection.send_chunk("c1", 1)
        assert not connection.has_room(1)
        connection.receive_data(acknowledgement("c1"))
        connection.next_ack()
        for number in range(8):
            assert connection.has_room(1)
            connection.send_chunk(f"d{number}", 1)
        assert not connection.has_room(1)

    def test_counts_bytes(self) -> None:
        connection = opened()
        connection.send_chunk("c1", 600)
        assert connection.has_room(400)
        assert not connection.has_room(401)

    def test_lets_a_larger_chunk_go_alone(self) -> None:
        connection = opened()
        assert connection.has_room(5_000)
        connection.send_chunk("large", 5_000)
        assert not connection.has_room(1)

    def test_frees_what_is_acknowledged(self) -> None:
        connection = opened("c1", window_chunks=1)
        connection.receive_data(acknowledgement("c1"))
        connection.next_ack()
        assert connection.has_room(1_000)

    def test_refuses_a_chunk_beyond_it(self) -> None:
        connection = opened("c1", window_chunks=1)
        with pytest.raises(LocalProtocolError, match="window is full"):
            connection.send_chunk("c2", 1)

    def test_refuses_a_chunk_twice(self) -> None:
        with pytest.raises(LocalProtocolError, match="in flight already"):
            opened("c1").send_chunk("c1", 1)


@pytest.mark.parametrize("cut", range(1, len(ALL_ACKS) + 1))
def test_lost_connection_names_every_unacked_chunk_in_order(cut: int) -> None:
    """Cut the responses at every byte: acked and unacked are all that was sent."""
    connection = opened(*CHUNKS)
    connection.receive_data(ALL_ACKS[:cut])
    acked = drain(connection)
    connection.receive_data(b"")
    with pytest.raises(ConnectionLostError) as lost:
        connection.next_ack()
    assert lost.value.unacked == tuple(c for c in CHUNKS if c not in acked)
    assert acked == ["c3", "c1", "c2"][: len(acked)]


@given(cuts=st.lists(st.integers(0, len(ALL_ACKS)), max_size=8))
def test_acks_come_in_any_order_and_any_pieces(cuts: list[int]) -> None:
    connection = opened(*CHUNKS)
    edges = sorted({0, len(ALL_ACKS), *cuts})
    acked = []
    for start, end in pairwise(edges):
        connection.receive_data(ALL_ACKS[start:end])
        acked += drain(connection)
    assert acked == ["c3", "c1", "c2"]


def test_lost_connection_without_any_response_names_all() -> None:
    connection = opened(*CHUNKS)
    connection.receive_data(b"")
    with pytest.raises(ConnectionLostError, match="closed the connection") as lost:
        connection.next_ack()
    assert lost.value.unacked == CHUNKS


class TestBadResponses:
    @pytest.mark.parametrize(
        ("response", "error", "sentence"),
        [
            (b"\x80", NackedError, "refused"),
            (b"\xc1", RemoteProtocolError, "undecodable"),
            (b"\x81\xa3ack\xc0", RemoteProtocolError, "unexpected"),
            (acknowledgement("other"), RemoteProtocolError, "not in flight"),
            (acknowledgement("c1") * 2, RemoteProtocolError, "not in flight"),
            (b"HTTP/1.1 400 Bad Request", RemoteProtocolError, "unexpected"),
            (msgpack.packb("x" * 70_000), RemoteProtocolError, "more than 65536"),
        ],
    )
    def test_never_hide_an_earlier_good_one(
        self, response: bytes, error: type[Exception], sentence: str
    ) -> None:
        connection = opened("c1", "c2")
        connection.receive_data(acknowledgement("c2"))
        first = connection.next_ack()
        connection.receive_data(response)
        with pytest.raises(error, match=sentence):
            drain(connection)
        assert first == "c2"
        assert connection.phase is Phase.FAILED

    def test_in_one_read_come_after_the_good_one(self) -> None:
        connection = opened("c1", "c2")
        connection.receive_data(acknowledgement("c2") + b"\x80")
        assert connection.next_ack() == "c2"
        with pytest.raises(NackedError):
            connection.next_ack()

    def test_end_the_connection(self) -> None:
        connection = opened("c1")
        connection.receive_data(b"\x80")
        with pytest.raises(NackedError):
            connection.next_ack()
        assert not connection.has_room(1)
        with pytest.raises(LocalProtocolError, match="has failed"):
            connection.next_ack()

    @given(st.binary(min_size=1, max_size=200))
    def test_raise_nothing_undocumented(self, data: bytes) -> None:
        connection = opened("c1")
        connection.receive_data(data)
        connection.receive_data(b"")
        with pytest.raises((RemoteProtocolError, ConnectionLostError)):
            drain(connection)
