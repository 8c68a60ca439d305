"""Fluentd: in_forward, in_unix or in_exec; out_file with JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin_bridge import fluentd
from plugin_bridge.receiving_end import LOG_PATH
from tests.system.shippers.links import Link, on_stdout, on_tcp, on_unix, over_tls
from tests.system.shippers.shipper import (
    Shipper,
    bridge_prints,
    find_program,
    replaced,
)

if TYPE_CHECKING:
    from pathlib import Path


class Fluentd(Shipper):
    """in_forward on TCP."""

    receiver = "fluentd"

    def __init__(self, folder: Path) -> None:
        self._prepare(folder, on_tcp())

    def _prepare(self, folder: Path, link: Link) -> None:
        """Put the test's paths and output into what ``trailfeed bridge`` prints."""
        program = find_program("fluentd", "TRAILFEED_TEST_FLUENTD")
        output = {**link.output, "receiver": self.receiver}
        text = replaced(
            bridge_prints(folder, output),
            {
                # Without chunk keys, out_file writes one file and appends ".log".
                "  @type stdout\n  <buffer>\n": f"""  @type file
  path {folder}/fluentd.out
  append true
  <format>
    @type json
  </format>
  <buffer []>
    flush_mode interval
    flush_interval 0.2s
    flush_thread_interval 0.1
    flush_at_shutdown true
""",
                fluentd.BUFFER_PATH: f"{folder}/buffer",
                **link.files,
            },
        )
        config = folder / "fluentd.conf"
        config.write_text(text)
        super().__init__(
            [program, "-c", str(config)],
            output=output,
            is_ready=link.is_ready,
            output_path=folder / "fluentd.out.log",
            log_path=folder / "fluentd.log",
            environment=link.environment,
        )


class FluentdOverTls(Fluentd):
    """The same with all there is: TLS both ways, key, user, gzip."""

    def __init__(self, folder: Path) -> None:
        self._prepare(
            folder,
            over_tls(
                folder,
                "/etc/fluentd/tls",
                {
                    "shared_key": "a shared key",
                    "username": "alice o'hara #{1}",
                    "password": "pass word",
                    "self_hostname": "trailfeed",
                    "compression": "gzip",
                },
            ),
        )


class FluentdOnUnix(Fluentd):
    """in_unix, which acknowledges nothing."""

    def __init__(self, folder: Path) -> None:
        self._prepare(folder, on_unix(folder / "fluentd.sock", require_ack=False))


class FluentdExec(Fluentd):
    """The one that runs trailfeed, and reads msgpack maps."""

    def __init__(self, folder: Path) -> None:
        self._prepare(
            folder,
            on_stdout(
                {
                    LOG_PATH: f"{folder}/trailfeed.log",
                    "run_interval 30s": "run_interval 2s",
                }
            ),
        )
