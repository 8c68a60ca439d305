"""How one record becomes bytes, and how many of those become one chunk's payload.

Records that the C encoders refuse (:class:`TypeError`) take the exact, slow path of
:mod:`.portable`; all others cost one call each.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cache, lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import orjson
import ormsgpack

from plugin_bridge.forward.encoder import NO_RUN, Run
from plugin_bridge.forward.errors import EntryError
from plugin_bridge.forward.event_time import (
    EVENT_TIME_BYTES,
    EVENT_TIME_EXT_TYPE,
    serialized,
)
from plugin_bridge.forward.portable import portable_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plugin_bridge.forward.encoder import KnownStamps

RAW_FIELD = "log"
"""Field of a raw record's text: what Fluent Bit and OpenTelemetry take for the body."""

_RAW_MAP_HEADER = b"\x81" + ormsgpack.packb(RAW_FIELD)
_ENTRY_HEADER = b"\x92\xd7\x00"  # array of 2, fixext 8 of type 0
_ENTRY_HEADER_BYTES = len(_ENTRY_HEADER) + EVENT_TIME_BYTES
_FLOAT_64 = 0xCB  # where a float begins; other values may hold such a byte, too
_LARGE_FLOAT_64 = re.compile(rb"\xcb(?:[\x43\xc3][\xe0-\xff]|[\x44-\x7f\xc4-\xff])")
"""How a float of 2**63 or more, of either sign, begins: its exponent is 63 or more."""

_MAX_RUN = 128
"""Records that a run may take: few, as most runs end early where few are everyday."""

_MAX_FIXSTR_BYTES = 0x1F
_MAX_STR8_BYTES = 0xFF
_MAX_STR16_BYTES = 0xFFFF
_EVERYDAY_BYTES = 16_384


class EventEncoder:
    """``[EventTime, map]`` entries, one after the other, as Forward carries them."""

    tells_rounded = True

    def encode(
        self, record: Mapping[str, object], seconds: int, nanoseconds: int
    ) -> bytes:
        ext, _ = _time(seconds, nanoseconds)
        try:
            return ormsgpack.packb((ext, record))
        except TypeError:
            return _pack((ext, portable_record(record)))

    def encode_raw(self, text: bytes, seconds: int, nanoseconds: int) -> bytes:
        _, header = _time(seconds, nanoseconds)
        return b"".join((header, _RAW_MAP_HEADER, _str_header(len(text)), text))

    def assemble(self, parts: Sequence[bytes]) -> bytes:
        return b"".join(parts)

    def stamp(self, seconds: int, nanoseconds: int) -> ormsgpack.Ext:
        return ormsgpack.Ext(EVENT_TIME_EXT_TYPE, serialized(seconds, nanoseconds))

    def encode_quickly(
        self, record: dict[str, object], stamp: ormsgpack.Ext
    ) -> bytes | None:
        try:
            part = ormsgpack.packb((stamp, record))
        except TypeError:
            return None
        return None if _FLOAT_64 in part and _may_be_rounded(part) else part

    def encode_run(
        self, records: Sequence[Any], begin: int, stamps: KnownStamps, room_bytes: int
    ) -> Run:
        known, field, packb = stamps.known, stamps.field, ormsgpack.packb
        parts: list[bytes] = []
        size_bytes = 0
        for record in records[begin : begin + _MAX_RUN]:
            try:
                part = packb((known[record[field]], record))
            except (KeyError, TypeError):
                break
            if _FLOAT_64 in part and _may_be_rounded(part):
                break
            size_bytes += len(part)
            if size_bytes > room_bytes:
                size_bytes -= len(part)
                break
            parts.append(part)
        return Run(parts, len(parts), size_bytes)

    def raw_stamp(self, seconds: int, nanoseconds: int) -> bytes:
        return _ENTRY_HEADER + serialized(seconds, nanoseconds) + _RAW_MAP_HEADER

    def encode_raw_run(
        self,
        texts: Sequence[bytes],
        times: Sequence[Any],
        begin: int,
        stamps: KnownStamps,
        room_bytes: int,
    ) -> Run:
        known, headers = stamps.known, _str_headers()
        end = min(begin + _MAX_RUN, len(texts))
        while begin < end:
            run = texts[begin:end]
            try:
                entry_headers = list(map(known.__getitem__, times[begin:end]))
                text_headers = list(map(headers.__getitem__, map(len, run)))
            except (LookupError, TypeError):
                end -= (end - begin + 1) // 2  # one of them is not everyday
            else:
                return _interleaved(entry_headers, text_headers, run, room_bytes)
        return NO_RUN


class _OneByOne:
    """What makes no runs, and needs no time: a pipe is seldom short of it."""

    def stamp(self, seconds: int, nanoseconds: int) -> tuple[()]:
        del seconds, nanoseconds
        return ()

    def raw_stamp(self, seconds: int, nanoseconds: int) -> tuple[()]:
        del seconds, nanoseconds
        return ()

    def encode_run(
        self, records: Sequence[Any], begin: int, stamps: KnownStamps, room_bytes: int
    ) -> Run:
        del records, begin, stamps, room_bytes
        return NO_RUN

    def encode_raw_run(
        self,
        texts: Sequence[bytes],
        times: Sequence[Any],
        begin: int,
        stamps: KnownStamps,
        room_bytes: int,
    ) -> Run:
        del texts, times, begin, stamps, room_bytes
        return NO_RUN


