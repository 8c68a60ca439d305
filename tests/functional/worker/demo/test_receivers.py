from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import msgpack
import pytest

from worker.demo.errors import DemoError
from worker.demo.receivers import builtin_receiver, fluent_bit_receiver

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.functional

PATIENCE_S = 30


def connect(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(PATIENCE_S)
    client.connect(str(path))
    return client


def frame(event_id: str, chunk: str) -> bytes:
    entry = msgpack.packb([1, {"eventID": event_id}])
    packed: bytes = msgpack.packb(["tag", entry, {"chunk": chunk, "size": 1}])
    return packed


def test_records_are_taken_and_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "f.sock"
    with builtin_receiver(path) as records, connect(path) as client:
        client.sendall(frame("a", "c1"))
        assert msgpack.unpackb(client.recv(4096)) == {"ack": "c1"}
        assert records() == [{"eventID": "a"}]


def test_two_connections_are_served_at_once(tmp_path: Path) -> None:
    path = tmp_path / "f.sock"
    with builtin_receiver(path) as records, connect(path) as one, connect(path) as two:
        for client, name in ((two, "b"), (one, "a")):
            client.sendall(frame(name, name))
            assert msgpack.unpackb(client.recv(4096)) == {"ack": name}
        assert records() == [{"eventID": "b"}, {"eventID": "a"}]


def test_what_is_no_frame_ends_its_connection_without_an_ack(tmp_path: Path) -> None:
    path = tmp_path / "f.sock"
    with builtin_receiver(path) as records:
        with connect(path) as bad:
            bad.sendall(b"\xc0")
            assert bad.recv(4096) == b""
        with connect(path) as good:
            good.sendall(frame("a", "c1"))
            assert msgpack.unpackb(good.recv(4096)) == {"ack": "c1"}
        assert records() == [{"eventID": "a"}]


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(DemoError, match="set TMPDIR"),
        builtin_receiver(tmp_path / ("x" * 108)),
    ):
        pass


def test_no_fluent_bit_on_the_path_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(DemoError, match="no fluent-bit on the PATH"),
        fluent_bit_receiver(tmp_path / "f.sock", tmp_path),
    ):
        pass


def test_a_fluent_bit_that_does_not_start_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "fluent-bit"
    program.write_text("#!/bin/sh\necho first\necho 'no such plugin' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(DemoError, match="does not start: no such plugin"),
        fluent_bit_receiver(tmp_path / "f.sock", tmp_path),
    ):
        pass
