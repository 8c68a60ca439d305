"""What is done with one record between its text and its encoded bytes.

The order is: parse → record location → transform (filter, redact, enrich) → metadata
and id → time → encode. Time and id are taken from the record as it was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugin_bridge.forward.entries import RAW_FIELD
from plugin_bridge.forward.errors import EntryError
from plugin_bridge.forward.event_time import MAX_SECONDS
from worker.decode.json_values import quick_exact_record, quick_record
from worker.decode.reader import reader_for
from worker.decode.record_time import RecordTime
from worker.deliver.provenance import marks_of
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugin_bridge.forward.entries import Encoder
    from worker.config.model import DecodeConfig
    from worker.deliver.progress import Progress
    from worker.deliver.provenance import Marks
    from worker.source.notifications import ObjectRef
    from worker.source.objects import Body

    Transform = Callable[[dict[str, Any]], dict[str, Any] | None]
    """Takes a record and gives what becomes of it; None: it is filtered out."""

    QuickRead = Callable[
        [Any, int], tuple[dict[str, Any], tuple[int, int], bytes] | None
    ]
    """Takes an item and its index; gives the record, its time, and itself encoded."""

    Encode = Callable[[Any, int], bytes | None]
    """Takes an item and its index and gives the encoded record; None: it is dropped."""


class Stages:
    """The stages of one worker, made once; those that are off cost nothing.

    Args:
        decode: The section ``[decode]``.
        encoder: How one record becomes bytes for the receiver.
        is_raw: Whether a record is emitted as its own text.
        transform: Filters and changes records; None: neither. Of raw records it only
            filters.
        look: Gives each record back as it is, where there is no ``transform``.
        progress: Records without a time or a location are counted there, and filtered
            ones.
    """

    def __init__(
        self,
        decode: DecodeConfig,
        encoder: Encoder,
        *,
        is_raw: bool,
        transform: Transform | None,
        look: Transform | None = None,
        progress: Progress,
    ) -> None:
        self._decode = decode
        self._encoder = encoder
        self._is_raw = is_raw
        self._transform = transform
        self._look = look
        self._progress = progress
        self._time = RecordTime(decode.time_field, decode.time_format)
        self.reader = reader_for(decode, text_field=RAW_FIELD)
        self._is_quick = decode.format == "json" and not decode.record_location
        self._tells_floats = not encoder.may_hold_floats(encoder.encode({}, 1, 0))

    def of_object(
        self, ref: ObjectRef, body: Body, fallback: tuple[int, int]
    ) -> Encode:
        """Return the stages for the items of one object.

        What is returned raises :class:`BadObjectError`, which names the record, for an
        item that cannot be parsed or encoded.

        Args:
            ref: What the notification said of it.
            body: What S3 gave.
            fallback: Seconds and nanoseconds, for records without a time.
        """
        if self._is_raw:
            return self._raw(fallback)
        return self._structured(ref, body, fallback)

    def _structured(
        self, ref: ObjectRef, body: Body, fallback: tuple[int, int]
    ) -> Encode:
        parse, time_of, encode = self.reader.record, self._time.of, self._encoder.encode
        transform, progress = self._transform or self._look, self._progress
        marks = marks_of(self._decode, ref, body)

        def encoded(item: Any, index: int) -> bytes | None:
            try:
                record = parse(item)
            except BadObjectError as error:
                raise _named(index, error) from error
            if record is None:
                progress.records_without_location += 1
                return None
            time = time_of(record)
            fields = marks(record, index) if marks is not None else None
            if transform is not None:
                record = transform(record)
                if record is None:
                    progress.records_filtered += 1
                    return None
            if fields is not None:
                record.update(fields)
            if time is None or not 1 <= time[0] <= MAX_SECONDS:
                progress.records_without_time += 1
                time = fallback
            try:
                return encode(record, *time)
            except EntryError as error:
                raise _unencodable(index, error) from error

        return self._quickly(encoded, marks) if self._is_quick else encoded

    def _quickly(self, exactly: Encode, marks: Marks | None) -> Encode:
        """Do the same at a lower price; leave what is in any way special to the other.

        Args:
            exactly: The other.
            marks: Makes the fields of metadata and id; None: there are none.
        """
        transform, progress, encode = (
            self._transform,
            self._progress,
            self._encoder.encode,
        )
        look = self._look
        # Fields that nothing comes between can be there from the beginning.
        read = self._quick_read(marks if transform is None else None)

        def encoded(item: Any, index: int) -> bytes | None:
            found = read(item, index)
            if found is None:
                return exactly(item, index)
            record, time, part = found
            if transform is None:
                if look is not None:
                    look(record)
                return part
            fields = marks(record, index) if marks is not None else None
            changed = transform(record)
            if changed is None:
                progress.records_filtered += 1
                return None
            if changed is record and fields is None:
                return part
            changed.update(fields or {})
            try:
                return encode(changed, *time)
            except EntryError as error:
                raise _unencodable(index, error) from error

        return encoded

    def _quick_read(self, marks: Marks | None) -> QuickRead:
        """Parse an item, and encode it: what that gives tells of its numbers.

        None stands for an item that is special.
        """
        time_of, encode = self._time.of, self._encoder.encode
        may_hold_floats, tells_floats = (
            self._encoder.may_hold_floats,
            self._tells_floats,
        )
        parse = quick_record if tells_floats else quick_exact_record

        def read(
            item: Any, index: int
        ) -> tuple[dict[str, Any], tuple[int, int], bytes] | None:
            record = parse(item)
            time = time_of(record) if record is not None else None
            if record is None or time is None or not 1 <= time[0] <= MAX_SECONDS:
                return None
            if marks is not None:
                record.update(marks(record, index))
            try:
                part = encode(record, *time)
            except EntryError:
                return None
            if tells_floats and may_hold_floats(part):
                return None  # large integers may have become these
            return record, time, part

        return read

    def _raw(self, fallback: tuple[int, int]) -> Encode:
        text_of, encode = self.reader.text, self._encoder.encode_raw
        parse, transform, progress = self.reader.record, self._transform, self._progress
        time_of = self._time.of_json if self._decode.format == "json" else None

        def encoded(item: Any, index: int) -> bytes | None:
            try:
                text = text_of(item)
                if text is None:
                    progress.records_without_location += 1
                    return None
                time = time_of(text) if time_of is not None else None
                if transform is not None and transform(parse(item) or {}) is None:
                    progress.records_filtered += 1
                    return None
            except BadObjectError as error:
                raise _named(index, error) from error
            if time is None or not 1 <= time[0] <= MAX_SECONDS:
                progress.records_without_time += 1
                time = fallback
            try:
                return encode(text, *time)
            except EntryError as error:
                raise _unencodable(index, error) from error

        return encoded


def _named(index: int, error: BadObjectError) -> BadObjectError:
    return BadObjectError(error.code, f"record {index}: {error}")


def _unencodable(index: int, error: EntryError) -> BadObjectError:
    return BadObjectError("unencodable", f"record {index}: {error}")
