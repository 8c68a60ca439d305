"""From an object's body to runs of encoded records: decompress, take apart, encode."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugin_bridge.forward.errors import EntryError
from plugin_bridge.forward.event_time import MAX_SECONDS
from worker.decode.cloudtrail import parse_record, raw_records
from worker.decode.decompress import decompress
from worker.decode.times import event_time
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plugin_bridge.forward.entries import Encoder
    from worker.config.model import DecodeConfig
    from worker.deliver.ledger import HeldObject
    from worker.source.objects import Body


@dataclass(frozen=True, slots=True)
class Segment:
    """Encoded records of one object, in their order in it.

    Attributes:
        first: Index of the first source record that it covers.
        end: Index after the last.
        parts: One encoded record each; ``Encoder.assemble`` makes a payload of them.
        size_bytes: The sum of their lengths.
    """

    item: HeldObject
    first: int
    end: int
    parts: list[bytes]
    size_bytes: int


class Segmenter:
    """Takes bodies apart, a segment at a time, so that an object can wait half-way.

    Args:
        decode: The section ``[decode]``.
        encoder: How one record becomes bytes for the receiver.
        segment_bytes: A segment is no larger, unless it is a single record.
        max_entry_bytes: The largest encoded record that the receiver takes.
        now: Wall time in epoch seconds, for records without any time of their own.
    """

    def __init__(
        self,
        decode: DecodeConfig,
        encoder: Encoder,
        *,
        segment_bytes: int,
        max_entry_bytes: int,
        now: Callable[[], float],
    ) -> None:
        self._decode = decode
        self._encoder = encoder
        self._segment_bytes = segment_bytes
        self._max_entry_bytes = max_entry_bytes
        self._now = now

    def segments(
        self, item: HeldObject, body: Body, *, charge: Callable[[int], None]
    ) -> Iterator[Segment]:
        """Yield the records that are not acknowledged yet, encoded, in order.

        Args:
            item: The object that the segments belong to; told how many records it has.
            body: Its bytes, as stored.
            charge: Told how many bytes the object holds, once that is known.

        Raises:
            BadObjectError: The object is not what the configuration says.
        """
        document = b"".join(
            decompress(
                (body.data,),
                compression=self._decode.compression,
                max_bytes=self._decode.max_object_bytes,
                max_ratio=self._decode.max_ratio,
            )
        )
        if not document:
            return
        charge(body.size_bytes + 2 * len(document))
        fallback = divmod(int((item.ref.event_time or self._now()) * 1e9), 10**9)
        encode = self._encoder.encode
        parts: list[bytes] = []
        size_bytes = 0
        first = end = item.acked_records
        for raw in itertools.islice(raw_records(document), first, None):
            record = parse_record(raw)
            time = event_time(record.get("eventTime"))
            if time is None or not 1 <= time[0] <= MAX_SECONDS:
                time = fallback
            try:
                part = encode(record, *time)
            except EntryError as error:
                raise BadObjectError("unencodable", str(error)) from error
            if len(part) > self._max_entry_bytes:
                raise BadObjectError(
                    "record_too_large",
                    f"record {end} takes {len(part):,} bytes, and the receiver takes "
                    f"{self._max_entry_bytes:,} at the most",
                )
            if parts and size_bytes + len(part) > self._segment_bytes:
                yield Segment(item, first, end, parts, size_bytes)
                parts, size_bytes, first = [], 0, end
            parts.append(part)
            size_bytes += len(part)
            end += 1
        item.total_records = end
        if parts:
            yield Segment(item, first, end, parts, size_bytes)
