"""An object, read and taken apart as a worker does it: S3, KMS, ``[decode]``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from plugin_bridge.forward.entries import RAW_FIELD
from worker.decode.decompress import decompress
from worker.decode.reader import reader_for
from worker.doctor.asking import NotAllowedError, asking
from worker.doctor.finding import Answer, fail, ok, warn
from worker.doctor.newest import newest_object
from worker.errors import BadObjectError, TrailfeedError
from worker.source.objects import ObjectReader
from worker.source.selection import Selection

if TYPE_CHECKING:
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
    found = sum(one is not None for one in records)
    if records and not found:
        return warn(
            CHECK,
            f"{read}, {len(records):,} records, none of which has anything at "
            "decode.record_location",
            "see decode.record_location",
        )
    return ok(CHECK, f"{read}, {found:,} records")


def _ago(age_s: float) -> str:
    if age_s >= 2 * _DAY_S:
        return f"{age_s / _DAY_S:.0f} days old"
    if age_s >= _HOUR_S:
        return f"{age_s / _HOUR_S:.0f} h old"
    return f"{max(age_s, 0) / 60:.0f} min old"
