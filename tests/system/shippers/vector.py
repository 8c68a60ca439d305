"""Vector: its fluent source on TCP, TLS and a Unix socket, or exec; file sink."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin_bridge import vector
from plugin_bridge.receiving_end import LOG_PATH
from tests.fakes.certificates import Authority
from tests.system.shippers.shipper import (
    Record,
    Settings,
    Shipper,
    bridge_prints,
    find_program,
    free_port,
    listens,
    path_to_trailfeed,
    replaced,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Vector(Shipper):
    """On TCP, acknowledged once the file sink has written."""

    receiver = "vector"
    added_fields = frozenset({"host", "source_type", "tag", "timestamp"})

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self._prepare(
            folder,
            {"address": f"tcp://127.0.0.1:{port}"},
            is_ready=lambda: listens(port),
        )

    def _prepare(
        self,
        folder: Path,
        output: Settings,
        *,
        is_ready: Callable[[], bool],
        environment: dict[str, str] | None = None,
        files: dict[str, str] | None = None,
    ) -> None:
        """Put the test's paths and sink into what ``trailfeed bridge`` prints."""
        program = find_program("vector", "TRAILFEED_TEST_VECTOR")
        data_dir = folder / "vector-data"
        data_dir.mkdir()
        output["receiver"] = self.receiver
        config = folder / "vector.yaml"
        config.write_text(
            replaced(
                bridge_prints(folder, output),
                {
                    vector.DATA_DIR: str(data_dir),
                    "type: console\n": f"type: file\n    path: {folder}/vector.out\n",
                    **(files or {}),
                },
            )
        )
        super().__init__(
            [program, "--config", str(config)],
            output=output,
            is_ready=is_ready,
            output_path=folder / "vector.out",
            log_path=folder / "vector.log",
            environment=environment,
        )

    def records(self) -> list[Record]:
        """Its events, without the fields that the source puts beside the record's."""
        return [
            {key: value for key, value in event.items() if key not in self.added_fields}
            for event in self._documents()
        ]


class VectorOverTls(Vector):
    """The same over TLS both ways, with gzip."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        authority = Authority(folder)
        server, client = authority.sign("server", "localhost"), authority.sign("client")
        self._prepare(
            folder,
            {
                "address": f"tls://localhost:{port}",
                "tls_ca_file": authority.ca_file,
                "tls_cert_file": client.cert_file,
                "tls_key_file": client.key_file,
                "compression": "gzip",
            },
            is_ready=lambda: listens(port),
            files={
                "/etc/vector/tls/server.crt": server.cert_file,
                "/etc/vector/tls/server.key": server.key_file,
                "/etc/vector/tls/clients-ca.pem": authority.ca_file,
            },
        )


class VectorOnUnix(Vector):
    """On a Unix socket, where it acknowledges nothing."""

    def __init__(self, folder: Path) -> None:
        path = folder / "vector.sock"
        self._prepare(
            folder,
            {"address": f"unix://{path}", "require_ack": False},
            is_ready=path.is_socket,
        )


class VectorExec(Vector):
    """The one that runs trailfeed, and reads a JSON array a line."""

    added_fields = Vector.added_fields | {"command", "pid", "stream"}

    def __init__(self, folder: Path) -> None:
        self._prepare(
            folder,
            {"address": "stdout:", "require_ack": False},
            is_ready=lambda: True,
            environment=path_to_trailfeed(),
            files={
                LOG_PATH: f"{folder}/trailfeed.log",
                "respawn_interval_secs: 5": "respawn_interval_secs: 1",
            },
        )
