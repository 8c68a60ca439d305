"""The client as ``[output]`` describes it, to receivers that ask for what it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from plugin_bridge.client import Chunk, Connected, Disconnected
from plugin_bridge.forward.entries import EventEncoder
from tests.fakes.certificates import Authority
from tests.fakes.forward_receiver import Faults, RecordingReceiver
from tests.fakes.greeter import Greeter
from tests.fakes.tls_front import TlsFront, server_context
from tests.functional.plugin_bridge.event_loop import acked, deliver, run_until
from worker.config.model import Config
from worker.deliver.receiver import make_client

if TYPE_CHECKING:
    from pathlib import Path

    from plugin_bridge.client import Event, ForwardClient

pytestmark = pytest.mark.functional

USERS = {"alice": "pw"}
ENCODER = EventEncoder()
PAYLOAD = ENCODER.assemble(
    [ENCODER.encode({"n": n, "pad": "x" * 200}, 5, n) for n in range(100)]
)


def client_for(address: str, **output: Any) -> ForwardClient:
    config = Config.model_validate(
        {
            "source": {
                "queue_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/q"
            },
            "output": {"address": address, "self_hostname": "sender", **output},
        }
    )
    return make_client(config.output, config.output.address)


def chunks_of(count: int) -> list[Chunk]:
    return [Chunk(f"c{n}", "ct", PAYLOAD, 100) for n in range(count)]


def reason_of(client: ForwardClient) -> str:
    (event,) = [e for e in run_until(client, lost) if isinstance(e, Disconnected)]
    client.close()
    return event.reason


def lost(events: list[Event]) -> bool:
    return any(isinstance(event, Disconnected) for event in events)


@pytest.mark.parametrize("is_fluent_bit", [True, False], ids=["fluent-bit", "fluentd"])
@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
@pytest.mark.parametrize("transport", ["unix", "tcp"])
def test_delivers_after_a_handshake(
    tmp_path: Path, transport: str, compression: str, is_fluent_bit: bool
) -> None:
    faults = Faults(greeter=Greeter("secret", USERS, is_fluent_bit=is_fluent_bit))
    with (
        RecordingReceiver.unix(tmp_path / "f.sock", faults)
        if transport == "unix"
        else RecordingReceiver.tcp(faults)
    ) as receiver:
        client = client_for(
            receiver.address,
            shared_key="secret",
            username="alice",
            password=USERS["alice"],
            compression=compression,
        )
        assert acked(deliver(client, chunks_of(20))) == [f"c{n}" for n in range(20)]
        client.close()
    assert receiver.protocol_errors == []
    assert {frame.payload for frame in receiver.frames()} == {PAYLOAD}
    wanted = None if compression == "none" else compression
    assert {frame.compressed for frame in receiver.frames()} == {wanted}
    assert receiver.connection_count == 1


def test_delivers_over_tls_after_a_handshake(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    faults = Faults(greeter=Greeter("secret"))
    with RecordingReceiver.tcp(faults) as receiver:
        target = ("127.0.0.1", int(receiver.address.rpartition(":")[2]))
        context = server_context(authority.sign("server", "localhost"))
        with TlsFront(context, target) as tls:
            client = client_for(
                f"tls://localhost:{tls.port}",
                tls_ca_file=authority.ca_file,
                shared_key="secret",
            )
            assert acked(deliver(client, chunks_of(20))) == [f"c{n}" for n in range(20)]
            client.close()
    assert len(receiver.frames()) == 20


@pytest.mark.parametrize(
    ("settings", "is_fluent_bit", "words"),
    [
        ({"shared_key": "wrong"}, True, "most likely not the key it has"),
        ({"shared_key": "wrong"}, False, "shared_key mismatch"),
        ({"shared_key": "secret"}, True, "username/password mismatch"),
        (
            {"shared_key": "secret", "username": "eve", "password": "pw"},
            False,
            "username/password mismatch",
        ),
    ],
)
def test_nothing_is_sent_where_the_two_ends_differ(
    settings: dict[str, str], is_fluent_bit: bool, words: str
) -> None:
    greeter = Greeter("secret", USERS, is_fluent_bit=is_fluent_bit)
    with RecordingReceiver.tcp(Faults(greeter=greeter)) as receiver:
        client = client_for(receiver.address, **settings)
        client.send(chunks_of(1)[0], 0.0)
        assert words in reason_of(client)
    assert receiver.frames() == []
    assert receiver.before_greeting.count(b"PING") == 1
    assert PAYLOAD not in receiver.before_greeting


def test_a_key_that_is_set_here_later_is_said_and_nothing_lost() -> None:
    with RecordingReceiver.tcp(Faults(greeter=Greeter("secret"))) as receiver:
        client = client_for(receiver.address, self_hostname="")
        client.send(chunks_of(1)[0], 0.0)
        events = run_until(client, lambda found: len(losses(found)) >= 3)
        assert {event.reason for event in losses(events)} == {
            f"{receiver.address}: the receiver asks for a shared key, and "
            "output.shared_key is empty"
        }
        assert receiver.before_greeting.count(PAYLOAD) <= 1
        assert client.unacked_chunks == 1
        client.close()


def test_without_acknowledgements_nothing_goes_to_a_receiver_that_wants_a_key() -> None:
    with RecordingReceiver.tcp(Faults(greeter=Greeter("secret"))) as receiver:
        client = client_for(receiver.address, self_hostname="", require_ack=False)
        client.send(chunks_of(1)[0], 0.0)
        events = run_until(client, lambda found: len(losses(found)) >= 2)
        assert acked(events) == []
        assert client.unacked_chunks == 1
        client.close()
    assert receiver.before_greeting == b""


def test_without_acknowledgements_it_goes_on_where_nobody_asks() -> None:
    with RecordingReceiver.tcp() as receiver:
        client = client_for(receiver.address, self_hostname="", require_ack=False)
        assert acked(deliver(client, chunks_of(2))) == ["c0", "c1"]
        receiver.wait_for_frames(2)
        client.close()


def losses(events: list[Event]) -> list[Disconnected]:
    return [event for event in events if isinstance(event, Disconnected)]


def test_the_writer_of_standard_output_is_told_nothing_new(tmp_path: Path) -> None:
    with RecordingReceiver.unix(tmp_path / "w.sock") as receiver:
        config = Config.model_validate(
            {
                "source": {
                    "queue_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/q"
                },
                "output": {"address": "stdout:", "require_ack": False},
            }
        )
        client = make_client(config.output, receiver.address)
        events = deliver(client, chunks_of(2))
        client.close()
    assert isinstance(events[0], Connected)
    assert [frame.chunk for frame in receiver.frames()] == ["c0", "c1"]
