"""Real log shippers as processes: started, fed over their Forward input, read back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pytest

from plugin_bridge import fluent_bit, vector
from tests.fakes.certificates import Authority
from tests.fakes.daemon import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Record = dict[str, Any]
Settings = dict[str, object]

ROOT = Path(__file__).parents[2]

STOP_TIMEOUT_S = 30


class Shipper:
    """A shipper under test; its context is the life of the process.

    Args:
        command: Starts it in the foreground.
        output: The ``[output]`` section of what is sent to it.
        is_ready: Whether it takes connections.
        output_path: Its file, with one JSON document a line.
        log_path: Takes what it says itself.
        environment: What it finds there beside this process's own.
    """

    receiver: ClassVar[str]
    """What ``output.receiver`` calls it."""

    def __init__(
        self,
        command: list[str],
        *,
        output: Settings,
        is_ready: Callable[[], bool],
        output_path: Path,
        log_path: Path,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.output = output
        self._environment = environment or {}
        self._command = command
        self._is_ready = is_ready
        self._output_path = output_path
        self._log_path = log_path
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it takes Forward, as ``output.address`` names it."""
        return str(self.output["address"])

    def __enter__(self) -> Self:
        with self._log_path.open("ab") as log:
            self._process = process = subprocess.Popen(  # noqa: S603 - under test
                self._command,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **self._environment},
            )
        try:
            wait_until(lambda: self._is_ready() or process.poll() is not None)
            assert process.poll() is None, self._log_path.read_text()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it as its users do, so that it writes out what it has."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        self.signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to all of its children."""
        assert self._process is not None, "it was not started"
        os.killpg(self._process.pid, number)

    def records(self) -> list[Record]:
        """What it has written so far."""
        return list(self._documents())

    def _documents(self) -> Iterator[Any]:
        """The whole lines of the output file; U+2028 is none of their ends."""
        if self._output_path.exists():
            *lines, _ = self._output_path.read_text("utf-8").split("\n")
            yield from map(json.loads, lines)


class FluentBit(Shipper):
    """Fluent Bit: forward input with filesystem storage, plain file output."""

    receiver = "fluent-bit"

    def __init__(self, folder: Path) -> None:
        socket_path = folder / "fluent-bit.sock"
        self._prepare(
            folder,
            {"address": f"unix://{socket_path}"},
            style="yaml",
            is_ready=socket_path.is_socket,
        )

    def _prepare(
        self,
        folder: Path,
        output: Settings,
        *,
        style: str,
        is_ready: Callable[[], bool],
        environment: dict[str, str] | None = None,
        files: dict[str, str] | None = None,
    ) -> None:
        """Put test's paths and output into what ``trailfeed bridge`` prints."""
        program = find_program("fluent-bit", "TRAILFEED_TEST_FLUENT_BIT")
        output["receiver"] = self.receiver
        text = bridge_prints(folder, output, "--format", style)
        text = replaced(
            text, {fluent_bit.STORAGE_PATH: f"{folder}/storage", **(files or {})}
        )
        ours = {
            "name": "file",
            "match": "aws.cloudtrail",
            "path": str(folder),
            "file": "fluent-bit.out",
            "format": "plain",
        }
        if style == "yaml":
            text = replaced(
                text, {"service:\n": "service:\n  flush: 0.2\n  grace: 3\n"}
            )
            head, _, _ = text.partition("  outputs:\n")
            first, *rest = (f"{key}: {json.dumps(ours[key])}" for key in ours)
            text = "\n".join(
                (
                    f"{head}  outputs:",
                    f"    - {first}",
                    *(f"      {r}" for r in rest),
                    "",
                )
            )
        else:
            text = replaced(
                text, {"[SERVICE]\n": "[SERVICE]\n    Flush 0.2\n    Grace 3\n"}
            )
            head, _, _ = text.partition("[OUTPUT]\n")
            text = head + "[OUTPUT]\n" + "".join(f"    {k} {ours[k]}\n" for k in ours)
        config = folder / f"fluent-bit.{'yaml' if style == 'yaml' else 'conf'}"
        config.write_text(text)
        super().__init__(
            [program, "-c", str(config)],
            output=output,
            is_ready=is_ready,
            output_path=folder / "fluent-bit.out",
            log_path=folder / "fluent-bit.log",
            environment=environment,
        )


class FluentBitOverTls(FluentBit):
    """The same on TCP with all there is: TLS both ways, key, user, zstd; classic."""

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
                "username": "alice",
                "password": "pass-word",
                "self_hostname": "trailfeed",
                "compression": "zstd",
            },
            style="classic",
            is_ready=lambda: listens(port),
            environment={
                "FORWARD_SHARED_KEY": "a shared key",
                "FORWARD_PASSWORD": "pass-word",
            },
            files={
                "/etc/fluent-bit/tls/server.crt": server.cert_file,
                "/etc/fluent-bit/tls/server.key": server.key_file,
                "/etc/fluent-bit/tls/clients-ca.pem": authority.ca_file,
            },
        )


class Vector(Shipper):
    """Vector: fluent source on TCP, acknowledged once the file sink has written.

    Written from the documentation and source of Vector 0.57, and not run against it
    yet: https://vector.dev/docs, pages fluent source, file sink and end-to-end
    acknowledgements.
    """

    receiver = "vector"
    added_fields = frozenset({"host", "source_type", "tag", "timestamp"})

    def __init__(self, folder: Path) -> None:
        program = find_program("vector", "TRAILFEED_TEST_VECTOR")
        port = free_port()
        data_dir = folder / "vector-data"
        data_dir.mkdir()
        output: Settings = {
            "address": f"tcp://127.0.0.1:{port}",
            "receiver": self.receiver,
        }
        config = folder / "vector.yaml"
        config.write_text(
            replaced(
                bridge_prints(folder, output),
                {
                    vector.DATA_DIR: str(data_dir),
                    "type: console\n": f"type: file\n    path: {folder}/vector.out\n",
                },
            )
        )
        super().__init__(
            [program, "--config", str(config)],
            output=output,
            is_ready=lambda: listens(port),
            output_path=folder / "vector.out",
            log_path=folder / "vector.log",
        )

    def records(self) -> list[Record]:
        """Its events, without the fields that the source puts beside the record's."""
        return [
            {key: value for key, value in event.items() if key not in self.added_fields}
            for event in self._documents()
        ]


