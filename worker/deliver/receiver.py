"""The client to the receiver, as ``[output]`` describes it."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

from plugin_bridge.addresses import TcpAddress, UnixAddress, parse_address
from plugin_bridge.client import ForwardClient
from plugin_bridge.errors import TlsFileError
from plugin_bridge.forward.compression import Compressor
from plugin_bridge.forward.handshake import (
    SALT_CHARACTERS,
    ClientHandshake,
    Credentials,
    UnexpectedGreeting,
)
from plugin_bridge.receivers import PROFILES
from plugin_bridge.transport import (
    TcpConnector,
    TlsConnector,
    TlsFiles,
    UnixConnector,
    check_files,
)
from worker.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugin_bridge.forward.handshake import Greeting
    from plugin_bridge.transport import Connector
    from worker.config.output import OutputConfig


def make_client(output: OutputConfig, address: str) -> ForwardClient:
    """Make the client of one worker, not connected yet.

    Args:
        output: ``[output]``.
        address: Where the receiver listens: ``output.address``, or the socket of the
            writer of standard output.
    """
    # trailfeed's own writer acknowledges what it has written.
    is_own_writer = output.scheme == "stdout"
    return ForwardClient(
        _connector(output, address),
        window_chunks=output.window_chunks,
        window_bytes=output.window_bytes,
        require_ack=output.require_ack or is_own_writer,
        ack_timeout_s=output.ack_timeout_s,
        jitter=random.random,
        greet=_greeting(output),
        compressor=_compressor(output),
    )


def check_output_files(output: OutputConfig) -> None:
    """Read the files that a TLS connection would.

    Raises:
        ConfigError: One of them cannot be used.
    """
    if output.scheme != "tls":
        return
    try:
        check_files(_tls_files(output))
    except TlsFileError as error:
        raise ConfigError((str(error),)) from error


def _connector(output: OutputConfig, text: str) -> Connector:
    match parse_address(text):
        case UnixAddress() as address:
            return UnixConnector(address)
        case TcpAddress(is_tls=True) as address:
            return TlsConnector(
                address, _tls_files(output), server_name=output.tls_server_name
            )
        case TcpAddress() as address:
            return TcpConnector(address)


def _tls_files(output: OutputConfig) -> TlsFiles:
    return TlsFiles(
        ca_file=output.tls_ca_file,
        cert_file=output.tls_cert_file,
        key_file=output.tls_key_file,
    )


def _greeting(output: OutputConfig) -> Callable[[], Greeting] | None:
    if not output.shared_key:
        may_ask = output.scheme in PROFILES[output.receiver].shared_key_schemes
        # What is sent to a receiver that wants a key vanishes. Where no
        # acknowledgement shows that, it is listened for before anything goes.
        return UnexpectedGreeting if may_ask and not output.require_ack else None
    credentials = Credentials(
        output.shared_key.get_secret_value(),
        hostname=output.self_hostname or os.uname().nodename,
        username=output.username,
        password=output.password.get_secret_value(),
    )

    def greet() -> ClientHandshake:
        salt = os.urandom(SALT_CHARACTERS // 2).hex()
        return ClientHandshake(credentials, salt=salt)

    return greet


def _compressor(output: OutputConfig) -> Compressor | None:
    if output.compression == "none":
        return None
    return Compressor(
        output.compression,
        max_payload_bytes=PROFILES[output.receiver].max_chunk_bytes,
    )
