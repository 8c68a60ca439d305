"""Vector's side: source ``fluent``, or ``exec`` for standard output.

Source: https://vector.dev/docs, pages fluent source, exec source and end-to-end
acknowledgements; observed on Vector 0.56.
"""

from __future__ import annotations

import json

from plugin_bridge.addresses import TcpAddress, UnixAddress
from plugin_bridge.receiving_end import (
    ReceivingEnd,
    lines,
    listening_host,
    shell_command,
    socket_path,
    yaml_scalar,
)

NAME = "Vector"

DATA_DIR = "/var/lib/vector"


def configuration(end: ReceivingEnd) -> str:
    """Return the whole configuration file (YAML), with the console for a sink.

    Raises:
        AddressError: An abstract socket.
    """
    acknowledges = end.require_ack and isinstance(end.address, TcpAddress)
    return lines(
        _head(end, acknowledges=acknowledges),
        f"data_dir: {DATA_DIR}",
        "sources:",
        "  trailfeed:",
        _source(end),
        "# Yours: where the records go.",
        "sinks:",
        "  events:",
        "    type: console",
        "    inputs: [trailfeed]",
        "    encoding:",
        "      codec: json",
        ("    acknowledgements:", "      enabled: true") if acknowledges else None,
    )


def _head(end: ReceivingEnd, *, acknowledges: bool) -> tuple[str, ...]:
    tag = f"# Records carry the field tag: {end.tag}."
    if acknowledges:
        return (
            "# Vector takes what trailfeed sends, and acknowledges it once every sink",
            "# with acknowledgements has it, or has it in its disk buffer.",
            tag,
        )
    if end.address is not None:
        return (
            "# Vector takes what trailfeed sends, and acknowledges nothing here.",
            "# A socket left behind by a Vector that died must be removed first.",
            tag,
        )
    return (
        "# Vector runs trailfeed, starts it again when it ends, and reads its standard",
        "# output, where a line is an array of records. Nothing is acknowledged.",
        "# Vector throws standard error away: make the directory of its log.",
    )


def _source(end: ReceivingEnd) -> tuple[str, ...]:
    match end.address:
        case TcpAddress() as address:
            host = listening_host(address)
            host = f"[{host}]" if ":" in host else host
            return (
                "    type: fluent",
                f'    address: "{host}:{address.port}"',
                *_tls(end),
            )
        case UnixAddress() as address:
            return (
                "    type: fluent",
                "    mode: unix",
                f"    path: {yaml_scalar(socket_path(address, NAME))}",
                "    socket_file_mode: 0o660",
            )
        case None:
            return (
                "    type: exec",
                "    mode: streaming",
                f"    command: {json.dumps(['sh', '-c', shell_command(end)])}",
                "    include_stderr: false  # what is in it would become records",
                "    streaming:",
                "      respawn_on_exit: true",
                "      respawn_interval_secs: 5",
                "    framing:",
                "      method: newline_delimited",
                "    decoding:",
                "      codec: json",
            )


def _tls(end: ReceivingEnd) -> tuple[str, ...]:
    if not end.is_tls:
        return ()
    found = (
        "    tls:",
        "      enabled: true",
        "      crt_file: /etc/vector/tls/server.crt",
        "      key_file: /etc/vector/tls/server.key",
    )
    if not end.shows_certificate:
        return found
    return (
        *found,
        "      ca_file: /etc/vector/tls/clients-ca.pem",
        "      verify_certificate: true",
    )
