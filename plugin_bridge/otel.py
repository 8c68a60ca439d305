"""The OpenTelemetry Collector's side: receiver ``fluent_forward``.

Source: opentelemetry-collector-contrib, receiver/fluentforwardreceiver; observed on
0.164.
"""

from __future__ import annotations

from plugin_bridge.addresses import TcpAddress
from plugin_bridge.errors import AddressError
from plugin_bridge.receiving_end import ReceivingEnd, lines, listening_host, yaml_scalar

NAME = "the OpenTelemetry Collector"


def configuration(end: ReceivingEnd) -> str:
    """Return the whole configuration file (YAML), with the debug exporter.

    Raises:
        AddressError: Standard output, which it does not read.
    """
    match end.address:
        case None:
            raise AddressError(f"{NAME} does not read another program's output")
        case TcpAddress() as address:
            host = listening_host(address)
            host = f"[{host}]" if ":" in host else host
            endpoint = f"{host}:{address.port}"
        case address:
            endpoint = str(address)  # Go knows abstract sockets by their "@" too
    return lines(
        "# The collector takes what trailfeed sends, and acknowledges it once the",
        "# pipeline took it. A socket left behind by one that died must be removed.",
        f"# The tag, {end.tag}, is the attribute fluent.tag.",
        "receivers:",
        "  fluent_forward:  # fluentforward in older versions",
        f"    endpoint: {yaml_scalar(endpoint)}",
        "# Yours: where the records go.",
        "exporters:",
        "  debug:",
        "    verbosity: detailed",
        "service:",
        "  pipelines:",
        "    logs:",
        "      receivers: [fluent_forward]",
        "      exporters: [debug]",
    )
