"""Files taken apart into records, whichever of the usual forms they have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from worker.decode.cloudtrail import raw_records
from worker.decode.decompress import decompress
from worker.decode.json_values import parse_record
from worker.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.audit.places import Place
    from worker.source.objects import ObjectReader

MAX_DOCUMENT_BYTES: Final = 1 << 30
MAX_RATIO: Final = 1_000

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def records_of(data: Any) -> Iterator[dict[str, Any]]:
    """Yield the records of one file, in any of the forms that the daemon reads.

    Args:
        data: Its bytes as stored, compressed or not.

    Raises:
        BadObjectError: It is none of these; also after some records.
    """
    blocks = decompress(
        (data,), compression="auto", max_bytes=MAX_DOCUMENT_BYTES, max_ratio=MAX_RATIO
    )
    return records_of_text(b"".join(blocks))


def records_of_text(text: bytes) -> Iterator[dict[str, Any]]:
    """Yield the records of CloudTrail's own form, JSON arrays, or single events.

    Raises:
        BadObjectError: It is none of these; also after some records.
    """
    text = text.removeprefix(_BYTE_ORDER_MARK)
    if text.strip():
        for raw in raw_records(text):
            yield parse_record(raw)


def read_place(place: Place, reader: ObjectReader | None) -> Any:
    """Read a file whole.

    Raises:
        PermanentError: It cannot be read from this machine.
        RetriableError: S3 fails or refuses.
    """
    if place.bucket:
        # boto3 takes its time to be imported, and need not be for files.
        from worker.source.notifications import ObjectRef  # noqa: PLC0415

        if reader is None:
            raise AssertionError("a reader is made wherever there are objects")
        ref = ObjectRef(place.bucket, place.name, region=place.region)
        return reader.read(ref).data
    try:
        return Path(place.name).read_bytes()
    except OSError as error:
        raise PermanentError(
            "unreadable", f"cannot be read: {error.strerror}"
        ) from error
