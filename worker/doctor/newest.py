"""The newest object of a bucket that this configuration would read."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

from worker.errors import UnknownMessageError
from worker.source.notifications import Notification, ObjectRef
from worker.source.trail_folders import TrailFolders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

    from worker.source.selection import Selection

MAX_FOLDERS: Final = 12
"""Of accounts and regions that are looked into."""

MAX_DAYS: Final = 3
MAX_KEYS: Final = 1_000
MAX_SIZE_BYTES: Final = 64 << 20
"""A larger one takes too long for a look. CloudTrail's own are 50 MB at most."""

_TRAIL: Final = "AWSLogs/"


def newest_object(
    client: S3Client, bucket: str, prefix: str, selection: Selection, now: datetime
) -> tuple[ObjectRef, datetime] | None:
    """Look below a prefix: by CloudTrail's layout where there is one.

    There the last days of a dozen accounts and regions are listed, else the first
    thousand keys.

    Args:
        client: For the bucket.
        bucket: Its name.
        prefix: Of the keys; a part of a trail's layout is cut off.
        selection: What is wanted at all.
        now: Wall time.

    Returns:
        The object, and when it was written; None: there is none.

    Raises:
        ClientError: S3 refuses.
    """
    trail = TrailFolders(client, bucket)
    root = prefix.partition(_TRAIL)[0] if _TRAIL in prefix else prefix
    folders = trail.of_regions(root)
    if folders is None:
        return _newest(islice(trail.objects(prefix), MAX_KEYS), bucket, selection)
    regions = list(islice(folders, MAX_FOLDERS))
    for days in range(MAX_DAYS):
        day = now - timedelta(days=days)
        found = _newest(_of_day(trail, regions, f"{day:%Y/%m/%d}/"), bucket, selection)
        if found is not None:
            return found
    return None


def _of_day(
    trail: TrailFolders, regions: Iterable[str], day: str
) -> Iterator[ObjectTypeDef]:
    for region in regions:
        yield from islice(trail.objects(region + day), MAX_KEYS)


def _newest(
    objects: Iterable[ObjectTypeDef], bucket: str, selection: Selection
) -> tuple[ObjectRef, datetime] | None:
    found: tuple[ObjectRef, datetime] | None = None
    for one in objects:
        written_at = one["LastModified"]
        if not 0 < one["Size"] <= MAX_SIZE_BYTES or one["Key"].endswith("/"):
            continue
        ref = ObjectRef(bucket, one["Key"], size_bytes=one["Size"])
        is_newer = found is None or written_at > found[1]
        if is_newer and _is_wanted(ref, selection):
            found = (ref, written_at)
    return found


def _is_wanted(ref: ObjectRef, selection: Selection) -> bool:
    try:
        return bool(selection.select(Notification((ref,))).objects)
    except UnknownMessageError:
        return True  # another bucket than is allowed: said elsewhere
