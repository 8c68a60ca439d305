"""Connections to AWS's endpoints that no library of AWS's makes."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies

from worker.source.sessions import CONNECT_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service is reached.

    Attributes:
        netloc: As in the header ``Host``.
        tls: None: in the clear.
        is_direct: False: a proxy or a path is in between, which is for boto3.
    """

    netloc: str
    host: str
    port: int
    tls: ssl.SSLContext | None
    is_direct: bool

    @classmethod
    def of(cls, url: str, *, ca_bundle: bytes | None) -> Self:
        """The endpoint at an address.

        Args:
            url: As boto3's clients have it.
            ca_bundle: Certificates in PEM, in the place of botocore's; None: these.
        """
        parts = urlsplit(url)
        is_tls = parts.scheme == "https"
        return cls(
            netloc=parts.netloc,
            host=parts.hostname or "",
            port=parts.port or (443 if is_tls else 80),
            tls=_tls_context(ca_bundle) if is_tls else None,
            is_direct=not (get_environ_proxies(url) or parts.path.strip("/")),
        )

    def connect(self) -> socket.socket:
        """Connect; blocks.

        Raises:
            OSError: That failed, or the certificate is refused.
        """
        address = (self.host, self.port)
        connection = socket.create_connection(address, timeout=CONNECT_TIMEOUT_S)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is None:
                return connection
            return self.tls.wrap_socket(connection, server_hostname=self.host)
        except BaseException:
            connection.close()
            raise


def _tls_context(ca_bundle: bytes | None) -> ssl.SSLContext:
    if ca_bundle is None:
        return ssl.create_default_context(cafile=get_cert_path(True))
    return ssl.create_default_context(cadata=ca_bundle.decode("ascii", "replace"))
