"""The client against receivers that refuse some frames, or every frame for a while."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_bridge.client import (
    Acked,
    Chunk,
    Connected,
    Disconnected,
    Event,
    ForwardClient,
    Poisoned,
)
from plugin_bridge.forward.suspicion import STRIKES
from tests.fakes.scripted_transport import ADDRESS, ScriptedConnector, ScriptedTransport
from tests.unit.plugin_bridge.scripted_client import begun_in

if TYPE_CHECKING:
    from collections.abc import Iterable

ACK_TIMEOUT_S = 20.0
NACK = b"\x80"


class Refusal(Enum):
    CLOSE = "close"
    NACK = "nack"
    IGNORE = "ignore"


def client_of(
    connector: ScriptedConnector | Receiver, *, window_chunks: int = 4
) -> ForwardClient:
    return ForwardClient(
        connector,
        window_chunks=window_chunks,
        window_bytes=200,
        require_ack=True,
        ack_timeout_s=ACK_TIMEOUT_S,
        jitter=lambda: 1.0,
    )


def record(name: str, size: int = 10) -> Chunk:
    """Return a chunk of one record, which cannot be halved."""
    return Chunk(name, "ct", b"\x80" * size, 1)


class Receiver:
    """Acknowledges at once what it takes, and refuses some chunks in one manner.

    Args:
        refused: Ids of the chunks it refuses.
        manner: How.
        acks_a_connection: It closes after that many acknowledgements, as one whose
            buffer is full to the brim does.
    """

    def __init__(
        self,
        refused: Iterable[str] = (),
        manner: Refusal = Refusal.CLOSE,
        *,
        acks_a_connection: int | None = None,
    ) -> None:
        self.refused = set(refused)
        self.manner = manner
        self.acks_a_connection = acks_a_connection
        self.connections: list[list[str]] = []  # the chunks that came on each
        self.begun: list[str] = []  # the chunks whose first byte came, in that order

    @property
    def address(self) -> str:
        return ADDRESS

    def connect(self) -> ReceiverTransport:
        self.connections.append([])
        return ReceiverTransport(self)

    @property
    def taken(self) -> list[str]:
        return [
            name
            for connection in self.connections
            for name in connection
            if name not in self.refused
        ]


class ReceiverTransport(ScriptedTransport):
    """A connection to :class:`Receiver`, which answers while bytes are sent."""

    def __init__(self, receiver: Receiver) -> None:
        super().__init__()
        self._world = receiver
        self._is_done = False
        self._acks = 0

    def send(self, *pieces: memoryview) -> int:
        self._world.begun += begun_in(b"".join(pieces))
        taken = super().send(*pieces)
        for name in self.chunks():
            assert name is not None
            self._world.connections[-1].append(name)
            if not self._is_done:
                self._answer(name)
        return taken

    def _answer(self, name: str) -> None:
        if name not in self._world.refused:
            self.ack(name)
            self._acks += 1
            self._is_done = self._acks == self._world.acks_a_connection
        elif self._world.manner is not Refusal.IGNORE:
            if self._world.manner is Refusal.NACK:
                self.to_read.append(NACK)
            self._is_done = True
        if self._is_done:
            self.to_read.append(b"")


class Owner:
    """Hands chunks in as there is room, a second a turn, or as many as are waited."""

    def __init__(self, client: ForwardClient) -> None:
        self.client = client
        self.now = 0.0
        self.handed_in: list[str] = []
        self.events: list[Event] = []

    def run(self, turns: int, *, supply: int = 1_000_000) -> Owner:
        """Take turns, and hand in so many chunks at most meanwhile."""
        last = len(self.handed_in) + supply
        for _ in range(turns):
            while len(self.handed_in) < last and self.client.has_room:
                self.handed_in.append(f"c{len(self.handed_in)}")
                self.client.send(record(self.handed_in[-1]), self.now)
            happened = self.client.service(self.now)
            self.events += happened
            self.now += 1.0
            if not happened:
                self.now = max(self.now, self.client.deadline() or 0.0)
        return self

    @property
    def acked(self) -> list[str]:
        return [event.chunk_id for event in self.events if isinstance(event, Acked)]

    @property
    def poisoned(self) -> list[str]:
        return [event.chunk_id for event in self.events if isinstance(event, Poisoned)]


@settings(max_examples=40)
@given(
    refused=st.sets(st.integers(0, 25), max_size=3),
    manner=st.sampled_from(Refusal),
    window_chunks=st.integers(4, 8),
)
def test_just_the_refused_frames_are_poison_and_all_others_pass(
    refused: set[int], manner: Refusal, window_chunks: int
) -> None:
    poison = {f"c{number}" for number in refused}
    receiver = Receiver(poison, manner)
    client = client_of(receiver, window_chunks=window_chunks)
    owner = Owner(client).run(400).run(200, supply=0)
    assert sorted(owner.poisoned) == sorted(poison)
    assert sorted(owner.acked) == sorted(set(owner.handed_in) - poison)
    assert sorted(set(receiver.taken)) == sorted(owner.acked)
    assert list(dict.fromkeys(receiver.begun)) == owner.handed_in
    assert client.unacked_chunks == 0


@pytest.mark.parametrize("manner", Refusal)
@pytest.mark.parametrize("window_chunks", [1, 2, 8])
def test_one_refused_frame_is_found_within_bounded_attempts(
    manner: Refusal, window_chunks: int
) -> None:
    receiver = Receiver({"c3"}, manner)
    client = client_of(receiver, window_chunks=window_chunks)
    owner = Owner(client).run(150)
    assert owner.poisoned == ["c3"]
    assert STRIKES <= receiver.begun.count("c3") <= STRIKES + 2
    assert len(receiver.connections) <= 2 * STRIKES + 3


@pytest.mark.parametrize("manner", Refusal)
def test_when_every_frame_fails_nothing_is_poison(manner: Refusal) -> None:
    receiver = Receiver((f"c{number}" for number in range(100)), manner)
    owner = Owner(client_of(receiver)).run(400)
    assert owner.poisoned == []
    assert len(owner.handed_in) == 4
    assert all(len(connection) == 1 for connection in receiver.connections[:-1])
    receiver.refused.clear()
    owner.run(100, supply=100).run(100, supply=0)
    assert owner.poisoned == []
    assert sorted(owner.acked) == sorted(owner.handed_in)


@pytest.mark.parametrize("manner", Refusal)
@pytest.mark.parametrize("window_chunks", [1, 4])
def test_a_frame_that_is_all_there_is_waits_for_others(
    manner: Refusal, window_chunks: int
) -> None:
    receiver = Receiver({"c0"}, manner)
    client = client_of(receiver, window_chunks=window_chunks)
    owner = Owner(client).run(100, supply=1)
    assert owner.poisoned == []
    assert client.unacked_chunks == 1
    assert client.has_room
    for _ in range(10):
        owner.run(10, supply=2)
    assert owner.poisoned == ["c0"]


def test_a_receiver_that_closes_after_each_frame_refuses_none() -> None:
    """As Fluent Bit does with its buffer full to the brim: whatever is second fails."""
    receiver = Receiver(acks_a_connection=1)
    owner = Owner(client_of(receiver)).run(300, supply=50)
    assert owner.poisoned == []
    assert sorted(owner.acked) == sorted(owner.handed_in)
    assert len(owner.handed_in) == 50


@pytest.mark.parametrize("manner", Refusal)
def test_a_frame_above_the_window_leaves_room_for_others(manner: Refusal) -> None:
    receiver = Receiver({"large"}, manner)
    client = client_of(receiver)
    client.send(record("large", 5_000), 0.0)
    assert not client.has_room
    assert Owner(client).run(100).poisoned == ["large"]


def test_an_ignored_frame_holds_the_others_up_once() -> None:
    receiver = Receiver({"c0"}, Refusal.IGNORE)
    owner = Owner(client_of(receiver))
    while not owner.acked:
        owner.run(1)
    assert owner.now < ACK_TIMEOUT_S + 10
    while not owner.poisoned:
        count = len(owner.acked)
        owner.run(5)
        assert len(owner.acked) > count


def test_a_late_acknowledgement_clears_a_frame_that_was_passed() -> None:
    first = ScriptedTransport()
    client = client_of(ScriptedConnector(first))
    for name in ("c1", "c2", "c3"):
        client.send(record(name), 0.0)
    client.service(0.0)
    first.ack("c1")
    client.service(1.0)
    first.ack("c3")
    client.service(2.0)
    assert client.deadline() == 1.0 + ACK_TIMEOUT_S  # c2, which c3 passed
    client.send(record("c4"), 100.0)
    assert client.service(1.0 + ACK_TIMEOUT_S) == []  # not left: c4 is in flight
    first.ack("c2")
    assert client.service(200.0) == [Acked("c2")]
    assert client.is_connected


def test_poison_that_is_acknowledged_after_all_is_passed_over() -> None:
    """Its owner has halved it by then: there is nothing left to be acknowledged."""
    transports = [ScriptedTransport() for _ in range(STRIKES)]
    client = client_of(ScriptedConnector(*transports))
    now = 0.0
    events: list[Event] = []

    def pass_one(name: str, transport: ScriptedTransport) -> None:
        client.send(record(name), now)
        client.service(now)
        transport.ack(name)
        assert Acked(name) in client.service(now)

    for number, transport in enumerate(transports):
        pass_one(f"before-{number}", transport)
        if number == 0:
            client.send(record("bad"), now)
        pass_one(f"after-{number}", transport)
        now += ACK_TIMEOUT_S / 2
        if number == STRIKES - 1:
            client.send(record("last"), now)
        now += ACK_TIMEOUT_S / 2
        events = client.service(now)
    assert events == [Poisoned("bad")]
    assert client.is_connected
    transports[-1].ack("bad", "last")
    assert client.service(now) == [Acked("last")]
    assert client.is_connected  # nothing is skipped any more: no need to leave
    assert client.unacked_bytes == 0


def test_leaving_for_a_trial_is_told_as_no_loss() -> None:
    receiver = Receiver({"c0"})
    owner = Owner(client_of(receiver)).run(60)
    left = [e for e in owner.events if isinstance(e, Disconnected) and e.attempt == 0]
    assert len(left) == STRIKES - 1
    assert all(event.retry_in_s == 0.0 for event in left)
    assert all("while others passed" in event.reason for event in left)
    lost = [e for e in owner.events if isinstance(e, Disconnected) and e.attempt]
    connected = [e for e in owner.events if isinstance(e, Connected)]
    assert len(connected) == len(left) + len(lost) + owner.client.is_connected
