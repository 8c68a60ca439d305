"""The OpenTelemetry Collector: fluentforward receiver, file exporter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.system.shippers.shipper import (
    Record,
    Settings,
    Shipper,
    bridge_prints,
    find_program,
    free_port,
    listens,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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
