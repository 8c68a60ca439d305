"""Fluent Bit's side: input ``forward``, or ``exec`` for standard output.

Source: Fluent Bit manual, "Forward", "Exec", "Buffering and storage"; observed on 5.1.
"""

from __future__ import annotations

import shlex

from plugin_bridge.addresses import TcpAddress, UnixAddress
from plugin_bridge.receiving_end import (
    KEY_VARIABLE,
    PASSWORD_VARIABLE,
    Format,
    ReceivingEnd,
    lines,
    listening_host,
    socket_path,
    yaml_scalar,
)

NAME = "Fluent Bit"

STORAGE_PATH = "/var/lib/fluent-bit/storage"

_CERTIFICATE = "/etc/fluent-bit/tls/server.crt"
_KEY = "/etc/fluent-bit/tls/server.key"
_CLIENT_CA = "/etc/fluent-bit/tls/clients-ca.pem"

Property = tuple[str, str]


def configuration(end: ReceivingEnd, style: Format = "yaml") -> str:
    """Return the whole configuration file, with standard output for an output.

    Raises:
        AddressError: An abstract socket.
    """
    inputs = _exec(end) if end.address is None else _forward(end)
    output = [
        ("name", "stdout"),
        ("match", end.tag),
        ("format", "json_lines"),
        # By default it tries once more, and then drops what it has acknowledged.
        ("retry_limit", "no_limits"),
    ]
    service = [("storage.path", STORAGE_PATH), ("storage.sync", "full")]
    if style == "classic":
        return _classic(end, service, inputs, output)
    return _yaml(end, service, inputs, output)


def _forward(end: ReceivingEnd) -> list[Property]:
    found: list[Property] = [("name", "forward")]
    match end.address:
        case UnixAddress() as address:
            found += [
                ("unix_path", socket_path(address, NAME)),
                ("unix_perm", "0660"),
            ]
        case TcpAddress() as address:
            found += [
                ("listen", listening_host(address)),
                ("port", str(address.port)),
            ]
        case None:
            pass
    # An acknowledgement means "in the buffer": this puts the buffer on disk.
    found.append(("storage.type", "filesystem"))
    if end.has_shared_key:
        found += [
            ("shared_key", f"${{{KEY_VARIABLE}}}"),
            ("self_hostname", "fluent-bit"),
        ]
    if end.username:
        found.append(("security.users", f"{end.username} ${{{PASSWORD_VARIABLE}}}"))
    if end.is_tls:
        found += [
            ("tls", "on"),
            ("tls.crt_file", _CERTIFICATE),
            ("tls.key_file", _KEY),
        ]
        if end.shows_certificate:
            found += [
                ("tls.verify", "on"),
                ("tls.verify_client_cert", "on"),
                ("tls.ca_file", _CLIENT_CA),
            ]
        else:
            found.append(("tls.verify", "off"))  # asks senders for no certificate
    return found


def _exec(end: ReceivingEnd) -> list[Property]:
    return [
        ("name", "exec"),
        ("tag", end.tag),
        ("command", shlex.join(end.command)),
        ("threaded", "on"),  # else nothing else runs until the command ends
        ("oneshot", "true"),
        ("exit_after_oneshot", "true"),  # for whoever starts both again
        ("parser", "trailfeed"),
        ("buf_size", "8M"),  # a longer line is cut, and lost
        ("storage.type", "filesystem"),
    ]


_PARSER: list[Property] = [
    ("name", "trailfeed"),
    ("format", "json"),
    ("time_key", "eventTime"),
    ("time_format", "%Y-%m-%dT%H:%M:%SZ"),
    ("time_keep", "on"),
]


def _head(end: ReceivingEnd) -> tuple[str, ...]:
    if end.address is None:
        return (
            "# Fluent Bit reads trailfeed's standard output. Nothing is acknowledged:",
            "# records are lost when Fluent Bit is full or dies. Prefer a socket.",
        )
    return (
        "# Fluent Bit takes what trailfeed sends, and acknowledges it once it is in",
        "# storage.path: make that directory, on a disk that lasts.",
    )


def _classic(
    end: ReceivingEnd,
    service: list[Property],
    inputs: list[Property],
    output: list[Property],
) -> str:
    if end.address is None:
        service = [*service, ("parsers_file", "/etc/fluent-bit/trailfeed-parser.conf")]
    parser = None
    if end.address is None:
        shown = _section("PARSER", _PARSER)
        parser = (
            "",
            "# /etc/fluent-bit/trailfeed-parser.conf holds:",
            *(f"# {line}" for line in shown),
        )
    return lines(
        _head(end),
        _section("SERVICE", service),
        "",
        _section("INPUT", inputs),
        "",
        "# Yours: where the records go.",
        _section("OUTPUT", output),
        parser,
    )


def _section(name: str, properties: list[Property]) -> tuple[str, ...]:
    width = max(len(key) for key, _ in properties) + 2
    return (
        f"[{name}]",
        *(f"    {key.title():<{width}}{value}" for key, value in properties),
    )


def _yaml(
    end: ReceivingEnd,
    service: list[Property],
    inputs: list[Property],
    output: list[Property],
) -> str:
    parsers = None
    if end.address is None:
        parsers = ("parsers:", *_item(_PARSER, "  "))
    return lines(
        _head(end),
        "service:",
        tuple(f"  {key}: {yaml_scalar(value)}" for key, value in service),
        parsers,
        "pipeline:",
        "  inputs:",
        _item(inputs, "    "),
        "  # Yours: where the records go.",
        "  outputs:",
        _item(output, "    "),
    )


def _item(properties: list[Property], indent: str) -> tuple[str, ...]:
    (first, value), *rest = properties
    return (
        f"{indent}- {first}: {_value(first, value)}",
        *(f"{indent}  {key}: {_value(key, value)}" for key, value in rest),
    )


def _value(key: str, value: str) -> str:
    switches = {"port", "tls", "threaded", "oneshot", "exit_after_oneshot", "time_keep"}
    if key in switches or key.startswith("tls.verify"):
        return value
    return yaml_scalar(value)
