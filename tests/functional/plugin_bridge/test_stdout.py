"""The output writer, its workers and the reader of its output."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plugin_bridge.client import Chunk
from plugin_bridge.errors import OutputClosedError
from plugin_bridge.forward.frames import packed_forward
from plugin_bridge.stdout import listen, serve
from tests.functional.plugin_bridge.event_loop import (
    acked,
    client_to,
    connector_to,
    deliver,
    hand_in,
    run_until,
)
from tests.functional.plugin_bridge.stdout_client import RECORDS_PER_CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugin_bridge.transport import Listener

pytestmark = pytest.mark.functional

ROOT = Path(__file__).parents[3]
PIPE_BYTES = 65_536
LINE = b'{"n":1}\n'


class RunningWriter:
    """:func:`serve` in a thread, its error kept."""

    def __init__(self, listener: Listener, output_fd: int) -> None:
        self.address = listener.address
        self.error: BaseException | None = None
        self._listener = listener
        self._output_fd = output_fd
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="output-writer")
        self._thread.start()

    def _run(self) -> None:
        try:
            serve(self._listener, self._output_fd, should_stop=self._stop.is_set)
        except OutputClosedError as exc:
            self.error = exc

    def join(self) -> None:
        self._thread.join(10.0)
        assert not self._thread.is_alive()

    def stop(self) -> None:
        self._stop.set()
        self.join()


class Pipe:
    """What the reader of standard output holds."""

    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe()
        self._is_read_open = True

    def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += os.read(self.read_fd, count - len(data))
        return data

    def close_reader(self) -> None:
        if self._is_read_open:
            self._is_read_open = False
            os.close(self.read_fd)

    def close(self) -> None:
        self.close_reader()
        os.close(self.write_fd)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    listener = listen(tmp_path / "output.sock")
    yield listener
    listener.close()


def start_client(listener: Listener, name: str, chunks: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [
            sys.executable,
            "-m",
            "tests.functional.plugin_bridge.stdout_client",
            listener.address.removeprefix("unix://"),
            name,
            str(chunks),
        ],
        cwd=ROOT,
    )


class TestWriting:
    def test_writes_whole_payloads_and_acknowledges_them(
        self, listener: Listener, tmp_path: Path
    ) -> None:
        output = tmp_path / "out.jsonl"
        with output.open("wb") as file:
            writer = RunningWriter(listener, file.fileno())
            client = client_to(writer.address)
            events = deliver(
                client, [Chunk(f"c{n}", "ct", LINE * 999 * n, n) for n in range(1, 9)]
            )
            client.close()
            writer.stop()
        assert acked(events) == [f"c{n}" for n in range(1, 9)]
        assert output.read_bytes() == LINE * 999 * 36
        assert writer.error is None

    def test_acknowledges_nothing_while_the_reader_pauses(
        self, listener: Listener, pipe: Pipe
    ) -> None:
        writer = RunningWriter(listener, pipe.write_fd)
        client = client_to(writer.address)
        payload = b"x" * (PIPE_BYTES - 1) + b"\n"
        hand_in(client, Chunk("fits", "ct", payload, 1))
        run_until(client, lambda events: acked(events) == ["fits"])
        hand_in(client, Chunk("waits", "ct", payload, 1))
        run_until(client, lambda _: not client.wants_write)
        fd = client.fileno()
        assert fd is not None
        assert select.select([fd], [], [], 0.3) == ([], [], [])
        assert pipe.read(2 * PIPE_BYTES) == payload * 2
        run_until(client, lambda events: acked(events) == ["waits"])
        client.close()
        writer.stop()
        assert writer.error is None

    def test_leaves_the_mode_of_the_output_alone(
        self, listener: Listener, pipe: Pipe
    ) -> None:
        os.set_blocking(pipe.write_fd, False)
        writer = RunningWriter(listener, pipe.write_fd)
        client = client_to(writer.address)
        payload = LINE * 50_000
        hand_in(client, Chunk("c", "ct", payload, 50_000))
        run_until(client, lambda _: not client.wants_write and client.is_connected)
        assert pipe.read(len(payload)) == payload
        run_until(client, lambda events: acked(events) == ["c"])
        client.close()
        writer.stop()
        assert not os.get_blocking(pipe.write_fd)


class TestDyingWorkers:
    def test_half_a_frame_leaves_nothing(self, listener: Listener, pipe: Pipe) -> None:
        writer = RunningWriter(listener, pipe.write_fd)
        frame = packed_forward("ct", b"torn" * 100, count=1, chunk="t")
        dying = connector_to(writer.address).connect()
        dying.send(memoryview(bytes(frame))[:-1])
        dying.close()
        client = client_to(writer.address)
        deliver(client, [Chunk("c", "ct", LINE, 1)])
        client.close()
        writer.stop()
        os.set_blocking(pipe.read_fd, False)
        assert os.read(pipe.read_fd, PIPE_BYTES) == LINE

    def test_a_frame_that_is_none_costs_only_its_connection(
        self, listener: Listener, pipe: Pipe, caplog: pytest.LogCaptureFixture
    ) -> None:
        writer = RunningWriter(listener, pipe.write_fd)
        stranger = connector_to(writer.address).connect()
        stranger.send(memoryview(b"GET / HTTP/1.1\r\n\r\n"))
        client = client_to(writer.address)
        deliver(client, [Chunk("c", "ct", LINE, 1)])
        client.close()
        writer.stop()
        assert stranger.receive() == b""
        stranger.close()
        assert "not a Forward message" in caplog.text

    def test_three_at_once_one_killed_in_mid_write(
        self, listener: Listener, pipe: Pipe
    ) -> None:
        """The reader pauses, so that every client is stuck inside of a frame."""
        writer = RunningWriter(listener, pipe.write_fd)
        clients = {name: start_client(listener, name, 10) for name in ("a", "b", "c")}
        # It begins when the others have: else it may be done before they are there.
        clients["b"].send_signal(signal.SIGSTOP)
        data = b""
        for names in ("ac", "b"):
            while not all(f'"from":"{name}"'.encode() in data for name in names):
                data += pipe.read(PIPE_BYTES)
            clients["b"].send_signal(signal.SIGCONT)
        clients["b"].send_signal(signal.SIGKILL)
        clients["b"].wait()
        reader = threading.Thread(target=lambda: chunks.extend(iter(read_some, b"")))
        chunks: list[bytes] = []

        def read_some() -> bytes:
            return os.read(pipe.read_fd, PIPE_BYTES)

        reader.start()
        assert clients["a"].wait(60) == 0
        assert clients["c"].wait(60) == 0
        writer.stop()
        os.close(pipe.write_fd)
        reader.join()
        pipe.write_fd = os.open(os.devnull, os.O_WRONLY)

        data += b"".join(chunks)
        assert data.endswith(b"\n")
        came: dict[str, list[int]] = {name: [] for name in clients}
        for line in data.splitlines():
            record = json.loads(line)
            came[record["from"]].append(record["n"])
        everything = list(range(10 * RECORDS_PER_CHUNK))
        assert came["a"] == everything
        assert came["c"] == everything
        assert came["b"] == everything[: len(came["b"])]
        assert len(came["b"]) % RECORDS_PER_CHUNK == 0
        assert len(came["b"]) < len(everything)
        assert writer.error is None


class TestEnd:
    def test_stops_when_nothing_happens(self, listener: Listener, pipe: Pipe) -> None:
        writer = RunningWriter(listener, pipe.write_fd)
        writer.stop()
        assert writer.error is None

    def test_a_reader_that_goes_while_nothing_is_written(
        self, listener: Listener, pipe: Pipe
    ) -> None:
        writer = RunningWriter(listener, pipe.write_fd)
        pipe.close_reader()
        writer.join()
        assert isinstance(writer.error, OutputClosedError)
        assert "reader has gone" in str(writer.error)

    def test_a_reader_that_goes_in_the_middle_of_a_chunk(
        self, listener: Listener, pipe: Pipe
    ) -> None:
        writer = RunningWriter(listener, pipe.write_fd)
        client = client_to(writer.address)
        hand_in(client, Chunk("c", "ct", b"x" * 3 * PIPE_BYTES, 1))
        run_until(client, lambda _: client.is_connected)
        pipe.read(10)
        pipe.close_reader()
        writer.join()
        assert isinstance(writer.error, OutputClosedError)
        assert client.unacked_chunks == 1
        client.close()

    def test_a_stop_with_a_full_pipe_begins_no_frame(
        self, listener: Listener, pipe: Pipe
    ) -> None:
        writer = RunningWriter(listener, pipe.write_fd)
        client = client_to(writer.address)
        payload = b"x" * PIPE_BYTES
        deliver(client, [Chunk("fits", "ct", payload, 1)])
        hand_in(client, Chunk("waits", "ct", payload, 1))
        run_until(client, lambda _: not client.wants_write)
        writer.stop()
        assert writer.error is None
        assert client.unacked_chunks == 1
        os.set_blocking(pipe.read_fd, False)
        assert os.read(pipe.read_fd, 2 * PIPE_BYTES) == payload
        client.close()

    def test_a_stop_in_the_middle_of_a_frame_is_not_silent(
        self, listener: Listener, pipe: Pipe
    ) -> None:
        writer = RunningWriter(listener, pipe.write_fd)
        client = client_to(writer.address)
        hand_in(client, Chunk("c", "ct", b"x" * 2 * PIPE_BYTES, 1))
        run_until(client, lambda _: client.is_connected)
        pipe.read(10)
        writer.stop()
        assert isinstance(writer.error, OutputClosedError)
        assert "in the middle of a chunk" in str(writer.error)
        client.close()

    def test_a_full_disk(self, listener: Listener) -> None:
        with Path("/dev/full").open("wb", buffering=0) as full:
            writer = RunningWriter(listener, full.fileno())
            client = client_to(writer.address)
            hand_in(client, Chunk("c", "ct", LINE, 1))
            run_until(client, lambda _: client.is_connected)
            writer.join()
            client.close()
        assert isinstance(writer.error, OutputClosedError)
        assert "No space left" in str(writer.error)

    def test_no_output_at_all(self, listener: Listener) -> None:
        gone = os.dup(0)
        os.close(gone)
        with pytest.raises(OutputClosedError, match="there is no standard output"):
            serve(listener, gone, should_stop=lambda: True)
