"""Fluentd's side: ``in_forward``, ``in_unix``, or ``in_exec`` for standard output.

Source: https://docs.fluentd.org, pages input/forward, input/unix, input/exec and
configuration/buffer-section; observed on Fluentd 1.16.11, and nothing is newer.
"""

from __future__ import annotations

from plugin_bridge.addresses import TcpAddress, UnixAddress
from plugin_bridge.receiving_end import (
    KEY_VARIABLE,
    PASSWORD_VARIABLE,
    ReceivingEnd,
    lines,
    listening_host,
    shell_command,
    socket_path,
)

NAME = "Fluentd"

BUFFER_PATH = "/var/lib/fluentd/buffer/trailfeed"


def configuration(end: ReceivingEnd) -> str:
    """Return the whole configuration file, with standard output for an output.

    Raises:
        AddressError: An abstract socket.
    """
    return lines(
        _head(end),
        "<source>",
        _source(end),
        "</source>",
        "",
        "# Yours: where the records go.",
        f"<match {end.tag}>",
        "  @type stdout",
        "  <buffer>",
        "    @type file",
        f"    path {BUFFER_PATH}",
        "    overflow_action block",
        "  </buffer>",
        "</match>",
    )


def _head(end: ReceivingEnd) -> tuple[str, ...]:
    if end.address is None:
        return (
            "# Fluentd runs trailfeed and reads msgpack from its standard output.",
            "# Nothing is acknowledged. run_interval is what starts it again; while it",
            '# runs, "still running. skipped" is logged as often, and means no harm.',
            "# Fluentd throws standard error away: make the directory of its log.",
        )
    if isinstance(end.address, UnixAddress):
        return ("# Fluentd takes what trailfeed sends; it acknowledges nothing here.",)
    return (
        "# Fluentd takes what trailfeed sends, and acknowledges it once it is in the",
        "# buffer of the output: on disk, below. A full buffer holds trailfeed up.",
    )


def _source(end: ReceivingEnd) -> tuple[str, ...]:
    match end.address:
        case TcpAddress() as address:
            return (
                "  @type forward",
                f"  bind {listening_host(address)}",
                f"  port {address.port}",
                *_tls(end),
                *_security(end),
            )
        case UnixAddress() as address:
            return ("  @type unix", f"  path {socket_path(address, NAME)}")
        case None:
            return (
                "  @type exec",
                f"  tag {end.tag}",
                f"  command {shell_command(end)}",
                "  run_interval 30s",
                "  <parse>",
                "    @type msgpack",
                "    time_key eventTime",
                "    time_type string",
                "    time_format %Y-%m-%dT%H:%M:%SZ",
                "    keep_time_key true",
                "  </parse>",
            )


def _tls(end: ReceivingEnd) -> tuple[str, ...]:
    if not end.is_tls:
        return ()
    client = (
        "    client_cert_auth true",
        "    ca_path /etc/fluentd/tls/clients-ca.pem",
    )
    return (
        "  <transport tls>",
        "    cert_path /etc/fluentd/tls/server.crt",
        "    private_key_path /etc/fluentd/tls/server.key",
        *(client if end.shows_certificate else ()),
        "  </transport>",
    )


def _security(end: ReceivingEnd) -> tuple[str, ...]:
    if not end.has_shared_key:
        return ()
    user: tuple[str, ...] = ()
    if end.username:
        user = (
            "    user_auth true",
            "    <user>",
            f"      username {_quoted(end.username)}",
            f"      password \"#{{ENV['{PASSWORD_VARIABLE}']}}\"",
            "    </user>",
        )
    return (
        "  <security>",
        "    self_hostname fluentd",
        f"    shared_key \"#{{ENV['{KEY_VARIABLE}']}}\"",
        *user,
        "  </security>",
    )


def _quoted(text: str) -> str:
    """Return text in single quotes, as double ones would run Ruby out of it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
