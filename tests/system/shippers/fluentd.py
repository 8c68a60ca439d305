"""Fluentd: in_forward, in_unix or in_exec; out_file with JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin_bridge import fluentd
from plugin_bridge.receiving_end import LOG_PATH
from tests.fakes.certificates import Authority
from tests.system.shippers.shipper import (
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


class Fluentd(Shipper):
    """in_forward on TCP."""

    receiver = "fluentd"

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
        """Put the test's paths and output into what ``trailfeed bridge`` prints."""
        program = find_program("fluentd", "TRAILFEED_TEST_FLUENTD")
        output["receiver"] = self.receiver
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
                **(files or {}),
            },
        )
        config = folder / "fluentd.conf"
        config.write_text(text)
        super().__init__(
            [program, "-c", str(config)],
            output=output,
            is_ready=is_ready,
            output_path=folder / "fluentd.out.log",
            log_path=folder / "fluentd.log",
            environment=environment,
        )


class FluentdOverTls(Fluentd):
    """The same with all there is: TLS both ways, key, user, gzip."""

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
                "shared_key": "a shared key",
                "username": "alice o'hara #{1}",
                "password": "pass word",
                "self_hostname": "trailfeed",
                "compression": "gzip",
            },
            is_ready=lambda: listens(port),
            environment={
                "FORWARD_SHARED_KEY": "a shared key",
                "FORWARD_PASSWORD": "pass word",
            },
            files={
                "/etc/fluentd/tls/server.crt": server.cert_file,
                "/etc/fluentd/tls/server.key": server.key_file,
                "/etc/fluentd/tls/clients-ca.pem": authority.ca_file,
            },
        )


class FluentdOnUnix(Fluentd):
    """in_unix, which acknowledges nothing."""

    def __init__(self, folder: Path) -> None:
        path = folder / "fluentd.sock"
        self._prepare(
            folder,
            {"address": f"unix://{path}", "require_ack": False},
            is_ready=path.is_socket,
        )


class FluentdExec(Fluentd):
    """The one that runs trailfeed, and reads msgpack maps."""

    def __init__(self, folder: Path) -> None:
        self._prepare(
            folder,
            {"address": "stdout:", "require_ack": False},
            is_ready=lambda: True,
            environment=path_to_trailfeed(),
            files={
                LOG_PATH: f"{folder}/trailfeed.log",
                "run_interval 30s": "run_interval 2s",
            },
        )
