"""A connection in the making: the transport's steps, and then the greeting's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin_bridge.errors import TransportError

if TYPE_CHECKING:
    from plugin_bridge.forward.handshake import Greeting
    from plugin_bridge.transport import Transport

CONNECT_TIMEOUT_S = 10.0


class Opening:
    """Drives one connection until chunks may go, never blocking.

    Args:
        transport: Has begun to connect.
        greeting: What must come before the first chunk; ``None``: nothing.
        address: Of the receiver, for messages.
        now: Monotonic instant, in seconds.
    """

    def __init__(
        self, transport: Transport, greeting: Greeting | None, address: str, now: float
    ) -> None:
        self._transport = transport
        self._greeting = greeting
        self._address = address
        self._is_connected = False
        self._unwritten = memoryview(b"")
        self._deadline = now + CONNECT_TIMEOUT_S

    @property
    def deadline(self) -> float:
        """When it is given up, a monotonic instant in seconds."""
        return self._deadline

    @property
    def wants_write(self) -> bool:
        """Whether to poll for writability too."""
        if self._is_connected:
            return bool(self._unwritten)
        return not self._transport.waits_to_read

    def advance(self, now: float) -> bool:
        """Do what goes at once, and say whether chunks may go.

        Raises:
            TransportError: The connection cannot be made, or broke.
            ForwardError: The greeting failed.
        """
        if not self._is_connected:
            if not self._transport.finish_connect():
                self._check_time(now)
                return False
            self._is_connected = True
            if self._greeting is not None:
                self._deadline = now + self._greeting.timeout_s
        if self._greeting is None:
            return True
        self._greet(self._greeting)
        if not self._greeting.is_done and now >= self._deadline:
            self._greeting.time_out()
        return self._greeting.is_done

    def _greet(self, greeting: Greeting) -> None:
        while not greeting.is_done:
            data = self._transport.receive()
            if data is None:
                break
            reply = greeting.receive_data(data)
            if reply:
                self._unwritten = memoryview(reply)
        while self._unwritten:
            written = self._transport.send(self._unwritten)
            if not written:
                break
            self._unwritten = self._unwritten[written:]

    def _check_time(self, now: float) -> None:
        if now >= self._deadline:
            raise TransportError(
                f"cannot {self._transport.step} {self._address}: no answer within "
                f"{CONNECT_TIMEOUT_S:g} s"
            )
