"""The server's half of one connection: bytes in, frames out, acknowledgements back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

import msgpack

from plugin_bridge.forward.compression import Kind, decompress
from plugin_bridge.forward.errors import EntryError, RemoteProtocolError
from plugin_bridge.forward.event_time import EVENT_TIME_EXT_TYPE, EventTime
from plugin_bridge.forward.frames import acknowledgement

MAX_FRAME_BYTES = 100 * 1024 * 1024
"""Largest frame taken, as Vector (``VECTOR_MAX_DECOMPRESSED_SIZE_BYTES``)."""

_READ_AHEAD_BYTES = 1_048_576

_MESSAGE_ITEMS = (3, 4)  # [tag, time, record, option?]
_FORWARD_ITEMS = (2, 3)  # [tag, entries, option?]
_ENTRY_ITEMS = 2


class Mode(Enum):
    """How a frame carries its entries."""

    MESSAGE = "Message"
    FORWARD = "Forward"
    PACKED_FORWARD = "PackedForward"


@dataclass(frozen=True, slots=True)
class Entry:
    """One event: its time and its record."""

    time: EventTime
    record: dict[str, object]


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of the sender.

    Args:
        mode: How it came.
        tag: The Forward tag.
        payload: Concatenated entries, decompressed; opaque until :meth:`entries` is
            called.
        chunk: The id that wants an acknowledgement, if any.
        size: How many entries the sender says there are, if it does.
        compressed: How the entries were compressed, if they were.
    """

    mode: Mode
    tag: str
    payload: bytes
    chunk: str | None
    size: int | None
    compressed: Kind | None = None

    def entries(self) -> Iterator[Entry]:
        """Decode the entries, one by one.

        Raises:
            RemoteProtocolError: An entry that is not ``[time, record]`` with an integer
                or EventTime, and a map with text for keys: what the strictest receiver
                (Vector) asks for.
        """
        unpacker = _unpacker(max(len(self.payload), 1))
        unpacker.feed(self.payload)
        end = 0  # tell() also counts what it has read of a cut one
        try:
            for item in unpacker:
                end = unpacker.tell()
                yield _entry(item)
        except (msgpack.UnpackException, ValueError, EntryError) as exc:
            raise RemoteProtocolError(f"undecodable entry: {exc}") from exc
        if end != len(self.payload):
            raise RemoteProtocolError("the last entry is cut")


@dataclass(frozen=True, slots=True)
class _Option:
    chunk: str | None = None
    size: int | None = None
    compressed: Kind | None = None


class ForwardReceiver:
    """Server half of one connection. No socket, no clock, no logger.

    Give :meth:`receive_data` what was read (1 MiB at most), then call
    :meth:`next_frame` until it returns ``None``. What Fluent Bit or OpenTelemetry would
    close the connection for is an error here too: a nil heartbeat, an option that is
    nil, a chunk id that is bin, and empty entries.

    Args:
        max_frame_bytes: Largest frame, in bytes, and most that its entries may be once
            decompressed.
    """

    def __init__(self, *, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max_frame_bytes = max_frame_bytes
        self._unpacker = _unpacker(max_frame_bytes + _READ_AHEAD_BYTES)

    def receive_data(self, data: bytes) -> None:
        """Take in what was read.

        Raises:
            RemoteProtocolError: The unfinished frame is above the largest.
        """
        try:
            self._unpacker.feed(data)
        except msgpack.BufferFull:
            raise RemoteProtocolError(
                f"a frame of more than {self._max_frame_bytes} bytes"
            ) from None

    def next_frame(self) -> Frame | None:
        """Return the next whole frame, or ``None`` when more must be read.

        Raises:
            RemoteProtocolError: What came is no frame that a strict receiver takes.
        """
        try:
            message = next(self._unpacker)
        except StopIteration:
            return None
        except (msgpack.UnpackException, ValueError) as exc:
            raise RemoteProtocolError(f"undecodable frame: {exc}") from exc
        return _frame(message, self._max_frame_bytes)

    def ack(self, chunk: str) -> bytes:
        """Return the response that acknowledges a chunk."""
        return acknowledgement(chunk)


def _unpacker(max_buffer_bytes: int) -> msgpack.Unpacker:
    # Text may hold any bytes on the wire; escaped, it stays apart from bin.
    return msgpack.Unpacker(
        max_buffer_size=max_buffer_bytes, unicode_errors="surrogateescape"
    )


def _frame(message: object, max_bytes: int) -> Frame:
    match message:
        case [str() as tag, bytes() | str() | list() as entries, *rest] if (
            len(rest) + 2 in _FORWARD_ITEMS
        ):
            option = _option(rest)
            mode, payload = _payload(entries)
            if option.compressed is not None and mode is Mode.PACKED_FORWARD:
                payload = decompress(option.compressed, payload, max_bytes=max_bytes)
        case [
            str() as tag,
            int() | msgpack.ExtType() as time,
            dict() as record,
            *rest,
        ] if len(rest) + 3 in _MESSAGE_ITEMS:
            option = _option(rest)
            mode, payload = Mode.MESSAGE, _repack([time, record])
        case _:
            raise RemoteProtocolError(f"not a Forward message: {message!r:.80}")
    if not payload:
        raise RemoteProtocolError("a frame without entries")
    return Frame(mode, tag, payload, option.chunk, option.size, option.compressed)


def _payload(entries: bytes | str | list[object]) -> tuple[Mode, bytes]:
    match entries:
        case bytes():
            return Mode.PACKED_FORWARD, entries
        case str():
            return Mode.PACKED_FORWARD, entries.encode("utf-8", "surrogateescape")
        case list():
            return Mode.FORWARD, b"".join(_repack(entry) for entry in entries)


def _repack(entry: object) -> bytes:
    packed: bytes = msgpack.packb(entry, unicode_errors="surrogateescape")
    return packed


def _option(rest: list[object]) -> _Option:
    """Read the option map, which may be left out."""
    if not rest:
        return _Option()
    option = rest[0]
    if not isinstance(option, Mapping):
        raise RemoteProtocolError(f"the option is not a map: {option!r:.80}")
    chunk = option.get("chunk")
    if chunk is not None and not isinstance(chunk, str):
        raise RemoteProtocolError(f"the chunk id is not text: {chunk!r:.80}")
    size = option.get("size")
    if size is not None and not isinstance(size, int):
        raise RemoteProtocolError(f"the size is not an integer: {size!r:.80}")
    match option.get("compressed", "text"):
        case "gzip" | "zstd" as compressed:
            return _Option(chunk, size, compressed)
        case "text":
            return _Option(chunk, size)
        case other:
            raise RemoteProtocolError(f"unknown compression: {other!r:.80}")


def _entry(item: object) -> Entry:
    match item:
        case [msgpack.ExtType(code=code, data=data), dict() as record] if (
            code == EVENT_TIME_EXT_TYPE
        ):
            time = EventTime.parse(data)
        case [int() as seconds, dict() as record]:
            time = EventTime(seconds)
        case _:
            raise RemoteProtocolError(f"not an entry: {item!r:.80}")
    if not all(isinstance(key, str) for key in record):
        raise RemoteProtocolError(f"a key that is not text: {item!r:.80}")
    return Entry(time, record)
