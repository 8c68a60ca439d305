"""How tests connect, accept, and find a port."""

from __future__ import annotations

import select

import pytest

from plugin_bridge.addresses import TcpAddress, parse_address
from plugin_bridge.transport import Listener, Transport


def finish(transport: Transport) -> None:
    """Connect as an event loop does."""
    for _ in range(20):
        if transport.finish_connect():
            return
        waits_to_read = transport.waits_to_read
        select.select(
            [transport] if waits_to_read else [],
            [] if waits_to_read else [transport],
            [],
            5.0,
        )
    pytest.fail("not connected")


def accept(listener: Listener) -> Transport:
    select.select([listener], [], [], 5.0)
    transport = listener.accept()
    assert transport is not None
    return transport


def port_of(listener: Listener) -> int:
    address = parse_address(listener.address)
    assert isinstance(address, TcpAddress)
    return address.port


def closed_port() -> int:
    listener = Listener.tcp("127.0.0.1")
    port = port_of(listener)
    listener.close()
    return port
