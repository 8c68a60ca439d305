"""Where a bucket's trails are, and what it means that S3 does not list."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from worker.source.trail_folders import TrailFolders, listing_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

A = "111111111111"


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "ListObjectsV2")


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (
            refusal("AccessDenied"),
            "access_denied",
            "cannot list s3://logs/a/: access denied: allow s3:ListBucket",
        ),
        (
            refusal("NoSuchBucket"),
            "missing_bucket",
            "cannot list s3://logs/a/: there is no such bucket",
        ),
    ],
)
def test_a_refusal_says_what_to_do(
    error: ClientError, code: str, sentence: str
) -> None:
    fault = listing_fault(error, "logs", "a/")
    assert (fault.code, fault.sentence) == (code, sentence)


def test_the_permission_that_is_missing_is_named() -> None:
    permission = "s3:ListBucketVersions"
    error = refusal("AllAccessDisabled")
    fault = listing_fault(error, "logs", "", permission=permission)
    assert fault.sentence.endswith("access denied: allow s3:ListBucketVersions")


def test_other_faults_are_as_everywhere() -> None:
    fault = listing_fault(NoCredentialsError(), "logs", "a/")
    assert fault.code == "no_credentials"
    assert fault.sentence.startswith("cannot list s3://logs/a/: Unable to locate")


class FakeClient:
    """Lists the folders of keys as S3 does, in their order."""

    def __init__(self, *keys: str) -> None:
        self._keys = keys

    def get_paginator(self, _: str) -> FakeClient:
        return self

    def paginate(self, **asked: str) -> Iterator[dict[str, list[dict[str, str]]]]:
        prefix = asked["Prefix"]
        rest = (
            key.removeprefix(prefix) for key in self._keys if key.startswith(prefix)
        )
        folders = {f"{prefix}{one.partition('/')[0]}/" for one in rest if "/" in one}
        yield {"CommonPrefixes": [{"Prefix": one} for one in sorted(folders)]}


def _trail(root: str, region: str) -> str:
    return f"{root}AWSLogs/{A}/CloudTrail/{region}/2026/11/21/x.json.gz"


@pytest.mark.parametrize(
    ("prefix", "keys", "found"),
    [
        (
            "",
            [
                _trail("", "eu"),
                _trail("a/", "us"),
                _trail("security/", "eu"),
                _trail("deep/er/", "us"),
                "reports/2026/a.json",
            ],
            [_trail("", "eu"), _trail("a/", "us"), _trail("security/", "eu")],
        ),
        ("logs", [_trail("logs/", "eu"), _trail("logs/b/", "us")], None),
        ("", [_trail("a/", "eu"), "b/c.json"], []),
        (
            "AWSLogs/",
            [_trail("", "eu"), _trail("a/", "us")],
            [_trail("", "eu")],
        ),
    ],
)
def test_trails_with_prefixes_beside_one_without_are_found(
    prefix: str, keys: list[str], found: list[str] | None
) -> None:
    folders = TrailFolders(cast("S3Client", FakeClient(*keys)), "logs").of_regions(
        prefix
    )
    expected = [one.removesuffix("2026/11/21/x.json.gz") for one in found or keys]
    if found == []:
        assert folders is None  # no trail of that prefix: it is listed whole
    else:
        assert folders is not None
        assert list(folders) == expected


def test_folders_of_accounts_that_nobody_wants_are_left_out_of_all_trails() -> None:
    client = cast("S3Client", FakeClient(_trail("", "eu"), _trail("a/", "us")))
    folders = TrailFolders(client, "logs")
    wanted = folders.of_regions("", is_wanted=lambda folder: folder.startswith("a/"))
    assert list(wanted or ()) == [f"a/AWSLogs/{A}/CloudTrail/us/"]
    assert list(folders.of_regions("", accounts=("222222222222",)) or ()) == []
