"""What is done with one record between its text and its encoded bytes.

The order is: parse → record location → transform (filter, redact, enrich) → metadata
and id → time → encode. Time and id are taken from the record as it was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from plugin_bridge.forward.encoder import NO_RUN
from plugin_bridge.forward.entries import RAW_FIELD
from plugin_bridge.forward.errors import EntryError
from worker.decode.json_values import quick_exact_record, quick_record
from worker.decode.limits import DEFAULT_LIMITS
from worker.decode.parsed_file import parsed_file
from worker.decode.raw_file import RawFile, raw_file_parser
from worker.decode.reader import reader_for
from worker.decode.record_time import RecordTime
from worker.decode.text import is_utf8
from worker.decode.usable_time import MAX_TIME_S, MIN_TIME_S
from worker.deliver.provenance import marks_of
from worker.deliver.stamps import Stamps
from worker.errors import BadObjectError
from worker.transform.transformation import looking

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugin_bridge.forward.encoder import Encoder, Run
    from worker.config.model import DecodeConfig
    from worker.decode.limits import DecodeLimits
    from worker.decode.parsed_file import ParsedFile
    from worker.deliver.progress import Progress
    from worker.deliver.provenance import Marks
    from worker.source.notifications import ObjectRef
    from worker.source.objects import Body
    from worker.transform.transformation import Transform, Transformation

    File = ParsedFile | RawFile
    """A file that was parsed whole."""

    Encode = Callable[[Any, int], bytes | None]
    """Takes an item and its index and gives the encoded record; None: it is dropped."""

DROPPED: Final = object()
"""Stands among the records of a file for one that was filtered out."""


class Stages:
    """The stages of one worker, made once; those that are off cost nothing.

    Args:
        decode: The section ``[decode]``.
        encoder: How one record becomes bytes for the receiver.
        is_raw: Whether a record is emitted as its own text.
        transformation: Filters, changes and looks at records; of raw ones it only
            filters.
        progress: Records without a time or a location are counted there, and filtered
            ones.
        limits: What an object may take of memory.
    """

    def __init__(
        self,
        decode: DecodeConfig,
        encoder: Encoder,
        *,
        is_raw: bool,
        transformation: Transformation,
        progress: Progress,
        limits: DecodeLimits = DEFAULT_LIMITS,
    ) -> None:
        self._decode = decode
        self._encoder = encoder
        self._is_raw = is_raw
        self._transformation = transformation
        self._progress = progress
        self._time = RecordTime(decode.time_field, decode.time_format)
        self.reader = reader_for(decode, text_field=RAW_FIELD, limits=limits)
        self._is_quick = decode.format == "json" and not decode.record_location
        prepare = encoder.raw_stamp if is_raw else encoder.stamp
        self._stamps = Stamps(self._time, prepare)
        self._parse_file = self._file_parser()
        has_marks = decode.with_metadata or bool(decode.id_field)
        is_number_read = transformation.transform and transformation.reads_numbers
        self._takes_runs = not (has_marks or is_number_read)

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
        marks = marks_of(self._decode, ref, body)
        exactly, again = self._structured(marks, fallback)
        if not self._is_quick:
            return exactly
        parse = quick_record if self._encoder.tells_rounded else quick_exact_record
        return self._quickly(marks, parse, exactly, again)

    def parsed(self, text: bytes) -> File | None:
        """Parse a file whole where that will do.

        Args:
            text: All of it, decompressed.
        """
        return self._parse_file(text) if self._parse_file is not None else None

    def of_file(
        self,
        file: File,
        ref: ObjectRef,
        body: Body,
        fallback: tuple[int, int],
        begin: int = 0,
    ) -> Encode:
        """Return the stages for the records of a file that :meth:`parsed` gave.

        Args:
            file: Its records are transformed at once, where they can make runs then.
            ref: As for :meth:`of_object`.
            body: Likewise.
            fallback: Likewise.
            begin: Index of the first record that is wanted.
        """
        if isinstance(file, RawFile):
            return self._raw(fallback)
        marks = marks_of(self._decode, ref, body)
        exactly, again = self._structured(marks, fallback)
        transform = self._transformation.transform
        if self._takes_runs and transform is not None:
            file.records[begin:] = [
                _everyday(transform, record) for record in file.records[begin:]
            ]
            return self._quickly_encoded(None, None, self._dropped_or(file, again))
        return self._quickly(
            marks,
            None,
            lambda _, index: exactly(file.item(index), index),
            lambda _, index: again(file.item(index), index),
        )

    def _dropped_or(self, file: ParsedFile, again: Encode) -> Encode:
        """Count a record that was filtered out, and do all with another special one."""

        def encoded(record: Any, index: int) -> bytes | None:
            if record is DROPPED:
                self._progress.records_filtered += 1
                return None
            return again(file.item(index), index)

        return encoded

    def run_of(self, file: File, begin: int, room_bytes: int) -> Run:
        """Encode as many everyday records of a file in a row as fit, in one go.

        Returns:
            :data:`NO_RUN`: the first one is not everyday, or there is more to do with
            records than that.
        """
        if not self._takes_runs:
            return NO_RUN
        encoder, stamps = self._encoder, self._stamps
        if isinstance(file, RawFile):
            return encoder.encode_raw_run(
                file.records, file.times, begin, stamps, room_bytes
            )
        run = encoder.encode_run(file.records, begin, stamps, room_bytes)
        end = begin + run.count
        if self._transformation.look is not None:
            self._transformation.look(file.records[begin:end])
        file.let_go(begin, end)
        return run

    def _file_parser(self) -> Callable[[bytes], File | None] | None:
        decode, time = self._decode, self._time
        if not (self._is_quick and decode.shape == "event" and is_utf8(decode.charset)):
            return None
        if not self._is_raw:
            return parsed_file if self._encoder.tells_rounded else None
        if self._transformation.transform or time.name is None or time.outline is None:
            return None
        return raw_file_parser(time.outline)

    def _structured(
        self, marks: Marks | None, fallback: tuple[int, int]
    ) -> tuple[Encode, Encode]:
        """All of it, and again for a record that was transformed and counted."""
        done = self._transformation
        first = done.transform or (looking(done.look) if done.look else None)
        return (
            self._exactly(marks, fallback, first),
            self._exactly(marks, fallback, done.again or first),
        )

    def _exactly(
        self,
        marks: Marks | None,
        fallback: tuple[int, int],
        transform: Transform | None,
    ) -> Encode:
        parse, time_of, encode = self.reader.record, self._time.of, self._encoder.encode
        progress = self._progress

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
            if time is None or not MIN_TIME_S <= time[0] <= MAX_TIME_S:
                progress.records_without_time += 1
                time = fallback
            try:
                return encode(record, *time)
            except EntryError as error:
                raise _unencodable(index, error) from error

        return encoded

    def _quickly(
        self,
        marks: Marks | None,
        parse: Callable[[Any], dict[str, Any] | None] | None,
        exactly: Encode,
        again: Encode,
    ) -> Encode:
        """Do the same at a lower price; leave what is in any way special to the others.

        Args:
            marks: Makes the fields of metadata and id; None: there are none.
            parse: Gives the record of an item, or None where that is special; None: the
                item is the record.
            exactly: What does it all.
            again: Likewise, for a record that was transformed and counted already.
        """
        transform = self._transformation.transform
        if transform is not None:
            return self._quickly_changed(transform, marks, parse, exactly, again)
        return self._quickly_encoded(marks, parse, exactly)

    def _quickly_encoded(
        self,
        marks: Marks | None,
        parse: Callable[[Any], dict[str, Any] | None] | None,
        exactly: Encode,
    ) -> Encode:
        look = self._transformation.look
        stamps, stamp_of = self._stamps.known, self._stamps.of
        time_field, encode = self._stamps.field, self._encoder.encode_quickly

        def encoded(item: Any, index: int) -> bytes | None:
            record: Any = parse(item) if parse is not None else item
            stamp: Any
            try:
                stamp = stamps[record[time_field]]
            except (KeyError, TypeError):
                stamp = stamp_of(record)
            if stamp is None:
                return exactly(item, index)
            if marks is not None:
                record.update(marks(record, index))
            part = encode(record, stamp)
            if part is None:
                return exactly(item, index)
            if look is not None:
                look((record,))
            return part

        return encoded

    def _quickly_changed(
        self,
        transform: Transform,
        marks: Marks | None,
        parse: Callable[[Any], dict[str, Any] | None] | None,
        exactly: Encode,
        again: Encode,
    ) -> Encode:
        """As :meth:`_quickly`, with a change between parsing and encoding.

        What has to be parsed again is known once it is encoded. Where the change must
        not see it before, it is encoded twice.
        """
        progress, reads_numbers = self._progress, self._transformation.reads_numbers
        stamps, stamp_of = self._stamps.known, self._stamps.of
        time_field, encode = self._stamps.field, self._encoder.encode_quickly

        def encoded(item: Any, index: int) -> bytes | None:
            record: Any = parse(item) if parse is not None else item
            stamp: Any
            try:
                stamp = stamps[record[time_field]]
            except (KeyError, TypeError):
                stamp = stamp_of(record)
            if stamp is None or (reads_numbers and encode(record, stamp) is None):
                return exactly(item, index)
            fields = marks(record, index) if marks is not None else None
            changed = transform(record)
            if changed is None:
                progress.records_filtered += 1
                return None
            if fields is not None:
                changed.update(fields)
            part = encode(changed, stamp)
            return part if part is not None else again(item, index)

        return encoded

    def _raw(self, fallback: tuple[int, int]) -> Encode:
        text_of, encode = self.reader.text, self._encoder.encode_raw
        parse, progress = self.reader.record, self._progress
        transform = self._transformation.transform
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
            if time is None or not MIN_TIME_S <= time[0] <= MAX_TIME_S:
                progress.records_without_time += 1
                time = fallback
            try:
                return encode(text, *time)
            except EntryError as error:
                raise _unencodable(index, error) from error

        return encoded


def _everyday(transform: Transform, record: Any) -> object:
    """What becomes of a record, or of what should be one and is none."""
    if type(record) is not dict:
        return record
    changed = transform(record)
    return DROPPED if changed is None else changed


def _named(index: int, error: BadObjectError) -> BadObjectError:
    return BadObjectError(error.code, f"record {index}: {error}")


def _unencodable(index: int, error: EntryError) -> BadObjectError:
    return BadObjectError("unencodable", f"record {index}: {error}")
