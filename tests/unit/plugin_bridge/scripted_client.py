"""A client on a connector that follows a script, its chunks, and what goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin_bridge.client import Acked, Chunk, ForwardClient
from plugin_bridge.forward.errors import RemoteProtocolError
from plugin_bridge.forward.frames import packed_forward
from plugin_bridge.forward.receiver import ForwardReceiver
from tests.fakes.scripted_transport import ScriptedConnector, ScriptedTransport

if TYPE_CHECKING:
    from plugin_bridge.errors import TransportError

ACK_TIMEOUT_S = 190.0


def client_of(
    *script: ScriptedTransport | TransportError,
    require_ack: bool = True,
    window_chunks: int = 8,
    window_bytes: int = 1_000_000,
) -> ForwardClient:
    return ForwardClient(
        ScriptedConnector(*script),
        window_chunks=window_chunks,
        window_bytes=window_bytes,
        require_ack=require_ack,
        ack_timeout_s=ACK_TIMEOUT_S,
        jitter=lambda: 1.0,
    )


def chunk(name: str, size: int = 10) -> Chunk:
    return Chunk(name, "ct", b"\x80" * size, size)


def frame_bytes(sent: Chunk) -> bytes:
    return bytes(
        packed_forward(sent.tag, sent.payload, count=sent.count, chunk=sent.id)
    )


def opened_client(
    transport: ScriptedTransport, *then: ScriptedTransport
) -> ForwardClient:
    """Return a client past the first acknowledgement, at second 0."""
    client = client_of(transport, *then)
    client.send(chunk("first"), 0.0)
    client.service(0.0)
    transport.ack("first")
    assert client.service(0.0) == [Acked("first")]
    transport.chunks()
    return client


def begun_in(data: bytes) -> list[str]:
    """Return the frame that ``data`` is, or nothing for the rest of one."""
    receiver = ForwardReceiver()
    receiver.receive_data(data)
    try:
        frame = receiver.next_frame()
    except RemoteProtocolError:
        return []
    return [frame.chunk] if frame and frame.chunk else []
