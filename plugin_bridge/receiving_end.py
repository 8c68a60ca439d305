"""What the sender's configuration asks of the receiving end's."""

from __future__ import annotations

import ipaddress
import json
import re
import shlex
from dataclasses import dataclass
from typing import Literal

from plugin_bridge.addresses import Address, TcpAddress, UnixAddress
from plugin_bridge.errors import AddressError

Format = Literal["classic", "yaml"]

KEY_VARIABLE = "FORWARD_SHARED_KEY"
"""Environment variable that stands for the shared key in what is generated."""

PASSWORD_VARIABLE = "FORWARD_PASSWORD"  # noqa: S105 - a variable's name
"""Environment variable that stands for the user's password."""

LOG_PATH = "/var/log/trailfeed/trailfeed.log"
"""Where the sender's log goes when those who run it would throw it away."""

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
_YAML_WORDS = frozenset({"on", "off", "yes", "no", "true", "false", "null", "y", "n"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivingEnd:
    """One ``[output]`` section, seen from the other side.

    Args:
        address: Where the sender connects to; ``None``: its standard output is read.
        tag: Of every record.
        require_ack: Whether it waits for acknowledgements.
        has_shared_key: Whether it answers a handshake.
        username: The user that it gives there; empty: none.
        shows_certificate: Whether it has a certificate of its own.
        command: What runs the sender, as words.
    """

    address: Address | None
    tag: str
    require_ack: bool = True
    has_shared_key: bool = False
    username: str = ""
    shows_certificate: bool = False
    command: tuple[str, ...] = ()

    @property
    def is_tls(self) -> bool:
        """Whether TLS is spoken."""
        return isinstance(self.address, TcpAddress) and self.address.is_tls


def listening_host(address: TcpAddress) -> str:
    """Return where to listen for those who connect to ``address``.

    The loop-back device where they do; else on every interface, as the name may be of
    a balancer, or the address be translated on the way.
    """
    if address.host == "localhost":
        return "127.0.0.1"
    try:
        numeric = ipaddress.ip_address(address.host)
    except ValueError:
        return "0.0.0.0"  # noqa: S104 - the sender is on another host
    if numeric.is_loopback:
        return address.host
    return "0.0.0.0" if numeric.version == 4 else "::"  # noqa: S104, PLR2004


def socket_path(address: UnixAddress, name: str) -> str:
    """Return the path to listen on.

    Raises:
        AddressError: It is an abstract socket, which the receiver cannot make.
    """
    if address.is_abstract:
        raise AddressError(f"{name} listens on no abstract socket; use unix:///path")
    return address.path


def shell_command(end: ReceivingEnd) -> str:
    """Return what runs the sender in a shell's place, its log kept."""
    return f"exec {shlex.join(end.command)} 2>> {LOG_PATH}"


def yaml_scalar(text: str) -> str:
    """Return text as a scalar of YAML, in quotes where it would be something else."""
    if _PLAIN.fullmatch(text) and text.lower() not in _YAML_WORDS:
        return text
    return json.dumps(text)


def lines(*groups: str | tuple[str, ...] | None) -> str:
    """Return lines as text, leaving out what is ``None``."""
    found: list[str] = []
    for group in groups:
        if isinstance(group, str):
            found.append(group)
        elif group is not None:
            found += group
    return "\n".join(found) + "\n"
