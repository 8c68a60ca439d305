"""Vector: its fluent source on TCP, TLS and a Unix socket, or exec; file sink."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin_bridge import vector
from plugin_bridge.receiving_end import LOG_PATH
from tests.system.shippers.links import Link, on_stdout, on_tcp, on_unix, over_tls
from tests.system.shippers.shipper import (
    Record,
    Shipper,
    bridge_prints,
    find_program,
    replaced,
)

if TYPE_CHECKING:
    from pathlib import Path


class Vector(Shipper):
    """On TCP, acknowledged once the file sink has written."""

    receiver = "vector"
    added_fields = frozenset({"host", "source_type", "tag", "timestamp"})

    def __init__(self, folder: Path) -> None:
        self._prepare(folder, on_tcp())

    def _prepare(self, folder: Path, link: Link) -> None:
        """Put the test's paths and sink into what ``trailfeed bridge`` prints."""
        program = find_program("vector", "TRAILFEED_TEST_VECTOR")
        data_dir = folder / "vector-data"
        data_dir.mkdir()
        output = {**link.output, "receiver": self.receiver}
        config = folder / "vector.yaml"
        config.write_text(
            replaced(
                bridge_prints(folder, output),
                {
                    vector.DATA_DIR: str(data_dir),
                    "type: console\n": f"type: file\n    path: {folder}/vector.out\n",
                    **link.files,
                },
            )
        )
        super().__init__(
            [program, "--config", str(config)],
            output=output,
            is_ready=link.is_ready,
            output_path=folder / "vector.out",
            log_path=folder / "vector.log",
            environment=link.environment,
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
        link = over_tls(
            folder,
            "/etc/vector/tls",
            {
                "compression": "gzip",
            },
        )
        self._prepare(folder, link)


class VectorOnUnix(Vector):
    """On a Unix socket, where it acknowledges nothing."""

    def __init__(self, folder: Path) -> None:
        self._prepare(folder, on_unix(folder / "vector.sock", require_ack=False))


class VectorExec(Vector):
    """The one that runs trailfeed, and reads a JSON array a line."""

    added_fields = Vector.added_fields | {"command", "pid", "stream"}

    def __init__(self, folder: Path) -> None:
        self._prepare(
            folder,
            on_stdout(
                {
                    LOG_PATH: f"{folder}/trailfeed.log",
                    "respawn_interval_secs: 5": "respawn_interval_secs: 1",
                }
            ),
        )
