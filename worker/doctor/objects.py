"""An object, read and taken apart as a worker does it: S3, KMS, ``[decode]``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from plugin_bridge.forward.entries import RAW_FIELD
from worker.decode.decompress import decompress
from worker.decode.reader import reader_for
from worker.decode.record_time import RecordTime
from worker.decode.usable_time import MAX_TIME_S, MIN_TIME_S
from worker.doctor.asking import NotAllowedError, asking
from worker.doctor.finding import Answer, fail, ok, warn
from worker.doctor.newest import newest_object
from worker.errors import BadObjectError, TrailfeedError
from worker.source.objects import ObjectReader
from worker.source.selection import Selection
from worker.transform.transformation import build

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.config.model import Config
    from worker.doctor.finding import Finding
    from worker.doctor.wiring import Bucket
    from worker.source.notifications import ObjectRef
    from worker.source.objects import Body
    from worker.source.sessions import AwsSession

CHECK: Final = "object"

_HOUR_S: Final = 3_600
_DAY_S: Final = 86_400


def look_at_newest(
    session: AwsSession, config: Config, bucket: Bucket
) -> Answer[ObjectRef]:
    """Find the newest object that would be read, and read it."""
    source, now = config.source, datetime.now(UTC)
    selection = Selection(
        allowed_buckets=source.allowed_buckets,
        include_keys=source.include_keys,
        exclude_keys=source.exclude_keys,
    )
    client = session.s3_client(bucket.region)
    try:
        with asking(f"the objects of the bucket {bucket.name}", "s3:ListBucket"):
            found = newest_object(client, bucket.name, bucket.prefix, selection, now)
    except NotAllowedError as error:
        said = f"{error}; nor can a missing object be told from a forbidden one"
        mend = f"allow {error.code}, or name an object: --object s3://BUCKET/KEY"
        return Answer((warn(CHECK, said, mend),))
    if found is None:
        return Answer(
            (
                warn(
                    CHECK,
                    f"{bucket.name}: there is none of the last days that this "
                    "configuration would read",
                    "see whether the trail logs to it, and source.include_keys and "
                    "source.exclude_keys; or name an object: --object s3://BUCKET/KEY",
                ),
            )
        )
    ref, written_at = found
    age_s = (now - written_at).total_seconds()
    return look_at_object(session, config, ref, age=f", {_ago(age_s)}")


def look_at_object(
    session: AwsSession, config: Config, ref: ObjectRef, *, age: str = ""
) -> Answer[ObjectRef]:
    """Read one object as a worker does, and take it apart."""
    reader = ObjectReader(
        session, config.source, max_bytes=config.decode.max_object_bytes
    )
    try:
        body = reader.read(ref)
    except TrailfeedError as error:
        return Answer((fail(CHECK, str(error)),))
    read = f"{ref.url}: {body.size_bytes:,} bytes{age}"
    return Answer((_decoded(read, body, config),), ref)


def _decoded(read: str, body: Body, config: Config) -> Finding:
    decode = config.decode
    try:
        blocks = decompress(
            (body.data,),
            compression=decode.compression,
            max_bytes=decode.max_object_bytes,
            max_ratio=decode.max_ratio,
        )
        reader = reader_for(decode, text_field=RAW_FIELD)
        records = [
            reader.record(item)
            for item in reader.items(blocks, lambda _: None)
            if item is not None
        ]
    except BadObjectError as error:
        return fail(
            CHECK,
            f"{read}, but it cannot be decoded: {error}",
            "see decode.format and decode.compression, or name another object with "
            "--object",
        )
    located = [one for one in records if one is not None]
    if not records:
        return warn(
            CHECK, f"{read}, no record", "see decode.format and decode.record_location"
        )
    if not located:
        return warn(
            CHECK,
            f"{read}, {len(records):,} records, none of which has anything at "
            "decode.record_location",
            "see decode.record_location",
        )
    dated = _dated(located, config)
    transform = build(config, warn=lambda _: None).transform
    left = [one for one in located if transform is None or transform(one) is not None]
    said = f"{read}, {len(located):,} records"
    if len(left) < len(located):
        said += f", of which filter lets {len(left):,} through"
    if not left:
        return warn(CHECK, said, "see filter.include and filter.exclude")
    if dated < len(located):
        return warn(
            CHECK,
            f"{said}, {len(located) - dated:,} of them without a usable time, which "
            "get their notification's",
            "see decode.time_field and decode.time_format",
        )
    return ok(CHECK, said)


def _dated(records: Sequence[object], config: Config) -> int:
    """How many records have a usable time; all of those that can have none."""
    if config.decode.format == "lines":
        return len(records)
    time = RecordTime(config.decode.time_field, config.decode.time_format)
    found = [time.of(one) if isinstance(one, dict) else None for one in records]
    return sum(one is not None and MIN_TIME_S <= one[0] <= MAX_TIME_S for one in found)


def _ago(age_s: float) -> str:
    if age_s >= 2 * _DAY_S:
        return f"{age_s / _DAY_S:.0f} days old"
    if age_s >= _HOUR_S:
        return f"{age_s / _HOUR_S:.0f} h old"
    return f"{max(age_s, 0) / 60:.0f} min old"
