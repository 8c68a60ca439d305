"""From an object's body to runs of encoded records: decompress, take apart, encode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker.decode.decompress import decompress, inflate_small
from worker.decode.limits import DEFAULT_LIMITS
from worker.decode.usable_time import MAX_TIME_S, MIN_TIME_S
from worker.deliver.budget import held_bytes
from worker.deliver.stages import DROPPED, Stages
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from typing_extensions import Buffer

    from plugin_bridge.forward.encoder import Encoder, Run
    from worker.config.model import DecodeConfig
    from worker.decode.limits import DecodeLimits
    from worker.deliver.feed import Feed
    from worker.deliver.ledger import HeldObject
    from worker.deliver.progress import Progress
    from worker.deliver.stages import File
    from worker.source.notifications import ObjectRef
    from worker.source.objects import Body
    from worker.transform.transformation import Transformation

PAUSE_RECORDS = 1000
"""Where records are passed over, the loop gets a turn after so many."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Encoded records of one object, in their order in it.

    Attributes:
        first: Index of the first source record that it covers.
        end: Index after the last.
        parts: The encoded records; ``Encoder.assemble`` makes a payload of them. None
            at all: the object goes on, and the loop may look around first.
        count: How many records they are.
        size_bytes: The sum of their lengths.
        indices: The source record of each; None: all from ``first`` to ``end``.
    """

    item: HeldObject
    first: int
    end: int
    parts: Sequence[bytes]
    count: int
    size_bytes: int
    indices: tuple[int, ...] | None = None


class Segmenter:
    """Takes bodies apart, a segment at a time, so that an object can wait half-way.

    Args:
        decode: The section ``[decode]``.
        encoder: How one record becomes bytes for the receiver.
        segment_bytes: A segment is no larger, unless it is a single record.
        max_entry_bytes: The largest encoded record that the receiver takes.
        now: Wall time in epoch seconds, for records without any time of their own.
        progress: Records that are dropped or lack something are counted there.
        is_raw: Whether a record is emitted as its own text.
        transformation: Filters, changes and looks at records.
        limits: What an object may take of memory while it is decoded.
    """

    def __init__(
        self,
        decode: DecodeConfig,
        encoder: Encoder,
        *,
        segment_bytes: int,
        max_entry_bytes: int,
        now: Callable[[], float],
        progress: Progress,
        is_raw: bool = False,
        transformation: Transformation,
        limits: DecodeLimits = DEFAULT_LIMITS,
    ) -> None:
        self._decode = decode
        self._limits = limits
        self._segment_bytes = segment_bytes
        self._max_entry_bytes = max_entry_bytes
        self._now = now
        self._stages = Stages(
            decode,
            encoder,
            is_raw=is_raw,
            transformation=transformation,
            progress=progress,
            limits=limits,
        )

    def segments(
        self,
        item: HeldObject,
        body: Body,
        *,
        charge: Callable[[int], None],
        room: Callable[[], int] | None = None,
        feed: Feed | None = None,
    ) -> Iterator[Segment]:
        """Yield the records that are not acknowledged yet, encoded, in order.

        A source record is what the reader takes out of the object, so that dropped ones
        count: an entry of ``Records``, a document, a row, a line, or, with a record
        location, an element of what lies there.

        Args:
            item: The object that the segments belong to; told how many records it has.
            body: Its bytes, as stored.
            feed: Where these come from, if they are not all in ``body``.
            charge: Told how many bytes the object holds, as far as that is known.
            room: How many bytes the next segment had best have; asked before each one.
                None: as many as it may.

        Raises:
            BadObjectError: The object is not what the configuration says.
        """
        stages, fallback = self._stages, self._time_of(item.ref)
        run = _Run(item, self._room_of(room))
        small = self._small(body) if feed is None else None
        before_bytes = held_bytes(body)
        file = stages.parsed(small) if small else None
        items: Iterable[Any]
        if file is not None:
            charge(before_bytes + file.size_bytes)
            encoded = stages.of_file(file, item.ref, body, fallback, run.end)
            items = self._specials(file, run)
        else:

            def holds(size_bytes: int) -> None:
                charge(before_bytes + size_bytes)

            encoded = stages.of_object(item.ref, body, fallback)
            source = (body.data,) if feed is None else feed
            found = stages.reader.items(self._blocks(source, small), holds)
            items = _behind(found, run.end) if run.end else found
        for raw in items:
            if raw is None:
                yield from run.pauses(is_long=feed is not None and feed.is_waiting)
            elif (part := encoded(raw, run.end)) is None:
                run.drop()
                if not run.end % PAUSE_RECORDS:
                    yield run.pause()
            elif len(part) > self._max_entry_bytes:
                raise self._too_large(run.end, part)
            else:
                if run.parts and len(part) > run.room_bytes:
                    yield run.cut()
                run.add(part)
        item.total_records = run.end
        if run.parts:
            yield run.cut()

    def _specials(self, file: File, run: _Run) -> Iterator[Any]:
        """Yield those that take their stages one by one; the run takes the others."""
        fits_alone = self._segment_bytes <= self._max_entry_bytes
        count = len(file.records)
        while run.end < count:
            if fits_alone and file.records[run.end] is not DROPPED:
                run.extend(self._stages.run_of(file, run.end, run.room_bytes))
            if run.end < count:
                yield file.records[run.end]

    def _small(self, body: Body) -> bytes | None:
        """What is in a short gzip member, where that is all that the body holds."""
        decode = self._decode
        if decode.compression not in {"auto", "gzip"}:
            return None
        return inflate_small(
            body.data, max_bytes=decode.max_object_bytes, max_ratio=decode.max_ratio
        )

    def _blocks(self, source: Iterable[Buffer], small: bytes | None) -> Iterable[bytes]:
        if small is not None:
            return (small,) if small else ()
        decode = self._decode
        return decompress(
            source,
            compression=decode.compression,
            max_bytes=decode.max_object_bytes,
            max_ratio=decode.max_ratio,
            limits=self._limits,
        )

    def _room_of(self, room: Callable[[], int] | None) -> Callable[[], int]:
        most_bytes = self._segment_bytes
        return lambda: most_bytes if room is None else min(room(), most_bytes)

    def _time_of(self, ref: ObjectRef) -> tuple[int, int]:
        """The notification's time, or else now: seconds and nanoseconds."""
        epoch_s = ref.event_time
        if epoch_s is None or not MIN_TIME_S <= epoch_s <= MAX_TIME_S:
            epoch_s = self._now()
        seconds, microseconds = divmod(round(epoch_s * 1e6), 10**6)
        return seconds, microseconds * 1000

    def _too_large(self, index: int, part: bytes) -> BadObjectError:
        way_out = ': set decode.shape = "event"' if self._decode.shape == "file" else ""
        return BadObjectError(
            "record_too_large",
            f"record {index} takes {len(part):,} bytes, and the receiver takes "
            f"{self._max_entry_bytes:,} at the most{way_out}",
        )


