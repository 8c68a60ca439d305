"""Real log shippers as processes: started, fed over their Forward input, read back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

import pytest

from tests.fakes.daemon import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Record = dict[str, Any]


class Shipper(Protocol):
    """A shipper under test; its context is the life of the process."""

    address: str
    receiver: str

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def records(self) -> list[Record]:
        """What it has written so far."""
        ...


def find_program(name: str, variable: str) -> str:
    """The shipper's program, named by a variable or found on the PATH.

    Skips the test where there is none.
    """
    found = os.environ.get(variable) or shutil.which(name)
    if not found:
        pytest.skip(f"no {name} on the PATH, and {variable} is not set")
    return found


@dataclass
class _Process:
    """What all shippers share: a child with a configuration and an output file."""

    command: list[str]
    socket_path: Path
    output_path: Path
    log_path: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - the program under test
                self.command, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(self.socket_path.is_socket)

    def stop(self) -> None:
        """End it as its users do, so that it writes out what it has."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def lines(self) -> Iterator[Any]:
        """The JSON lines of the output file; U+2028 is none of their ends."""
        if not self.output_path.exists():
            return
        for line in self.output_path.read_text("utf-8").split("\n"):
            if line:
                yield json.loads(line)


class FluentBit:
    """Fluent Bit: forward input with filesystem storage, plain file output."""

    receiver = "fluent-bit"

    def __init__(self, folder: Path) -> None:
        program = find_program("fluent-bit", "TRAILFEED_TEST_FLUENT_BIT")
        socket_path = folder / "fluent-bit.sock"
        config = folder / "fluent-bit.yaml"
        config.write_text(
            f"""
service:
  flush: 0.2
  grace: 3
  daemon: off
  log_level: info
  storage.path: {folder}/storage
pipeline:
  inputs:
    - name: forward
      unix_path: {socket_path}
      unix_perm: "0600"
      storage.type: filesystem
  outputs:
    - name: file
      match: "*"
      path: {folder}
      file: fluent-bit.out
      format: plain
"""
        )
        self.address = f"unix://{socket_path}"
        self._process = _Process(
            [program, "-c", str(config)],
            socket_path,
            folder / "fluent-bit.out",
            folder / "fluent-bit.log",
        )

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def records(self) -> list[Record]:
        return list(self._process.lines())


class OtelCollector:
    """The OpenTelemetry Collector: fluentforward receiver, file exporter."""

    receiver = "otel"

    def __init__(self, folder: Path) -> None:
        program = find_program("otelcol", "TRAILFEED_TEST_OTELCOL")
        socket_path = folder / "otelcol.sock"
        config = folder / "otelcol.yaml"
        config.write_text(
            f"""
receivers:
  fluent_forward:
    endpoint: unix://{socket_path}
exporters:
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
        self.address = f"unix://{socket_path}"
        self._process = _Process(
            [program, "--config", str(config)],
            socket_path,
            folder / "otelcol.out",
            folder / "otelcol.log",
        )

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def records(self) -> list[Record]:
        return [
            _attributes(record["attributes"])
            for line in self._process.lines()
            for resource in line["resourceLogs"]
            for scope in resource["scopeLogs"]
            for record in scope.get("logRecords", [])
        ]


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
