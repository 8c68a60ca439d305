"""One look at a receiver: what works, what does not, and why."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.forward_receiver import Faults, RecordingReceiver
from tests.fakes.greeter import Greeter
from worker.config.model import Config
from worker.deliver.probe import Probe, probe_receiver

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.functional

RECORD = {"message": "a test"}


def probe(
    address: str, *, sends: bool = False, timeout_s: float = 20, **output: Any
) -> Probe:
    config = Config.model_validate(
        {
            "source": {
                "queue_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/q"
            },
            "output": {"address": address, "self_hostname": "sender", **output},
        }
    )
    return probe_receiver(
        config.output,
        record=RECORD if sends else None,
        epoch_s=1_800_000_000,
        random_bytes=bytes(16),
        timeout_s=timeout_s,
    )


def test_it_connects_and_sends_nothing(tmp_path: Path) -> None:
    with RecordingReceiver.unix(tmp_path / "f.sock") as receiver:
        found = probe(receiver.address)
    assert found.problem == ""
    assert found.connect_s is not None
    assert found.ack_s is None
    assert (receiver.connection_count, receiver.frames()) == (1, [])


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_one_record_is_acknowledged(tmp_path: Path, compression: str) -> None:
    with RecordingReceiver.unix(tmp_path / "f.sock") as receiver:
        found = probe(receiver.address, sends=True, compression=compression, tag="t.x")
    assert (found.problem, found.ack_s is not None) == ("", True)
    assert receiver.records() == [RECORD]
    assert [frame.tag for frame in receiver.frames()] == ["t.x"]


def test_a_handshake_is_made() -> None:
    with RecordingReceiver.tcp(Faults(greeter=Greeter("key"))) as receiver:
        found = probe(receiver.address, sends=True, shared_key="key")
    assert (found.problem, receiver.records()) == ("", [RECORD])


@pytest.mark.parametrize(
    ("greeter", "output", "words"),
    [
        (Greeter("key"), {}, "asks for a shared key, and output.shared_key is empty"),
        (Greeter("key"), {"shared_key": "other"}, "shared_key"),
    ],
)
def test_where_the_keys_differ_nothing_is_sent(
    greeter: Greeter, output: dict[str, Any], words: str
) -> None:
    with RecordingReceiver.tcp(Faults(greeter=greeter)) as receiver:
        found = probe(receiver.address, sends=True, **output)
    assert words in found.problem
    assert (found.connect_s, found.ack_s, receiver.frames()) == (None, None, [])
    assert b"a test" not in receiver.before_greeting


def test_nobody_listens(tmp_path: Path) -> None:
    found = probe(f"unix://{tmp_path}/none.sock")
    assert found.connect_s is None
    assert found.problem.endswith("none.sock: No such file or directory")


def test_an_unknown_host_is_told() -> None:
    found = probe("tcp://nowhere.invalid:24224")
    assert found.connect_s is None
    assert "nowhere.invalid" in found.problem


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (Faults(acks=False), "no acknowledgement within 2 s"),
        (Faults(stalls=True), "no acknowledgement within 2 s"),
        (Faults(nacks=True), "refuse"),
        (Faults(close_after_frames=1), "closed the connection"),
    ],
)
def test_a_record_that_is_not_acknowledged(faults: Faults, words: str) -> None:
    with RecordingReceiver.tcp(faults) as receiver:
        found = probe(receiver.address, sends=True, timeout_s=2)
    assert found.connect_s is not None
    assert found.ack_s is None
    assert words in found.problem


def test_a_port_that_accepts_and_closes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        listener.settimeout(20)

        def accept_and_close() -> None:
            connection, _ = listener.accept()
            connection.close()

        thread = threading.Thread(target=accept_and_close)
        thread.start()
        found = probe(f"tcp://127.0.0.1:{port}")
        thread.join()
    assert "closed the connection" in found.problem
