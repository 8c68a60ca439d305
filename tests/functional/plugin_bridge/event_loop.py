"""The smallest loop that drives a client as a worker does."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

from plugin_bridge.addresses import TcpAddress, UnixAddress, parse_address
from plugin_bridge.client import Acked, Event, ForwardClient
from plugin_bridge.transport import Connector, TcpConnector, UnixConnector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from plugin_bridge.client import Chunk
    from plugin_bridge.forward.compression import Compressor

_LONGEST_WAIT_S = 0.05


def connector_to(address: str) -> Connector:
    match parse_address(address):
        case UnixAddress() as unix:
            return UnixConnector(unix)
        case TcpAddress() as tcp:
            return TcpConnector(tcp)


def client_to(
    address: str,
    *,
    require_ack: bool = True,
    ack_timeout_s: float = 60.0,
    compressor: Compressor | None = None,
) -> ForwardClient:
    return ForwardClient(
        connector_to(address),
        window_chunks=8,
        window_bytes=4_194_304,
        require_ack=require_ack,
        ack_timeout_s=ack_timeout_s,
        jitter=lambda: 0.5,
        compressor=compressor,
    )


def run_until(
    client: ForwardClient,
    is_done: Callable[[list[Event]], bool],
    *,
    timeout_s: float = 20.0,
) -> list[Event]:
    """Serve the client until ``is_done`` likes all events so far."""
    events: list[Event] = []
    give_up = time.monotonic() + timeout_s
    while not is_done(events):
        if time.monotonic() > give_up:
            raise AssertionError(f"not done in {timeout_s} s: {events[-5:]}")
        _wait(client)
        events += client.service(time.monotonic())
    return events


def hand_in(client: ForwardClient, chunk: Chunk) -> None:
    client.send(chunk, time.monotonic())


def deliver(
    client: ForwardClient, chunks: Iterable[Chunk], *, timeout_s: float = 20.0
) -> list[Event]:
    """Hand every chunk in as there is room, and wait until all is acknowledged."""
    waiting = list(reversed(list(chunks)))
    expected_count = client.unacked_chunks + len(waiting)

    def is_done(events: list[Event]) -> bool:
        while waiting and client.has_room:
            hand_in(client, waiting.pop())
        return len(acked(events)) >= expected_count

    return run_until(client, is_done, timeout_s=timeout_s)


def acked(events: Iterable[Event]) -> list[str]:
    return [event.chunk_id for event in events if isinstance(event, Acked)]


def _wait(client: ForwardClient) -> None:
    deadline = client.deadline()
    timeout_s = _LONGEST_WAIT_S
    if deadline is not None:
        timeout_s = min(max(deadline - time.monotonic(), 0.0), timeout_s)
    fd = client.fileno()
    watched = [] if fd is None else [fd]
    select.select(watched, watched if client.wants_write else [], [], timeout_s)
