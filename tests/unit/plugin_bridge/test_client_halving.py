"""The client against a receiver that refuses records: halving finds just these."""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import TYPE_CHECKING

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_bridge.client import Acked, Chunk, Disconnected, ForwardClient, Poisoned
from plugin_bridge.forward.receiver import ForwardReceiver
from tests.fakes.scripted_transport import ADDRESS, ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RECORDS = 47
ACK_TIMEOUT_S = 20.0


class Receiver:
    """Acknowledges, and closes on chunks that hold a refused record.

    Args:
        refused: These records.
        is_silent: It passes such a chunk over instead, as Vector does.
    """

    def __init__(self, refused: Iterable[int] = (), *, is_silent: bool = False) -> None:
        self.refused = set(refused)
        self.is_silent = is_silent
        self.is_well = True
        self.taken: list[int] = []
        self.refusals = 0

    @property
    def address(self) -> str:
        return ADDRESS

    def connect(self) -> ReceiverTransport:
        return ReceiverTransport(self)


class ReceiverTransport(ScriptedTransport):
    """A connection to :class:`Receiver`, which answers while bytes are sent."""

    def __init__(self, world: Receiver) -> None:
        super().__init__(room=10**12)
        self._world = world
        self._frames = ForwardReceiver()
        self._is_done = False

    def send(self, *pieces: memoryview) -> int:
        self._frames.receive_data(b"".join(pieces))
        while (frame := self._frames.next_frame()) is not None:
            assert frame.chunk is not None
            self._answer(frame.chunk, records_of(frame.payload))
        return super().send(*pieces)

    def _answer(self, chunk_id: str, records: list[int]) -> None:
        world = self._world
        if self._is_done:
            return
        if world.is_well and world.refused.isdisjoint(records):
            world.taken += records
            self.ack(chunk_id)
            return
        world.refusals += 1
        if not world.is_silent:
            self.to_read.append(b"")
            self._is_done = True


class Owner:
    """Hands chunks in, halves what is poison and keeps single records, as a worker."""

    def __init__(self, receiver: Receiver, window_chunks: int = 8) -> None:
        self.client = ForwardClient(
            receiver,
            window_chunks=window_chunks,
            window_bytes=100_000,
            require_ack=True,
            ack_timeout_s=ACK_TIMEOUT_S,
            jitter=lambda: 0.5,
        )
        self.now = 0.0
        self.kept: list[int] = []
        self.lost_connections = 0
        self._ids = (f"c{number}" for number in count())
        self._sealed: deque[Chunk] = deque()
        self._under_way: dict[str, Chunk] = {}

    def add(self, records: Iterable[int]) -> None:
        parts = [msgpack.packb(record) for record in records]
        self._sealed.append(Chunk(next(self._ids), "ct", b"".join(parts), len(parts)))

    def run(self, until_s: float, *, supply: Iterator[int] | None = None) -> None:
        """Work until then; with a supply, keep the window full of it."""
        while self.now < until_s:
            while self.client.has_room and (self._sealed or supply):
                if not self._sealed and supply:
                    self.add([next(supply)])
                chunk = self._sealed.popleft()
                self._under_way[chunk.id] = chunk
                self.client.send(chunk, self.now)
            happened = self.client.service(self.now)
            for event in happened:
                if isinstance(event, Acked):
                    del self._under_way[event.chunk_id]
                elif isinstance(event, Poisoned):
                    self._on_poisoned(self._under_way.pop(event.chunk_id))
                elif isinstance(event, Disconnected) and event.attempt:
                    self.lost_connections += 1
            self.now += 0.01
            if not happened:
                self.now = max(
                    self.now, min(self.client.deadline() or until_s, until_s)
                )

    def _on_poisoned(self, chunk: Chunk) -> None:
        if chunk.count == 1:
            self.kept += records_of(chunk.payload)
        else:
            self._sealed += chunk.halve(next(self._ids), next(self._ids))


