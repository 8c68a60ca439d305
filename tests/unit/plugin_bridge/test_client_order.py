"""Every chunk is settled once, whatever a receiver does, and sent first in order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_bridge.client import Acked, Event, ForwardClient, Poisoned
from plugin_bridge.errors import TransportError
from tests.fakes.scripted_transport import ADDRESS, ScriptedTransport
from tests.unit.plugin_bridge.scripted_client import begun_in, chunk

SETTLING = [("read", 1_000), ("ack", 0)] * 60


class World:
    """A receiver that acknowledges, stalls and dies as hypothesis says."""

    def __init__(self) -> None:
        self.transports: list[RecordingTransport] = []
        self.begun: list[str] = []
        self.unanswered: list[str] = []

    @property
    def address(self) -> str:
        return ADDRESS

    def connect(self) -> ScriptedTransport:
        self.transports.append(RecordingTransport(self))
        self.unanswered = []
        return self.transports[-1]

    def step(self, action: str, amount: int) -> None:
        if not self.transports:
            return
        transport = self.transports[-1]
        self.unanswered += [name for name in transport.chunks() if name is not None]
        match action:
            case "read":
                transport.room += amount
            case "ack" if self.unanswered:
                transport.ack(self.unanswered.pop(amount % len(self.unanswered)))
            case "die":
                transport.to_read.append(b"")
            case "break":
                transport.write_error = TransportError("broken pipe")
            case _:  # nobody waits for an answer, or it was the client's turn
                pass


class RecordingTransport(ScriptedTransport):
    """Notes the frames whose first byte went out."""

    def __init__(self, world: World) -> None:
        super().__init__(room=0)
        self._world = world

    def send(self, *pieces: memoryview) -> int:
        taken = super().send(*pieces)
        if taken:
            self._world.begun += begun_in(b"".join(pieces))
        return taken


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["send", "read", "read", "ack", "ack", "die", "break"]),
            st.integers(1, 120),
        ),
        max_size=60,
    )
)
def test_every_chunk_is_settled_once_and_first_sent_in_order(
    steps: list[tuple[str, int]],
) -> None:
    world = World()
    client = ForwardClient(
        world,
        window_chunks=4,
        window_bytes=200,
        require_ack=True,
        ack_timeout_s=1e9,
        jitter=lambda: 0.0,
    )
    handed_in: list[str] = []
    events: list[Event] = []
    for now, (action, amount) in enumerate([*steps, *SETTLING]):
        if action == "send" and client.has_room:
            handed_in.append(f"c{len(handed_in)}")
            client.send(chunk(handed_in[-1], amount), float(now))
        world.step(action, amount)
        events += client.service(float(now))

    settled = [e.chunk_id for e in events if isinstance(e, Acked | Poisoned)]
    assert sorted(settled) == sorted(handed_in)
    assert list(dict.fromkeys(world.begun)) == handed_in
    assert (client.unacked_chunks, client.unacked_bytes) == (0, 0)
