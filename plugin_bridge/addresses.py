"""Where a receiver listens, as text and as values. Touches no socket."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import SplitResult, urlsplit

from plugin_bridge.errors import AddressError

MAX_UNIX_PATH_BYTES = 107
"""Source: unix(7): ``sun_path`` has 108 bytes, a NUL among them."""

_EXPECTED = "unix:///path, unix://@name, tcp://host:port or tls://host:port"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A Unix stream socket: an absolute path, or an abstract name after ``@``."""

    path: str

    def __post_init__(self) -> None:
        size_bytes = len(self.path.encode())
        if size_bytes > MAX_UNIX_PATH_BYTES:
            raise AddressError(
                f"socket path of {size_bytes} bytes, and the system's limit is "
                f"{MAX_UNIX_PATH_BYTES}: {self.path}"
            )

    @property
    def is_abstract(self) -> bool:
        """Whether it is a name of Linux's abstract namespace, and no file."""
        return self.path.startswith("@")

    def __str__(self) -> str:
        return f"unix://{self.path}"


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A TCP port; ``is_tls`` says that TLS is spoken on it."""

    host: str
    port: int
    is_tls: bool = False

    def __str__(self) -> str:
        scheme = "tls" if self.is_tls else "tcp"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"


Address = UnixAddress | TcpAddress


def parse_address(text: str) -> Address:
    """Read ``unix:///path``, ``unix://@name``, ``tcp://host:port``, ``tls://…``.

    An IPv6 host stands in brackets.

    Raises:
        AddressError: Another scheme, no host or port, a relative or too long path.
    """
    scheme, separator, rest = text.partition("://")
    if scheme == "unix" and separator:
        return _parse_unix(rest, text)
    if scheme in {"tcp", "tls"} and separator:
        return _parse_tcp(text)
    raise AddressError(f"{text!r} is no address: expected {_EXPECTED}")


def _parse_unix(path: str, text: str) -> UnixAddress:
    if "\0" in path:
        raise AddressError(f"{text!r} holds a NUL, which no socket path can")
    if path.startswith("@") and len(path) > 1:
        return UnixAddress(path)
    if not PurePosixPath(path).is_absolute() or path.endswith("/"):
        raise AddressError(
            f"{text!r} names no socket: write unix:///run/name.sock, with three "
            "slashes, or unix://@name for an abstract one"
        )
    return UnixAddress(path)


def _parse_tcp(text: str) -> TcpAddress:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise AddressError(f"{text!r} is no address: {exc}") from None
    if not host or not port or _has_more(parts):
        raise AddressError(
            f"{text!r} is no address: expected {parts.scheme}://host:port"
        )
    return TcpAddress(host, port, is_tls=parts.scheme == "tls")


def _has_more(parts: SplitResult) -> bool:
    return bool(
        parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    )