def records_of(payload: bytes) -> list[int]:
    unpacker = msgpack.Unpacker()
    unpacker.feed(payload)
    return list(unpacker)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, RECORDS - 1))
def test_a_refused_record_alone_on_the_queue_harms_none_of_its_neighbours(
    poison: int,
) -> None:
    receiver = Receiver({poison})
    owner = Owner(receiver)
    owner.add(range(RECORDS))
    owner.run(20.0)
    assert sorted(receiver.taken) == [n for n in range(RECORDS) if n != poison]
    owner.run(300.0)
    assert owner.kept == [poison]
    assert owner.client.unacked_chunks == 0


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, RECORDS - 1), max_size=12), st.sampled_from([1, 2, 8]))
def test_all_that_is_taken_arrives_once_whatever_is_refused(
    poison: set[int], window_chunks: int
) -> None:
    receiver = Receiver(poison)
    owner = Owner(receiver, window_chunks)
    owner.add(range(RECORDS))
    owner.run(3_000.0)
    assert sorted(receiver.taken) == sorted(set(range(RECORDS)) - poison)
    assert set(owner.kept) <= poison
    others = iter(range(100, 10**6))
    while sorted(owner.kept) != sorted(poison) and owner.now < 3_100.0:
        owner.run(owner.now + 1.0, supply=others)
    assert sorted(owner.kept) == sorted(poison)


def test_what_is_passed_over_in_silence_is_halved_too() -> None:
    receiver = Receiver({3}, is_silent=True)
    owner = Owner(receiver)
    owner.add(range(RECORDS))
    owner.run(20 * ACK_TIMEOUT_S)
    assert sorted(receiver.taken) == [n for n in range(RECORDS) if n != 3]


@pytest.mark.parametrize("supply", [0, 10**6])
def test_a_receiver_that_refuses_everything_makes_no_record_poison(supply: int) -> None:
    receiver = Receiver()
    receiver.is_well = False
    owner = Owner(receiver)
    owner.add(range(RECORDS))
    records = iter(range(100, 100 + supply))
    owner.run(20_000.0, supply=records if supply else None)
    assert owner.kept == []
    assert receiver.taken == []
    receiver.is_well = True
    owner.run(owner.now + 100.0)
    assert owner.kept == []
    assert owner.client.unacked_chunks == 0
    assert set(range(RECORDS)) <= set(receiver.taken)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.05, 200.0), min_size=1, max_size=12),
    st.integers(0, RECORDS - 1),
)
def test_no_outage_makes_a_good_record_poison(
    spans_s: list[float], poison: int
) -> None:
    """It closes on everything for a while, again and again; one record is poison."""
    receiver = Receiver({poison})
    owner = Owner(receiver)
    owner.add(range(RECORDS))
    for number, span_s in enumerate(spans_s):
        receiver.is_well = bool(number % 2)
        owner.run(owner.now + span_s)
    receiver.is_well = True
    owner.run(owner.now + 300.0)
    assert set(owner.kept) <= {poison}
    assert sorted(receiver.taken) == [n for n in range(RECORDS) if n != poison]


def test_a_record_that_is_all_there_ever_was_is_no_poison() -> None:
    """Nothing tells its receiver from one that is down."""
    receiver = Receiver({0})
    owner = Owner(receiver)
    owner.add([0])
    owner.run(10_000.0)
    assert owner.kept == []
    owner.run(owner.now + 30.0, supply=iter(range(1, 10**6)))
    assert owner.kept == [0]


@pytest.mark.parametrize("poison", [0, 17, 46])
def test_under_traffic_few_connections_are_lost_to_one_record(poison: int) -> None:
    receiver = Receiver({poison})
    owner = Owner(receiver)
    owner.add(range(RECORDS))
    owner.run(30.0, supply=iter(range(100, 10**6)))
    assert owner.kept == [poison]
    assert receiver.refusals <= 14
