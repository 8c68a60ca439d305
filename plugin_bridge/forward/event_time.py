"""EventTime: the protocol's time with nanoseconds."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from plugin_bridge.forward.errors import EntryError

EVENT_TIME_EXT_TYPE = 0
EVENT_TIME_BYTES = 8
MAX_SECONDS = 2**32 - 1
MAX_NANOSECONDS = 999_999_999

_FORMAT = struct.Struct(">II")


@dataclass(frozen=True, slots=True)
class EventTime:
    """An instant of wall time: seconds and nanoseconds since 1970, UTC.

    Second 0 is refused as Fluentd replaces it by the time of arrival, and nanoseconds
    of a second or more as they end Vector's connection.

    Raises:
        EntryError: Outside 1..4294967295 seconds or 0..999999999 nanoseconds.

    Source: Forward Protocol Specification v1, "EventTime Ext Format".
    """

    seconds: int
    nanoseconds: int = 0

    def __post_init__(self) -> None:
        serialized(self.seconds, self.nanoseconds)

    def serialize(self) -> bytes:
        """Return the 8 bytes of the ext value, big-endian seconds first."""
        return serialized(self.seconds, self.nanoseconds)

    @classmethod
    def parse(cls, data: bytes) -> EventTime:
        """Read the bytes of an ext value of type 0.

        Raises:
            EntryError: Not 8 bytes, or outside the range.
        """
        if len(data) != EVENT_TIME_BYTES:
            raise EntryError(f"EventTime of {len(data)} bytes instead of 8")
        seconds, nanoseconds = _FORMAT.unpack(data)
        return cls(seconds, nanoseconds)


def serialized(seconds: int, nanoseconds: int) -> bytes:
    """Return what :meth:`EventTime.serialize` does.

    Raises:
        EntryError: As :class:`EventTime` does.
    """
    if not 1 <= seconds <= MAX_SECONDS:
        raise EntryError(
            f"time of {seconds} s is outside what EventTime can hold: "
            f"1..{MAX_SECONDS} s (1970 to 2106)"
        )
    if not 0 <= nanoseconds <= MAX_NANOSECONDS:
        raise EntryError(
            f"{nanoseconds} ns is not a fraction of a second: 0..{MAX_NANOSECONDS} ns"
        )
    return _FORMAT.pack(seconds, nanoseconds)
