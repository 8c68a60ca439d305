"""One record that the receiver refuses: found, and everything else delivered."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Literal

import pytest

from plugin_bridge.client import Chunk, Poisoned
from plugin_bridge.forward.compression import Compressor
from plugin_bridge.forward.entries import EventEncoder
from tests.fakes.forward_receiver import Faults, RecordingReceiver
from tests.functional.plugin_bridge.event_loop import client_to, hand_in, run_until

if TYPE_CHECKING:
    from pathlib import Path

    from plugin_bridge.client import Event, ForwardClient

pytestmark = pytest.mark.functional

RECORDS_PER_CHUNK = 8
BAD = RECORDS_PER_CHUNK * 2 + 5


def chunk_of(number: int) -> Chunk:
    encoder = EventEncoder()
    first = number * RECORDS_PER_CHUNK
    parts = [
        encoder.encode({"eventID": n, "pad": "x" * 500}, 1_700_000_000, n)
        for n in range(first, first + RECORDS_PER_CHUNK)
    ]
    return Chunk(f"chunk-{number}", "ct", encoder.assemble(parts), len(parts))


class Owner:
    """Supplies chunks, halves those that are poison and keeps single records."""

    def __init__(self, client: ForwardClient) -> None:
        self.kept: list[Chunk] = []
        self.sent = 0
        self._client = client
        self._waiting: list[Chunk] = []
        self._under_way: dict[str, Chunk] = {}
        self._seen = 0
        self._ids = (f"half-{number}" for number in count())

    def has_kept_one(self, events: list[Event]) -> bool:
        for event in events[self._seen :]:
            if isinstance(event, Poisoned):
                self._on_poisoned(self._under_way.pop(event.chunk_id))
        self._seen = len(events)
        while self._client.has_room and not self.kept:
            if not self._waiting:
                self._waiting.append(chunk_of(self.sent))
                self.sent += 1
            chunk = self._waiting.pop(0)
            self._under_way[chunk.id] = chunk
            hand_in(self._client, chunk)
        return bool(self.kept)

    def _on_poisoned(self, chunk: Chunk) -> None:
        if chunk.count == 1:
            self.kept.append(chunk)
        else:
            self._waiting[:0] = chunk.halve(next(self._ids), next(self._ids))


@pytest.mark.parametrize(
    ("refusal", "compressor"),
    [
        ("close", None),
        ("nack", None),
        ("ignore", None),
        ("close", Compressor("gzip")),
    ],
    ids=["close", "nack", "ignore", "close-gzip"],
)
def test_a_refused_record_is_cut_out_and_all_others_arrive(
    tmp_path: Path,
    refusal: Literal["close", "nack", "ignore"],
    compressor: Compressor | None,
) -> None:
    faults = Faults(refused_event_ids=frozenset({BAD}), refusal=refusal)
    with RecordingReceiver.unix(tmp_path / "forward.sock", faults) as receiver:
        client = client_to(receiver.address, ack_timeout_s=0.2, compressor=compressor)
        owner = Owner(client)
        run_until(client, owner.has_kept_one, timeout_s=60.0)
        run_until(client, lambda _: client.unacked_chunks == 0)
        client.close()
        assert receiver.protocol_errors == []
        arrived = [record["eventID"] for record in receiver.records()]
    (kept,) = owner.kept
    encoder = EventEncoder()
    assert kept.payload == encoder.encode(
        {"eventID": BAD, "pad": "x" * 500}, 1_700_000_000, BAD
    )
    expected = set(range(owner.sent * RECORDS_PER_CHUNK)) - {BAD}
    assert set(arrived) == expected
    assert len(arrived) - len(expected) <= client.resent_chunks * RECORDS_PER_CHUNK
