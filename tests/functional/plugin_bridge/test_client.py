"""The client and a strict receiver on real sockets, with every fault in turn."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from plugin_bridge.client import Chunk, Connected, Disconnected
from plugin_bridge.forward.entries import EventEncoder
from tests.fakes.forward_receiver import Faults, RecordingReceiver
from tests.functional.plugin_bridge.event_loop import (
    acked,
    client_to,
    deliver,
    hand_in,
    run_until,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from plugin_bridge.client import Event

    Start = Callable[[Faults], RecordingReceiver]

pytestmark = pytest.mark.functional

RECORDS_PER_CHUNK = 50


def chunks_of(count: int, *, record_bytes: int = 2_000) -> list[Chunk]:
    """Chunks of some 100 KB whose records are numbered through."""
    encoder = EventEncoder()
    return [
        Chunk(
            id=f"chunk-{number}",
            tag="ct",
            payload=encoder.assemble(
                [
                    encoder.encode(
                        {
                            "n": number * RECORDS_PER_CHUNK + i,
                            "pad": "x" * record_bytes,
                        },
                        1_700_000_000,
                        i,
                    )
                    for i in range(RECORDS_PER_CHUNK)
                ]
            ),
            count=RECORDS_PER_CHUNK,
        )
        for number in range(count)
    ]


def numbers(receiver: RecordingReceiver) -> list[object]:
    return [record["n"] for record in receiver.records()]


@pytest.fixture(params=["unix", "tcp"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    started: list[RecordingReceiver] = []

    def begin(faults: Faults) -> RecordingReceiver:
        if request.param == "unix":
            receiver = RecordingReceiver.unix(tmp_path / "forward.sock", faults)
        else:
            receiver = RecordingReceiver.tcp(faults)
        started.append(receiver)
        return receiver.__enter__()

    yield begin
    for receiver in started:
        receiver.close()
        assert receiver.protocol_errors == []


def test_delivers_everything_once_and_in_order(start: Start) -> None:
    receiver = start(Faults())
    client = client_to(receiver.address)
    events = deliver(client, chunks_of(60))
    client.close()
    assert acked(events) == [f"chunk-{n}" for n in range(60)]
    assert numbers(receiver) == list(range(60 * RECORDS_PER_CHUNK))
    assert receiver.connection_count == 1


def test_a_stalled_receiver_is_waited_for_on_the_same_connection(start: Start) -> None:
    receiver = start(Faults())
    client = client_to(receiver.address)
    deliver(client, chunks_of(1))
    receiver.faults.stalls = True
    chunks = chunks_of(9)[1:]
    for chunk in chunks:
        hand_in(client, chunk)
    assert not client.has_room
    for _ in range(20):
        assert client.service(time.monotonic()) == []
    assert client.unacked_chunks == 8
    receiver.faults.stalls = False
    events = deliver(client, [])
    client.close()
    assert acked(events) == [chunk.id for chunk in chunks]
    assert numbers(receiver) == list(range(9 * RECORDS_PER_CHUNK))
    assert receiver.connection_count == 1


def test_acknowledgements_in_reverse_order(start: Start) -> None:
    receiver = start(Faults(reversed_acks=4))
    client = client_to(receiver.address)
    events = deliver(client, chunks_of(13))
    client.close()
    assert acked(events) == receiver.acked()
    assert acked(events) != sorted(acked(events), key=lambda c: int(c[6:]))
    assert numbers(receiver) == list(range(13 * RECORDS_PER_CHUNK))


@pytest.mark.parametrize(
    "faults",
    [
        Faults(close_after_frames=3),
        Faults(close_after_frames=1),
        Faults(close_after_bytes=250_000),
        Faults(close_after_bytes=1),
        Faults(nacks=True),
    ],
    ids=["after 3 frames", "after 1", "in mid-frame", "at the first byte", "nack"],
)
def test_a_lost_connection_sends_the_same_bytes_again(
    start: Start, faults: Faults
) -> None:
    receiver = start(faults)
    client = client_to(receiver.address)
    chunks = chunks_of(12)

    def has_lost_three(events: list[Event]) -> bool:
        while chunks and client.has_room:
            hand_in(client, chunks.pop(0))
        return sum(isinstance(event, Disconnected) for event in events) >= 3

    events = run_until(client, has_lost_three)
    receiver.faults = Faults()
    events += deliver(client, chunks)
    client.close()

    assert sorted(acked(events)) == sorted(chunk.id for chunk in chunks_of(12))
    frames = receiver.frames()
    assert {frame.chunk for frame in frames} == {chunk.id for chunk in chunks_of(12)}
    for frame in frames:
        assert frame.payload == chunks_of(12)[int((frame.chunk or "")[6:])].payload
    assert receiver.connection_count >= 4


def test_after_a_loss_a_single_frame_goes_until_it_is_acknowledged(
    start: Start,
) -> None:
    receiver = start(Faults(acks=False))
    client = client_to(receiver.address, ack_timeout_s=0.3)
    for chunk in chunks_of(6, record_bytes=10):
        hand_in(client, chunk)
    run_until(client, lambda events: len(events) >= 6)
    client.close()
    frames = receiver.frames()
    assert 3 <= len(frames) <= receiver.connection_count
    assert [frame.chunk for frame in frames[:3]] == ["chunk-0", "chunk-1", "chunk-2"]


def test_a_receiver_that_never_acknowledges_is_named(start: Start) -> None:
    receiver = start(Faults(acks=False))
    client = client_to(receiver.address, ack_timeout_s=0.2)
    hand_in(client, chunks_of(1)[0])
    events = run_until(client, lambda events: len(events) >= 2)
    client.close()
    connected, lost = events
    assert connected == Connected(receiver.address)
    assert isinstance(lost, Disconnected)
    assert "does not acknowledge" in lost.reason
    assert lost.unacked_count == 1


def test_without_acknowledgements_written_is_delivered(start: Start) -> None:
    receiver = start(Faults())
    client = client_to(receiver.address, require_ack=False)
    events = deliver(client, chunks_of(20))
    receiver.wait_for_records(20 * RECORDS_PER_CHUNK)
    client.close()
    assert acked(events) == [f"chunk-{n}" for n in range(20)]
    assert {frame.chunk for frame in receiver.frames()} == {None}
    assert numbers(receiver) == list(range(20 * RECORDS_PER_CHUNK))


def test_waits_for_a_receiver_and_survives_its_restart(tmp_path: Path) -> None:
    path = tmp_path / "forward.sock"
    client = client_to(f"unix://{path}")
    (missing, *_) = run_until(client, lambda events: len(events) >= 1)
    assert isinstance(missing, Disconnected)
    assert "No such file" in missing.reason
    with RecordingReceiver.unix(path) as first:
        deliver(client, chunks_of(2))
        assert numbers(first) == list(range(2 * RECORDS_PER_CHUNK))
    hand_in(client, chunks_of(3)[2])
    events = run_until(client, lambda events: len(events) >= 2)
    assert all(isinstance(event, Disconnected) for event in events)
    with RecordingReceiver.unix(path) as second:
        events = deliver(client, [])
        assert numbers(second) == list(
            range(2 * RECORDS_PER_CHUNK, 3 * RECORDS_PER_CHUNK)
        )
    client.close()
    assert acked(events) == ["chunk-2"]
