"""The ways between trailfeed and a shipper, with what each wants on both sides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.fakes.certificates import Authority
from tests.system.shippers.shipper import free_port, listens, path_to_trailfeed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.system.shippers.shipper import Settings


@dataclass(frozen=True, slots=True)
class Link:
    """One way.

    Attributes:
        output: The ``[output]`` section, but for ``receiver``.
        is_ready: Whether the shipper takes connections.
        environment: What it finds there beside this process's own.
        files: Parts of what ``trailfeed bridge`` prints, and what stands for them.
    """

    output: Settings
    is_ready: Callable[[], bool]
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


def on_unix(path: Path, **output: object) -> Link:
    """A Unix socket, which the shipper makes."""
    return Link({"address": f"unix://{path}", **output}, path.is_socket)


def on_tcp(**output: object) -> Link:
    """TCP in the clear."""
    port = free_port()
    return Link({"address": f"tcp://127.0.0.1:{port}", **output}, lambda: listens(port))


def over_tls(folder: Path, etc: str, output: dict[str, str]) -> Link:
    """TLS with certificates on both sides.

    Args:
        folder: Takes the certificates.
        etc: Where ``trailfeed bridge`` thinks them, on the shipper's side.
        output: More of the section; secrets come from the shipper's environment.
    """
    port = free_port()
    authority = Authority(folder)
    server, client = authority.sign("server", "localhost"), authority.sign("client")
    secrets = output.keys() & {"shared_key", "password"}
    return Link(
        {
            "address": f"tls://localhost:{port}",
            "tls_ca_file": authority.ca_file,
            "tls_cert_file": client.cert_file,
            "tls_key_file": client.key_file,
            **output,
        },
        lambda: listens(port),
        {f"FORWARD_{name.upper()}": output[name] for name in secrets},
        {
            f"{etc}/server.crt": server.cert_file,
            f"{etc}/server.key": server.key_file,
            f"{etc}/clients-ca.pem": authority.ca_file,
        },
    )


def on_stdout(files: dict[str, str] | None = None) -> Link:
    """Standard output of the trailfeed that the shipper runs itself.

    Args:
        files: As :attr:`Link.files`.
    """
    output: Settings = {"address": "stdout:", "require_ack": False}
    return Link(output, lambda: True, path_to_trailfeed(), files or {})
