"""Where the files are: on this machine, and in S3 by CloudTrail's layout."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from worker.audit.question import day_of
from worker.audit.trail import LATE_DAYS, delivered_at, folders, is_log
from worker.errors import PermanentError
from worker.source.faults import AWS_ERRORS, fault_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_s3 import S3Client

    from worker.audit.question import Question

_S3_URL: Final = re.compile(r"s3://(?P<bucket>[^/]+)(?:/(?P<prefix>.*))?", re.DOTALL)
_ROOT: Final = "AWSLogs/"
_ACCOUNT: Final = re.compile(r"(?:^|/)\d{12}/\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """One file to read.

    Attributes:
        name: Its path, or its key.
        bucket: Empty: it is on this machine.
        region: The bucket's; None: not known.
        size_bytes: As stored.
        delivered_at: No event in it is later; None: not known.
    """

    name: str
    bucket: str = ""
    region: str | None = None
    size_bytes: int = 0
    delivered_at: datetime | None = None

    @property
    def url(self) -> str:
        """As people name it."""
        return f"s3://{self.bucket}/{self.name}" if self.bucket else self.name


def is_s3(source: str) -> bool:
    """Whether a source is a place in S3."""
    return source.startswith("s3://")


def newest_first(places: Iterable[Place]) -> list[Place]:
    """By delivery; those of which it is not known come first."""
    return sorted(places, key=_when, reverse=True)


def _when(place: Place) -> datetime:
    return place.delivered_at or datetime.max.replace(tzinfo=UTC)


def local_places(source: str, question: Question) -> Iterator[Place]:
    """The file of that name, or the logs in the folder of that name and below.

    A file that was delivered before the time asked for has no event of it.

    Raises:
        PermanentError: There is nothing of that name.
    """
    path = Path(source)
    if path.is_dir():
        for folder, _, names in os.walk(path):
            for name in names:
                if is_log(name) and _may_hold(name, question):
                    yield _local(Path(folder) / name)
    elif path.exists():
        yield _local(path)
    else:
        raise PermanentError(
            "no_such_file",
            f"{source}: no such file or folder; in S3 it is s3://BUCKET/PREFIX",
        )


def _local(path: Path) -> Place:
    try:
        size_bytes = path.stat().st_size
    except OSError:
        size_bytes = 0  # reading it will say why
    return Place(str(path), size_bytes=size_bytes, delivered_at=delivered_at(path.name))


def _may_hold(name: str, question: Question) -> bool:
    delivered = delivered_at(name)
    return not (delivered and question.since and delivered < question.since)


class S3Places:
    """Lists a trail's objects: only of the days, accounts and regions asked for.

    Args:
        client: For the bucket.
        now: Wall time; nothing is delivered after it.
    """

    def __init__(self, client: S3Client, now: datetime) -> None:
        self._client = client
        self._now = now

    def places(self, source: str, question: Question) -> Iterator[Place]:
        """The logs under ``s3://BUCKET/PREFIX``, where the prefix may end at any level.

        A prefix that is no part of CloudTrail's layout is listed whole.

        Raises:
            PermanentError: It is no such URL.
            AwsError: S3 refuses or fails.
        """
        match = _S3_URL.fullmatch(source)
        if match is None:
            raise PermanentError(
                "bad_url", f"{source}: expected s3://BUCKET/PREFIX, as in s3://logs/"
            )
        bucket, prefix = match["bucket"], match["prefix"] or ""
        try:
            region = self._region(bucket)
            for folder in self._folders(bucket, prefix, question):
                for key, size_bytes in self._objects(bucket, folder):
                    name = key.rpartition("/")[2]
                    if is_log(name) and _may_hold(name, question):
                        yield Place(key, bucket, region, size_bytes, delivered_at(name))
        except AWS_ERRORS as error:
            raise fault_of(error, f"cannot list s3://{bucket}/{prefix}") from error

    def _region(self, bucket: str) -> str | None:
        try:
            answer = self._client.head_bucket(Bucket=bucket)
        except AWS_ERRORS:
            return None  # allowed to list, perhaps, though not to ask this
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        return headers.get("x-amz-bucket-region")

    def _folders(self, bucket: str, prefix: str, question: Question) -> Iterator[str]:
        """Prefixes that together hold what is asked for."""
        if _ROOT not in f"{prefix}/":
            below = f"{prefix.rstrip('/')}/" if prefix else ""
            if f"{below}{_ROOT}" not in self._common(bucket, below):
                yield prefix
                return
            prefix = f"{below}{_ROOT}"
        elif not prefix.endswith("/") and not is_log(prefix):
            prefix += "/"
        head, _, rest = prefix.partition(_ROOT)
        names = [name for name in rest.split("/") if name]
        if names and names[0].startswith("o-"):
            head, names = f"{head}{_ROOT}{names[0]}/", names[1:]
        else:
            head += _ROOT
        if len(names) > _REGION_LEVEL:
            yield prefix  # a day, a month, a year, or a single file
            return
        yield from self._below(bucket, head, names, question)

    def _below(
        self, bucket: str, head: str, names: list[str], question: Question
    ) -> Iterator[str]:
        """Go down from ``AWSLogs/`` to the folders of the regions, and of days."""
        given = dict(enumerate(names))
        accounts = [f"{given[0]}/"] if given else self._accounts(bucket, head)
        for account in accounts:
            if question.accounts and account.strip("/")[-12:] not in question.accounts:
                continue
            trail = f"{head}{account}{given.get(1, 'CloudTrail')}/"
            if _REGION_LEVEL in given:
                regions = [f"{trail}{given[_REGION_LEVEL]}/"]
            elif question.regions:
                regions = [f"{trail}{region}/" for region in question.regions]
            else:
                regions = self._common(bucket, trail)
            for region in regions:
                yield from self._days(region, question)

    def _accounts(self, bucket: str, head: str) -> list[str]:
        """Accounts, also those below an organization's id."""
        found = []
        for folder in self._common(bucket, head):
            name = folder.removeprefix(head)
            if name.startswith("o-"):
                inner = self._common(bucket, folder)
                found += [one.removeprefix(head) for one in inner]
            else:
                found.append(name)
        return [one for one in found if _ACCOUNT.search(one)]

    def _days(self, region_prefix: str, question: Question) -> Iterator[str]:
        if question.since is None:
            yield region_prefix
            return
        latest = self._now
        if question.until is not None:
            latest = min(latest, question.until + timedelta(days=LATE_DAYS))
        for folder in folders(day_of(question.since), day_of(latest)):
            yield region_prefix + folder

    def _common(self, bucket: str, prefix: str) -> list[str]:
        """The folders right below a prefix."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix, Delimiter="/"
        )
        return [
            one["Prefix"] for page in pages for one in page.get("CommonPrefixes", ())
        ]

    def _objects(self, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix
        )
        for page in pages:
            for one in page.get("Contents", ()):
                yield one["Key"], one["Size"]


_REGION_LEVEL: Final = 2  # below AWSLogs/: account, kind, region
