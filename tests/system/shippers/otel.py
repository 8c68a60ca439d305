"""The OpenTelemetry Collector: fluentforward receiver, file exporter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.system.shippers.links import Link, on_tcp, on_unix
from tests.system.shippers.shipper import Record, Shipper, bridge_prints, find_program

if TYPE_CHECKING:
    from pathlib import Path


class OtelCollector(Shipper):
    """The OpenTelemetry Collector: fluentforward receiver, file exporter."""

    receiver = "otel"

    def __init__(self, folder: Path) -> None:
        self._prepare(folder, on_unix(folder / "otelcol.sock"))

    def _prepare(self, folder: Path, link: Link) -> None:
        program = find_program("otelcol", "TRAILFEED_TEST_OTELCOL")
        output = {**link.output, "receiver": self.receiver}
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
            is_ready=link.is_ready,
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
        self._prepare(folder, on_tcp(compression="gzip"))


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
