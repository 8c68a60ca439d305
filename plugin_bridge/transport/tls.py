"""TLS on top of TCP, without blocking: the server is verified, always."""

from __future__ import annotations

import contextlib
import errno
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_bridge.errors import TlsFileError, TransportError
from plugin_bridge.transport.stream import RECEIVE_BYTES, Transport
from plugin_bridge.transport.tcp import TcpConnector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from plugin_bridge.addresses import TcpAddress
    from plugin_bridge.transport.tcp import TcpTransport

MINIMUM_VERSION = ssl.TLSVersion.TLSv1_2

RECORD_BYTES = 16_384
"""Largest TLS record (RFC 8446 §5.1). OpenSSL wants a write that it could not end to be
repeated with the same bytes, so none is larger than that."""

# X509_verify_cert_error_string(3).
_EXPIRED = 10
_UNKNOWN_AUTHORITIES = frozenset({2, 18, 19, 20, 21})
_WRONG_NAMES = frozenset({62, 64})


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files of a client.

    Args:
        ca_file: The authorities to trust; empty: the system's.
        cert_file: The client's certificate, with those between it and its authority;
            empty: none.
        key_file: Its key, not encrypted.
    """

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


class TlsConnector:
    """Connects with TLS. The files are read with each attempt: renewed ones count.

    Args:
        address: Where to.
        files: The authorities to trust, and what the client shows of itself.
        server_name: Expected in the certificate, and sent as SNI; empty: the host.
    """

    def __init__(
        self, address: TcpAddress, files: TlsFiles, *, server_name: str = ""
    ) -> None:
        self._tcp = TcpConnector(address)
        self._files = files
        self._server_name = server_name or address.host

    @property
    def address(self) -> str:
        return self._tcp.address

    def connect(self) -> Transport:
        """Begin to connect to the next address of the host.

        Raises:
            TransportError: A file cannot be used any more, or the system refuses.
        """
        try:
            context = _context(self._files)
        except TlsFileError as exc:
            raise TransportError(f"cannot connect to {self.address}: {exc}") from exc
        return TlsTransport(
            self._tcp.connect_tcp(), context, self._server_name, self.address
        )


class TlsTransport:
    """A TLS connection: TCP's, and then the handshake's turns of read and write."""

    def __init__(
        self,
        tcp: TcpTransport,
        context: ssl.SSLContext,
        server_name: str,
        address: str,
    ) -> None:
        self._tcp = tcp
        self._context = context
        self._server_name = server_name
        self._address = address
        self._socket: ssl.SSLSocket | None = None
        self._waits_to_read = True

    @property
    def step(self) -> str:
        return self._tcp.step if self._socket is None else "agree on TLS with"

    @property
    def waits_to_read(self) -> bool:
        return self._tcp.waits_to_read if self._socket is None else self._waits_to_read

    def finish_connect(self) -> bool:
        if self._socket is None:
            if not self._tcp.finish_connect():
                return False
            self._socket = self._wrapped()
        try:
            self._socket.do_handshake()
        except ssl.SSLWantReadError:
            self._waits_to_read = True
            return False
        except ssl.SSLWantWriteError:
            self._waits_to_read = False
            return False
        except (OSError, ValueError) as exc:
            raise self._error("agree on TLS with", exc) from exc
        return True

    def send(self, *pieces: memoryview) -> int:
        """Write what goes at once, as many records as that takes."""
        sent_bytes = 0
        try:
            for record in records_of(pieces):
                taken_bytes = self._connected.send(record)
                sent_bytes += taken_bytes
                if taken_bytes < len(record):
                    break  # the next one would leave a gap
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass
        except OSError as exc:
            raise self._error("write to", exc) from exc
        return sent_bytes

    def receive(self, max_bytes: int = RECEIVE_BYTES) -> bytes | None:
        try:
            return self._connected.recv(max_bytes)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except OSError as exc:
            raise self._error("read from", exc) from exc

    def fileno(self) -> int:
        return self._tcp.fileno() if self._socket is None else self._socket.fileno()

    def close(self) -> None:
        """Close it, with a close_notify if that goes at once."""
        if self._socket is None:
            self._tcp.close()
            return
        if self._socket.fileno() >= 0:
            # What matters is acknowledged, or is sent again.
            with contextlib.suppress(OSError, ValueError):
                self._socket.unwrap()
        self._socket.close()

    @property
    def _connected(self) -> ssl.SSLSocket:
        if self._socket is None:
            raise TransportError(f"not connected to {self._address}")
        return self._socket

    def _wrapped(self) -> ssl.SSLSocket:
        sock = self._tcp.detach()
        try:
            return self._context.wrap_socket(
                sock, server_hostname=self._server_name, do_handshake_on_connect=False
            )
        except (OSError, ValueError) as exc:
            sock.close()
            raise self._error("agree on TLS with", exc) from exc

    def _error(self, action: str, error: OSError | ValueError) -> TransportError:
        return TransportError(f"cannot {action} {self._address}: {_words(error)}")


def check_files(files: TlsFiles) -> None:
    """Read the files as a connection would.

    Raises:
        TlsFileError: One of them cannot be used.
    """
    _context(files)


def records_of(pieces: Iterable[memoryview]) -> Iterator[bytes | memoryview]:
    """Yield what the pieces hold as TLS records, all full but the last.

    Only what is of several pieces, or the last, is copied.
    """
    begun = b""
    for piece in pieces:
        at = 0
        if begun:
            at = min(RECORD_BYTES - len(begun), len(piece))
            begun += piece[:at]
            if len(begun) < RECORD_BYTES:
                continue
            yield begun
        while len(piece) - at >= RECORD_BYTES:
            yield piece[at : at + RECORD_BYTES]
            at += RECORD_BYTES
        begun = bytes(piece[at:])
    if begun:
        yield begun


def _context(files: TlsFiles) -> ssl.SSLContext:
    if files.ca_file:
        _check_readable("tls_ca_file", files.ca_file)
    try:
        # Verifies, and checks the name.
        context = ssl.create_default_context(cafile=files.ca_file or None)
    except OSError as exc:
        raise TlsFileError(
            "tls_ca_file",
            files.ca_file,
            f"holds no certificate in PEM ({_reason(exc)})",
        ) from exc
    context.minimum_version = MINIMUM_VERSION
    # Python 3.13 began to refuse authorities that leave extensions out, as many that
    # people make for themselves do; what is trusted shall not hang on its version.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.options |= ssl.OP_NO_RENEGOTIATION
    if files.cert_file:
        _show(context, files.cert_file, files.key_file)
    return context


def _show(context: ssl.SSLContext, cert_file: str, key_file: str) -> None:
    _check_readable("tls_cert_file", cert_file)
    _check_readable("tls_key_file", key_file)
    try:
        context.load_cert_chain(cert_file, key_file, password=_no_password)
    except _EncryptedKeyError as exc:
        raise TlsFileError(
            "tls_key_file", key_file, "is encrypted; give one without a password"
        ) from exc
    except OSError as exc:
        if "KEY_VALUES_MISMATCH" in _reason(exc):
            raise TlsFileError(
                "tls_key_file", key_file, f"is not the key of {cert_file}"
            ) from exc
        raise TlsFileError(
            "tls_cert_file",
            cert_file,
            f"and {key_file} are no certificate and key in PEM ({_reason(exc)})",
        ) from exc


class _EncryptedKeyError(ValueError):
    """OpenSSL wants a password; asking a terminal would hold the process up."""


def _no_password() -> str:
    raise _EncryptedKeyError


def _check_readable(key: str, path: str) -> None:
    try:
        with Path(path).open("rb"):
            pass
    except OSError as exc:
        raise TlsFileError(key, path, f"cannot be read: {exc.strerror}") from exc


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason
    return error.strerror or str(error)


def _words(error: OSError | ValueError) -> str:
    """Say what is wrong between two ends of TLS, and what to do about it."""
    match error:
        case ssl.SSLCertVerificationError():
            return _verification_words(error)
        case ssl.SSLEOFError():
            return "it closed the connection in mid-handshake; does it speak TLS?"
        case ssl.SSLError():
            return _alert_words(_reason(error))
        case OSError() if error.errno in {errno.ECONNRESET, errno.EPIPE}:
            return os.strerror(error.errno)
        case OSError():
            return error.strerror or str(error)
        case _:
            return str(error)


def _verification_words(error: ssl.SSLCertVerificationError) -> str:
    words = f"its certificate is refused: {error.verify_message.rstrip('.')}"
    if error.verify_code == _EXPIRED:
        return f"{words}; renew it there"
    if error.verify_code in _WRONG_NAMES:
        return f"{words}; output.tls_server_name may give the name that it holds"
    if error.verify_code in _UNKNOWN_AUTHORITIES:
        return f"{words}; name its authority in output.tls_ca_file"
    return words


def _alert_words(reason: str) -> str:
    words = reason.lower().replace("_", " ")
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
        return (
            f"it refuses the client's certificate, or the lack of one ({words}); see "
            "output.tls_cert_file"
        )
    if reason.endswith("ALERT_HANDSHAKE_FAILURE"):
        # What TLS 1.2 has for a missing certificate, and for others (RFC 5246 7.4.6).
        return (
            f"it ended the handshake ({words}): most likely it wants the client's "
            "certificate; see output.tls_cert_file"
        )
    if reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"}:
        return f"it speaks no TLS there ({words}); is tcp:// meant?"
    if "PROTOCOL" in reason and ("VERSION" in reason or "UNSUPPORTED" in reason):
        return f"it speaks no TLS of version 1.2 or above ({words})"
    return words