class MapEncoder(_OneByOne):
    """msgpack maps, one after the other: what Fluentd's exec input reads."""

    tells_rounded = True

    def encode(
        self, record: Mapping[str, object], seconds: int, nanoseconds: int
    ) -> bytes:
        del seconds, nanoseconds  # the reader takes the time from a field
        try:
            return ormsgpack.packb(record)
        except TypeError:
            return _pack(portable_record(record))

    def encode_raw(self, text: bytes, seconds: int, nanoseconds: int) -> bytes:
        del seconds, nanoseconds
        return b"".join((_RAW_MAP_HEADER, _str_header(len(text)), text))

    def assemble(self, parts: Sequence[bytes]) -> bytes:
        return b"".join(parts)

    def encode_quickly(
        self, record: dict[str, object], stamp: tuple[()]
    ) -> bytes | None:
        del stamp
        try:
            part = ormsgpack.packb(record)
        except TypeError:
            return None
        return None if _LARGE_FLOAT_64.search(part) else part


class _JsonObjects(_OneByOne):
    """JSON objects without their frame; ``NaN`` and the infinities become null."""

    tells_rounded = False  # a point or an exponent may stand in any text as well

    def __init__(self, option: int | None) -> None:
        self._option = option

    def encode(
        self, record: Mapping[str, object], seconds: int, nanoseconds: int
    ) -> bytes:
        del seconds, nanoseconds  # the reader takes the time from a field
        try:
            return orjson.dumps(record, option=self._option)
        except TypeError:
            return self._dump(portable_record(record))

    def encode_raw(self, text: bytes, seconds: int, nanoseconds: int) -> bytes:
        del seconds, nanoseconds
        try:
            return self._dump({RAW_FIELD: text.decode()})
        except UnicodeDecodeError as exc:
            raise EntryError(f"raw record is not UTF-8: {exc}") from None

    def encode_quickly(
        self, record: dict[str, object], stamp: tuple[()]
    ) -> bytes | None:
        del stamp
        try:
            return orjson.dumps(record, option=self._option)
        except TypeError:
            return None

    def _dump(self, record: dict[str, object]) -> bytes:
        try:
            return orjson.dumps(record, option=self._option)
        except TypeError as exc:
            raise EntryError(f"record cannot be written as JSON: {exc}") from None


class JsonLineEncoder(_JsonObjects):
    """One JSON object a line."""

    def __init__(self) -> None:
        super().__init__(orjson.OPT_APPEND_NEWLINE)

    def assemble(self, parts: Sequence[bytes]) -> bytes:
        return b"".join(parts)


class JsonArrayEncoder(_JsonObjects):
    """One line a chunk, with an array of its records: a batch of events to Vector.

    Source: Vector ``lib/codecs/src/decoding/format/json.rs``: an array becomes as many
    events as it has elements.
    """

    def __init__(self) -> None:
        super().__init__(None)

    def assemble(self, parts: Sequence[bytes]) -> bytes:
        return b"".join((b"[", b",".join(parts), b"]\n"))


@lru_cache(maxsize=4096)
def _time(seconds: int, nanoseconds: int) -> tuple[ormsgpack.Ext, bytes]:
    """An entry's time, and all that is before an entry's record.

    CloudTrail's times are whole seconds, so many records share theirs.
    """
    time = serialized(seconds, nanoseconds)
    return ormsgpack.Ext(EVENT_TIME_EXT_TYPE, time), _ENTRY_HEADER + time


def _may_be_rounded(entry: bytes) -> bool:
    """Whether an entry may have a large float behind its time."""
    # Searching for one byte is much faster than the expression, and mostly all.
    at = entry.find(_FLOAT_64, _ENTRY_HEADER_BYTES)
    return at >= 0 and _LARGE_FLOAT_64.search(entry, at) is not None


def _interleaved(
    entry_headers: list[bytes],
    text_headers: list[bytes],
    texts: Sequence[bytes],
    room_bytes: int,
) -> Run:
    """Make a run of as many raw records as fit, none of which is copied for it."""
    parts = [b""] * (3 * len(texts))
    parts[0::3], parts[1::3], parts[2::3] = entry_headers, text_headers, texts
    size_bytes = sum(map(len, parts))
    if size_bytes <= room_bytes:
        return Run(parts, len(texts), size_bytes)
    ends_bytes = list(accumulate(map(len, parts)))[2::3]
    count = bisect_right(ends_bytes, room_bytes)
    return Run(parts[: 3 * count], count, ends_bytes[count - 1]) if count else NO_RUN


def _pack(value: object) -> bytes:
    try:
        return ormsgpack.packb(value)
    except TypeError as exc:
        raise EntryError(f"record cannot be written as msgpack: {exc}") from None


@cache
def _str_headers() -> tuple[bytes, ...]:
    """Headers of everyday lengths, which are made once."""
    return tuple(map(_str_header, range(_EVERYDAY_BYTES)))


def _str_header(size_bytes: int) -> bytes:
    """Return the header of a msgpack str; a bin would not be text to a receiver."""
    if size_bytes <= _MAX_FIXSTR_BYTES:
        return bytes((0xA0 | size_bytes,))
    if size_bytes <= _MAX_STR8_BYTES:
        return bytes((0xD9, size_bytes))
    if size_bytes <= _MAX_STR16_BYTES:
        return b"\xda" + size_bytes.to_bytes(2, "big")
    return b"\xdb" + size_bytes.to_bytes(4, "big")
