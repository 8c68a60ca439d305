"""The objects of a bucket in the order of their keys, a page at a time."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from worker.source.faults import AWS_ERRORS
from worker.source.trail_folders import listing_fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future
    from datetime import datetime

    from botocore.exceptions import BotoCoreError, ClientError
    from mypy_boto3_s3 import S3Client

    from worker.backfill.spans import Span
    from worker.errors import RetriableError

LOOK_AHEAD: Final = 8
"""Spans that are asked for at once: most of them are short."""

_ARCHIVES: Final = ("GLACIER", "DEEP_ARCHIVE")


@dataclass(frozen=True, slots=True)
class Found:
    """One object.

    Attributes:
        etag: Without quotes.
        modified: When it was written.
        version_id: None where it is not known, or has no version of its own.
        is_archived: It cannot be read before it is restored.
    """

    key: str
    size_bytes: int
    etag: str
    modified: datetime
    version_id: str | None = None
    is_archived: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What one call answered: objects, and how to go on; empty: that was all."""

    objects: list[Found]
    more: dict[str, str]


class Lister(Protocol):
    """Asks for one page."""

    def page(self, span: Span, more: dict[str, str]) -> Page: ...


class BucketLister:
    """The current objects of a bucket.

    Args:
        client: For the bucket.
        bucket: Its name.
        expected_owner: Account id that must own it; empty: any.
        with_versions: Ask for version ids, too: another call, and another permission.
    """

    def __init__(
        self,
        client: S3Client,
        bucket: str,
        *,
        expected_owner: str = "",
        with_versions: bool = False,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._owner = {"ExpectedBucketOwner": expected_owner} if expected_owner else {}
        self._with_versions = with_versions

    def page(self, span: Span, more: dict[str, str]) -> Page:
        """Ask for the span's next page.

        Args:
            span: What is asked for.
            more: The ``more`` of the page before; empty: the first one.

        Raises:
            RetriableError: S3 refuses or fails.
        """
        asked: dict[str, Any] = {
            "Bucket": self._bucket,
            "Prefix": span.prefix,
            "OptionalObjectAttributes": ["RestoreStatus"],
            **self._owner,
            **more,
        }
        try:
            page = (
                self._versions(span, asked)
                if self._with_versions
                else self._objects(span, asked)
            )
        except AWS_ERRORS as error:
            raise self.fault(error, span.prefix) from error
        if span.before:
            inside = [one for one in page.objects if one.key < span.before]
            if len(inside) < len(page.objects):
                return Page(inside, {})
        return page

    def fault(self, error: BotoCoreError | ClientError, prefix: str) -> RetriableError:
        """What a refusal of S3's to list means."""
        permission = "s3:ListBucket"
        if self._with_versions:
            permission += " and s3:ListBucketVersions"
        return listing_fault(error, self._bucket, prefix, permission=permission)

    def _objects(self, span: Span, asked: dict[str, Any]) -> Page:
        if span.after and "ContinuationToken" not in asked:
            asked["StartAfter"] = span.after
        answer = self._client.list_objects_v2(**asked)
        more = {}
        if answer.get("IsTruncated") and answer.get("NextContinuationToken"):
            more = {"ContinuationToken": answer["NextContinuationToken"]}
        return Page([_found(one) for one in answer.get("Contents", ())], more)

    def _versions(self, span: Span, asked: dict[str, Any]) -> Page:
        if span.after and "KeyMarker" not in asked:
            asked["KeyMarker"] = span.after
        answer = self._client.list_object_versions(**asked)
        more = {}
        if answer.get("IsTruncated"):
            more["KeyMarker"] = answer["NextKeyMarker"]
            if answer.get("NextVersionIdMarker"):
                more["VersionIdMarker"] = answer["NextVersionIdMarker"]
        return Page(
            [_found(one) for one in answer.get("Versions", ()) if one["IsLatest"]],
            more,
        )


def pages(lister: Lister, spans: Iterable[Span]) -> Iterator[list[Found]]:
    """The pages of spans, in order; the next ones are under way meanwhile.

    Raises:
        RetriableError: S3 refuses or fails.
    """
    left = iter(spans)
    ahead: deque[tuple[Span, Future[Page]]] = deque()
    with ThreadPoolExecutor(LOOK_AHEAD, "s3-list") as threads:
        try:
            while True:
                while len(ahead) < LOOK_AHEAD and (span := next(left, None)):
                    ahead.append((span, threads.submit(lister.page, span, {})))
                if not ahead:
                    return
                span, answer = ahead.popleft()
                page = answer.result()
                if page.more:
                    following = threads.submit(lister.page, span, page.more)
                    ahead.appendleft((span, following))
                if page.objects:
                    yield page.objects
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


def _found(one: Any) -> Found:
    version_id = one.get("VersionId")
    is_restored = bool(one.get("RestoreStatus", {}).get("RestoreExpiryDate"))
    return Found(
        one["Key"],
        one["Size"],
        one.get("ETag", "").strip('"'),
        one["LastModified"],
        None if version_id == "null" else version_id,
        one.get("StorageClass") in _ARCHIVES and not is_restored,
    )