def _behind(items: Iterator[Any], acked_records: int) -> Iterator[Any]:
    """Pass over the items that were delivered before."""
    passed = 0
    for raw in items:
        if raw is None or passed == acked_records:
            yield raw
        else:
            passed += 1
            if not passed % PAUSE_RECORDS:
                yield None


class _Run:
    """The segment that is being filled, and the index of the record after it."""

    __slots__ = (
        "_best_bytes",
        "_count",
        "_first",
        "_indices",
        "_item",
        "_room",
        "_size_bytes",
        "end",
        "parts",
    )

    def __init__(self, item: HeldObject, room: Callable[[], int]) -> None:
        self._item = item
        self._room = room
        self._first = self.end = item.acked_records
        self._begin()

    def _begin(self) -> None:
        self.parts: list[bytes] = []
        self._count = 0
        self._size_bytes = 0
        self._best_bytes: int | None = None
        self._indices: list[int] | None = None

    @property
    def room_bytes(self) -> int:
        """How much may still go into this segment."""
        if self._best_bytes is None:  # not before the last one is in its chunk
            self._best_bytes = self._room()
        return self._best_bytes - self._size_bytes

    def add(self, part: bytes) -> None:
        """Take the encoded next record."""
        self.parts.append(part)
        self._count += 1
        self._size_bytes += len(part)
        if self._indices is not None:
            self._indices.append(self.end)
        self.end += 1

    def extend(self, run: Run) -> None:
        """Take the encoded next records."""
        self.parts += run.parts
        self._count += run.count
        self._size_bytes += run.size_bytes
        if self._indices is not None:
            self._indices.extend(range(self.end, self.end + run.count))
        self.end += run.count

    def drop(self) -> None:
        """Pass over the next record."""
        if self._indices is None:
            self._indices = list(range(self._first, self.end))
        self.end += 1

    def cut(self) -> Segment:
        """Return what was filled, and begin anew."""
        indices = tuple(self._indices) if self._indices is not None else None
        segment = Segment(
            self._item,
            self._first,
            self.end,
            self.parts,
            self._count,
            self._size_bytes,
            indices,
        )
        self._first = self.end
        self._begin()
        return segment

    def pauses(self, *, is_long: bool) -> Iterator[Segment]:
        """Yield what lets the loop look around.

        Args:
            is_long: Nobody knows when it goes on: what was filled need not wait for it.
        """
        if is_long and self.parts:
            yield self.cut()
        yield self.pause()

    def pause(self) -> Segment:
        """Return what lets the loop look around."""
        return Segment(self._item, self.end, self.end, (), 0, 0)
