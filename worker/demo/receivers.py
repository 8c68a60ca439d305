"""The demo's receiving end: one built in, or a real Fluent Bit from the PATH."""

from __future__ import annotations

import json
import shutil
import socketserver
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from plugin_bridge.forward.errors import RemoteProtocolError
from plugin_bridge.forward.receiver import ForwardReceiver
from worker.demo.errors import DemoError
from worker.demo.processes import ended

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

Record = dict[str, Any]

READ_BYTES = 65_536
START_TIMEOUT_S = 10
POLL_S = 0.02

# sizeof(sockaddr_un.sun_path) on Linux, less its final NUL: unix(7).
MAX_SOCKET_PATH_BYTES = 107


@contextmanager
def builtin_receiver(socket_path: Path) -> Iterator[Callable[[], list[Record]]]:
    """Take and acknowledge every frame on a Unix socket while the block runs.

    Yields:
        A function that returns the records so far, in the order they came.

    Raises:
        DemoError: The path is too long for a Unix socket.
    """
    _check_socket_path(socket_path)
    with _Server(str(socket_path), _Connection) as server:
        thread = threading.Thread(target=server.serve_forever, args=(POLL_S,))
        thread.start()
        try:
            yield server.records
        finally:
            server.shutdown()
            thread.join()


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(
        self, path: str, handler: type[socketserver.BaseRequestHandler]
    ) -> None:
        super().__init__(path, handler)
        self._lock = threading.Lock()
        self._records: list[Record] = []

    def add(self, records: list[Record]) -> None:
        with self._lock:
            self._records += records

    def records(self) -> list[Record]:
        with self._lock:
            return list(self._records)


class _Connection(socketserver.BaseRequestHandler):
    """One worker's connection; what breaks the protocol ends it unacknowledged."""

    server: _Server
    request: socket.socket

    def handle(self) -> None:
        receiver = ForwardReceiver()
        while data := self._read():
            try:
                receiver.receive_data(data)
                while frame := receiver.next_frame():
                    self.server.add([dict(entry.record) for entry in frame.entries()])
                    if frame.chunk is not None:
                        self.request.sendall(receiver.ack(frame.chunk))
            except (RemoteProtocolError, OSError):
                return

    def _read(self) -> bytes:
        try:
            return self.request.recv(READ_BYTES)
        except ConnectionError:
            return b""


@contextmanager
def fluent_bit_receiver(
    socket_path: Path, folder: Path
) -> Iterator[Callable[[], list[Record]]]:
    """Run ``fluent-bit`` from a Unix socket into ``records.jsonl`` in the folder.

    Yields:
        A function that ends Fluent Bit, which makes it write out all that it has
        acknowledged, and returns the records.

    Raises:
        DemoError: No ``fluent-bit`` on the PATH, or it does not start.
    """
    _check_socket_path(socket_path)
    program = shutil.which("fluent-bit")
    if program is None:
        raise DemoError(
            "no fluent-bit on the PATH: install it, or use --through builtin"
        )
    output = folder / "records.jsonl"
    log = folder / "fluent-bit.log"
    config = folder / "fluent-bit.yaml"
    # JSON is YAML, with no quoting left to think about.
    config.write_text(
        json.dumps(_fluent_bit_config(socket_path, output), indent=2), encoding="utf-8"
    )
    with log.open("wb") as log_file:
        process = subprocess.Popen(  # noqa: S603 - the user's own program
            [program, "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            start_new_session=True,
        )
    with ended(process):
        _wait_for_socket(socket_path, process, log)

        def records() -> list[Record]:
            with ended(process):
                pass
            if not output.exists():
                return []
            with output.open(encoding="utf-8") as lines:
                return [json.loads(line) for line in lines]

        yield records


def _fluent_bit_config(socket_path: Path, output: Path) -> dict[str, Any]:
    """Source: Fluent Bit manual, inputs "Forward", outputs "File"."""
    return {
        "service": {"flush": 0.2, "grace": 2, "log_level": "warn"},
        "pipeline": {
            "inputs": [{"name": "forward", "unix_path": str(socket_path)}],
            "outputs": [
                {
                    "name": "file",
                    "match": "*",
                    "path": str(output.parent),
                    "file": output.name,
                    "format": "plain",
                }
            ],
        },
    }


def _wait_for_socket(path: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise DemoError(f"fluent-bit does not start: {' '.join(last) or 'no word'}")
        time.sleep(POLL_S)


def _check_socket_path(path: Path) -> None:
    if len(bytes(path)) > MAX_SOCKET_PATH_BYTES:
        raise DemoError(
            f"{path}: longer than the {MAX_SOCKET_PATH_BYTES} bytes of a Unix socket's "
            "path: set TMPDIR, or --keep, to a shorter folder"
        )