class Fluentd(Shipper):
    """Fluentd: in_forward on TCP, out_file with JSON lines.

    Written from the documentation of Fluentd 1.19 and not run against it yet; nothing
    in it is newer than 1.16: https://docs.fluentd.org, pages input/forward,
    output/file and configuration/buffer-section.
    """

    receiver = "fluentd"

    def __init__(self, folder: Path) -> None:
        program = find_program("fluentd", "TRAILFEED_TEST_FLUENTD")
        port = free_port()
        output: Settings = {
            "address": f"tcp://127.0.0.1:{port}",
            "receiver": self.receiver,
        }
        text, _, _ = bridge_prints(folder, output).partition("<match ")
        config = folder / "fluentd.conf"
        # Without chunk keys, out_file writes one file and appends ".log" to its path.
        config.write_text(
            f"""{text}<match aws.cloudtrail>
  @type file
  path {folder}/fluentd.out
  append true
  <format>
    @type json
  </format>
  <buffer []>
    @type memory
    flush_mode immediate
    flush_thread_count 1
    flush_thread_interval 0.1
    flush_at_shutdown true
  </buffer>
</match>
"""
        )
        super().__init__(
            [program, "-c", str(config)],
            output=output,
            is_ready=lambda: listens(port),
            output_path=folder / "fluentd.out.log",
            log_path=folder / "fluentd.log",
        )


class OtelCollector(Shipper):
    """The OpenTelemetry Collector: fluentforward receiver, file exporter."""

    receiver = "otel"

    def __init__(self, folder: Path) -> None:
        socket_path = folder / "otelcol.sock"
        self._prepare(
            folder, {"address": f"unix://{socket_path}"}, is_ready=socket_path.is_socket
        )

    def _prepare(
        self, folder: Path, output: Settings, *, is_ready: Callable[[], bool]
    ) -> None:
        program = find_program("otelcol", "TRAILFEED_TEST_OTELCOL")
        output["receiver"] = self.receiver
        text, _, _ = bridge_prints(folder, output).partition("exporters:\n")
        config = folder / "otelcol.yaml"
        config.write_text(
            f"""{text}exporters:
  file:
    path: {folder}/otelcol.out
    append: true
    flush_interval: 100ms
service:
  telemetry:
    metrics:
      level: none
  pipelines:
    logs:
      receivers: [fluent_forward]
      exporters: [file]
"""
        )
        super().__init__(
            [program, "--config", str(config)],
            output=output,
            is_ready=is_ready,
            output_path=folder / "otelcol.out",
            log_path=folder / "otelcol.log",
        )

    def records(self) -> list[Record]:
        return [
            _attributes(record["attributes"])
            for line in self._documents()
            for resource in line["resourceLogs"]
            for scope in resource["scopeLogs"]
            for record in scope.get("logRecords", [])
        ]


class OtelCollectorOverTcp(OtelCollector):
    """The same on TCP, with gzip."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self._prepare(
            folder,
            {"address": f"tcp://127.0.0.1:{port}", "compression": "gzip"},
            is_ready=lambda: listens(port),
        )


def bridge_prints(folder: Path, output: Settings, *options: str) -> str:
    """What ``trailfeed bridge`` prints for an ``[output]`` section."""
    config = folder / "for-bridge.json.toml"
    section = "".join(f"{key} = {json.dumps(output[key])}\n" for key in output)
    config.write_text(
        "[source]\n"
        'queue_url = "https://sqs.us-east-1.amazonaws.com/123456789012/q"\n'
        f"[output]\n{section}"
    )
    receiver = str(output["receiver"])
    done = subprocess.run(  # noqa: S603 - under test
        [
            sys.executable,
            *("-m", "worker", "bridge", receiver, "--config", str(config), *options),
        ],
        cwd=ROOT,
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    return done.stdout


def replaced(text: str, parts: dict[str, str]) -> str:
    """Replace parts that stand there exactly once."""
    for old, new in parts.items():
        assert text.count(old) == 1, (old, text)
        text = text.replace(old, new)
    return text


def find_program(name: str, variable: str) -> str:
    """The shipper's program, named by a variable or found on the PATH.

    Skips the test where there is none.
    """
    found = os.environ.get(variable) or shutil.which(name)
    if not found:
        pytest.skip(f"no {name} on the PATH, and {variable} is not set")
    return found


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def listens(port: int) -> bool:
    """Whether a connection to a port of 127.0.0.1 is accepted."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _attributes(pairs: list[Record]) -> Record:
    """OTLP's attribute list as a record again, without the tag that it adds."""
    return {
        pair["key"]: _value(pair["value"])
        for pair in pairs
        if pair["key"] != "fluent.tag"
    }


def _value(value: Record) -> Any:
    """One OTLP JSON value (opentelemetry-proto, common.proto, AnyValue)."""
    if not value:
        return None
    ((kind, inner),) = value.items()
    match kind:
        case "intValue":
            return int(inner)
        case "doubleValue":
            return float(inner)
        case "kvlistValue":
            return _attributes(inner.get("values", []))
        case "arrayValue":
            return [_value(item) for item in inner.get("values", [])]
        case _:
            return inner
