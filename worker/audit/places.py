"""Where the files are: on this machine, and in S3 by CloudTrail's layout."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from worker.audit.passed_over import LOOK_BYTES, may_hold_events
from worker.audit.question import day_of
from worker.audit.trail import (
    LATE_DAYS,
    delivered_at,
    folders,
    is_digest,
    is_log,
)
from worker.errors import PermanentError
from worker.source.faults import AWS_ERRORS
from worker.source.trail_folders import (
    TrailFolders,
    bucket_and_prefix,
    listing_fault,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mypy_boto3_s3 import S3Client

    from worker.audit.question import Question


MAX_LOOKS: Final = 1_000
"""Objects of other names that are looked into: a call each, one after the other."""


@dataclass(frozen=True, slots=True)
class Place:
    """One file to read.

    Attributes:
        name: Its path, or its key.
        bucket: Empty: it is on this machine.
        region: The bucket's; None: not known.
        size_bytes: As stored.
        delivered_at: No event in it is later; None: not known.
        title: What people are told it is; empty: its name.
    """

    name: str
    bucket: str = ""
    region: str | None = None
    size_bytes: int = 0
    delivered_at: datetime | None = None
    title: str = ""

    @property
    def url(self) -> str:
        """As people name it."""
        if self.title:
            return self.title
        return f"s3://{self.bucket}/{self.name}" if self.bucket else self.name


def is_s3(source: str) -> bool:
    """Whether a source is a place in S3."""
    return source.startswith("s3://")


def newest_first(places: Iterable[Place]) -> list[Place]:
    """By delivery; those of which it is not known come first."""
    return sorted(places, key=_when, reverse=True)


def _when(place: Place) -> datetime:
    return place.delivered_at or datetime.max.replace(tzinfo=UTC)


def _ignored(_name: str) -> None:
    pass


def local_places(
    source: str, question: Question, *, pass_over: Callable[[str], None] = _ignored
) -> Iterator[Place]:
    """The file of that name, or the logs in the folder of that name and below.

    A file that was delivered before the time asked for has no event of it.

    Args:
        source: A path.
        question: What is asked.
        pass_over: Told each file in a folder that is neither JSON nor compressed.

    Raises:
        PermanentError: There is nothing of that name.
    """
    path = Path(source)
    if path.is_dir():
        for folder, _, names in os.walk(path):
            for name in names:
                file = Path(folder) / name
                if is_digest(name) or not _may_hold(name, question):
                    continue
                if is_log(name) or may_hold_events(_head(file)):
                    yield _local(file)
                else:
                    pass_over(str(file))
    elif path.exists():
        yield _local(path)
    else:
        raise PermanentError(
            "no_such_file",
            f"{source}: no such file or folder; in S3 it is s3://BUCKET/PREFIX",
        )


def _head(path: Path) -> bytes:
    if not path.is_file():
        return b""  # a socket or a pipe would keep us waiting
    try:
        with path.open("rb") as file:
            return file.read(LOOK_BYTES)
    except OSError:
        return b"{"  # reading it whole will say why


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
        self._looks_count = 0

    def places(
        self,
        source: str,
        question: Question,
        *,
        pass_over: Callable[[str], None] = _ignored,
    ) -> Iterator[Place]:
        """The logs under ``s3://BUCKET/PREFIX``, where the prefix may end at any level.

        A prefix that is no part of CloudTrail's layout is listed whole. Objects whose
        names do not tell are looked into, :data:`MAX_LOOKS` at most.

        Args:
            source: The URL.
            question: What is asked.
            pass_over: Told each object that is neither JSON nor compressed.

        Raises:
            PermanentError: It is no such URL.
            AwsError: S3 refuses or fails.
        """
        bucket, prefix = bucket_and_prefix(source)
        trail = TrailFolders(self._client, bucket)
        try:
            region = trail.bucket_region()
            for folder in self._folders(trail, prefix, question):
                for one in trail.objects(folder):
                    key = one["Key"]
                    name = key.rpartition("/")[2]
                    if is_digest(name) or not _may_hold(name, question):
                        continue
                    place = Place(key, bucket, region, one["Size"], delivered_at(name))
                    if is_log(name) or self._may_hold_events(place):
                        yield place
                    elif not key.endswith("/"):  # as S3's console marks a folder
                        pass_over(place.url)
        except AWS_ERRORS as error:
            raise listing_fault(error, bucket, prefix) from error

    def _may_hold_events(self, place: Place) -> bool:
        if not place.size_bytes or self._looks_count >= MAX_LOOKS:
            return False
        self._looks_count += 1
        try:
            answer = self._client.get_object(
                Bucket=place.bucket, Key=place.name, Range=f"bytes=0-{LOOK_BYTES - 1}"
            )
            with closing(answer["Body"]) as body:
                return may_hold_events(body.read(LOOK_BYTES))
        except AWS_ERRORS:
            return True  # reading it whole will say why

    def _folders(
        self, trail: TrailFolders, prefix: str, question: Question
    ) -> Iterator[str]:
        """Prefixes that together hold what is asked for."""
        regions = None
        if not is_log(prefix):
            regions = trail.of_regions(
                prefix, accounts=question.accounts, regions=question.regions
            )
        if regions is None:
            yield prefix
        else:
            for region in regions:
                yield from self._days(region, question)

    def _days(self, region_prefix: str, question: Question) -> Iterator[str]:
        if question.since is None:
            yield region_prefix
            return
        latest = self._now
        if question.until is not None:
            latest = min(latest, question.until + timedelta(days=LATE_DAYS))
        for folder in folders(day_of(question.since), day_of(latest)):
            yield region_prefix + folder
