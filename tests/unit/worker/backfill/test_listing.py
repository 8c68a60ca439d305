from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.worker.backfill.conftest import WRITTEN, found
from worker.backfill.listing import BucketLister, Page, pages
from worker.backfill.spans import Span
from worker.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.backfill.listing import Found


def entry(key: str, **more: Any) -> dict[str, Any]:
    return {"Key": key, "Size": 5, "ETag": '"e1"', "LastModified": WRITTEN, **more}


class FakeS3:
    """Answers what it is told, and remembers what it was asked."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def list_objects_v2(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    list_object_versions = list_objects_v2


def lister(s3: FakeS3, **more: Any) -> BucketLister:
    return BucketLister(s3, "trail", **more)  # type: ignore[arg-type]


SPAN = Span("a/", after="a/3", before="a/7")


def test_a_page_begins_after_a_key_and_goes_on_by_its_token() -> None:
    s3 = FakeS3(
        {
            "Contents": [entry("a/4")],
            "IsTruncated": True,
            "NextContinuationToken": "t",
        },
        {"Contents": [entry("a/5")], "IsTruncated": False},
    )
    one = lister(s3, expected_owner="123456789012")
    first = one.page(SPAN, {})
    assert [(o.key, o.etag, o.version_id) for o in first.objects] == [
        ("a/4", "e1", None)
    ]
    assert one.page(SPAN, first.more).more == {}
    assert [(a["Prefix"], a.get("StartAfter")) for a in s3.asked] == [
        *(("a/", "a/3"), ("a/", None))
    ]
    assert s3.asked[1]["ContinuationToken"] == "t"
    assert all(a["ExpectedBucketOwner"] == "123456789012" for a in s3.asked)


def test_what_lies_behind_is_dropped_and_not_asked_for_any_more() -> None:
    s3 = FakeS3(
        {
            "Contents": [entry("a/6"), entry("a/7")],
            "IsTruncated": True,
            "NextContinuationToken": "t",
        }
    )
    page = lister(s3).page(SPAN, {})
    assert ([one.key for one in page.objects], page.more) == (["a/6"], {})


def test_versions_are_asked_for_by_another_call() -> None:
    s3 = FakeS3(
        {
            "Versions": [
                entry("a/4", VersionId="v2", IsLatest=True),
                entry("a/4", VersionId="v1", IsLatest=False),
                entry("a/5", VersionId="null", IsLatest=True),
            ],
            "IsTruncated": True,
            "NextKeyMarker": "a/5",
            "NextVersionIdMarker": "null",
        },
        {},
    )
    one = lister(s3, with_versions=True)
    page = one.page(SPAN, {})
    assert [(o.key, o.version_id) for o in page.objects] == [
        *(("a/4", "v2"), ("a/5", None))
    ]
    one.page(SPAN, page.more)
    assert [(a["KeyMarker"], a.get("VersionIdMarker")) for a in s3.asked] == [
        *(("a/3", None), ("a/5", "null"))
    ]


@pytest.mark.parametrize(
    ("more", "is_archived"),
    [
        ({}, False),
        ({"StorageClass": "GLACIER_IR"}, False),
        ({"StorageClass": "DEEP_ARCHIVE"}, True),
        (
            {
                "StorageClass": "GLACIER",
                "RestoreStatus": {"IsRestoreInProgress": True},
            },
            True,
        ),
        (
            {
                "StorageClass": "GLACIER",
                "RestoreStatus": {
                    "IsRestoreInProgress": False,
                    "RestoreExpiryDate": WRITTEN,
                },
            },
            False,
        ),
    ],
)
def test_an_archived_object_is_known_unless_it_is_restored(
    more: dict[str, Any], is_archived: bool
) -> None:
    (one,) = (
        lister(FakeS3({"Contents": [entry("k", **more)]})).page(Span(""), {}).objects
    )
    assert one.is_archived == is_archived


@pytest.mark.parametrize(
    ("with_versions", "actions"),
    [(False, "allow s3:ListBucket"), (True, "and s3:ListBucketVersions")],
)
def test_a_refusal_names_the_permission(with_versions: bool, actions: str) -> None:
    refused = ClientError(
        {
            "Error": {"Code": "AccessDenied", "Message": "Access Denied"},
            "ResponseMetadata": {"HTTPStatusCode": 403},  # type: ignore[typeddict-item]
        },
        "ListObjectsV2",
    )
    one = lister(FakeS3(refused), with_versions=with_versions)
    with pytest.raises(AwsError, match=f"s3://trail/a/: access denied: .*{actions}$"):
        one.page(Span("a/"), {})


class Spans:
    """Spans of some pages each."""

    def __init__(self, sizes: list[int], fail_in: str = "") -> None:
        self._sizes = sizes
        self._fail_in = fail_in
        self.asked: list[str] = []

    def spans(self) -> list[Span]:
        return [Span(f"{number:02}/") for number in range(len(self._sizes))]

    def page(self, span: Span, more: dict[str, str]) -> Page:
        self.asked.append(span.prefix)
        if span.prefix == self._fail_in:
            raise AwsError("X", "not now")
        number = int(more.get("n", "0"))
        last = number + 1 >= self._sizes[int(span.prefix.strip("/"))]
        objects = [found(f"{span.prefix}{number:03}")] if self._sizes[0] >= 0 else []
        return Page(objects, {} if last else {"n": str(number + 1)})


def read(source: Spans, until: Callable[[Found], bool] = lambda _: False) -> list[str]:
    keys = []
    for page in pages(source, source.spans()):
        keys += [one.key for one in page]
        if until(page[-1]):
            break
    return keys


def test_pages_come_in_order_whatever_is_under_way() -> None:
    source = Spans([3, 1, 5, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1])
    keys = read(source)
    assert keys == sorted(keys)
    assert len(keys) == 20 == len(source.asked)


def test_who_stops_early_asks_for_little_more() -> None:
    source = Spans([100] * 50)
    assert len(read(source, until=lambda one: one.key == "00/004")) == 5
    assert len(source.asked) < 20


def test_a_fault_comes_after_what_was_before_it() -> None:
    source = Spans([1, 1, 1, 1], fail_in="02/")
    left = pages(source, source.spans())
    assert [next(left)[0].key, next(left)[0].key] == ["00/000", "01/000"]
    with pytest.raises(AwsError):
        next(left)
