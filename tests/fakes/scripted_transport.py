"""A transport in memory that does what a test scripts, one step at a time."""

from __future__ import annotations

from collections import deque

from plugin_bridge.errors import TransportError
from plugin_bridge.forward.frames import acknowledgement
from plugin_bridge.forward.receiver import ForwardReceiver

ADDRESS = "memory://receiver"


class ScriptedTransport:
    """Takes ``room`` bytes, returns what was put into ``to_read``."""

    def __init__(self, *, room: int = 1_000_000, connects: bool = True) -> None:
        self.room = room
        self.connects = connects
        self.written = bytearray()
        self.to_read: deque[bytes] = deque()  # b"" is EOF, and stays
        self.write_error: TransportError | None = None
        self.read_error: TransportError | None = None
        self.connect_error: TransportError | None = None
        self.is_closed = False
        self._receiver = ForwardReceiver()
        self._parsed = 0

    @property
    def step(self) -> str:
        return "connect to"

    @property
    def waits_to_read(self) -> bool:
        return False

    def finish_connect(self) -> bool:
        if self.connect_error:
            raise self.connect_error
        return self.connects

    def send(self, *pieces: memoryview) -> int:
        if self.write_error:
            raise self.write_error
        taken = b"".join(pieces)[: self.room]
        self.room -= len(taken)
        self.written += taken
        return len(taken)

    def receive(self, max_bytes: int = 65_536) -> bytes | None:
        if self.to_read:
            data = self.to_read[0]
            assert len(data) <= max_bytes
            return self.to_read.popleft() if data else data
        if self.read_error:
            raise self.read_error
        return None

    def fileno(self) -> int:
        return 7

    def close(self) -> None:
        self.is_closed = True

    def chunks(self) -> list[str | None]:
        """Return the ids of the whole frames written since the last call."""
        self._receiver.receive_data(bytes(self.written[self._parsed :]))
        self._parsed = len(self.written)
        found = []
        while (frame := self._receiver.next_frame()) is not None:
            found.append(frame.chunk)
        return found

    def ack(self, *chunks: str) -> None:
        self.to_read.append(b"".join(acknowledgement(chunk) for chunk in chunks))


class ScriptedConnector:
    """Hands out transports in turn; an error among them is a refused attempt."""

    def __init__(self, *script: ScriptedTransport | TransportError) -> None:
        self._script = deque(script)
        self.attempts = 0

    @property
    def address(self) -> str:
        return ADDRESS

    def connect(self) -> ScriptedTransport:
        self.attempts += 1
        step = self._script.popleft() if self._script else ScriptedTransport()
        if isinstance(step, TransportError):
            raise step
        return step
