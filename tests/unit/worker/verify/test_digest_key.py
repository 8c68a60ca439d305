from __future__ import annotations

from datetime import UTC, datetime

import pytest

from worker.verify.digest_key import Chain, parse_digest_key

FOLDER = "AWSLogs/123456789012/CloudTrail-Digest/us-east-2/2015/08/17/"
NAME = "123456789012_CloudTrail-Digest_us-east-2_your_trail_us-east-1_20150817T150131Z"


@pytest.mark.parametrize("root", ["", "a/b/"])
@pytest.mark.parametrize("is_backfill", [False, True])
def test_a_key_says_whose_chain_it_is_of(root: str, *, is_backfill: bool) -> None:
    suffix = "_backfill" if is_backfill else ""
    found = parse_digest_key(f"{root}{FOLDER}{NAME}{suffix}.json.gz")
    assert found is not None
    assert found.end == datetime(2015, 8, 17, 15, 1, 31, tzinfo=UTC)
    assert found.chain == Chain(
        f"{root}AWSLogs/",
        "123456789012",
        "us-east-2",
        "your_trail",
        "us-east-1",
        is_backfill=is_backfill,
    )
    assert found.chain.logs_prefix == (
        f"{root}AWSLogs/123456789012/CloudTrail/us-east-2/"
    )


def test_an_organization_is_part_of_the_root() -> None:
    key = f"{FOLDER}{NAME}.json.gz".replace("AWSLogs/", "AWSLogs/o-abcdefghij/")
    found = parse_digest_key(key)
    assert found is not None
    assert found.chain.root == "AWSLogs/o-abcdefghij/"


@pytest.mark.parametrize(
    "key",
    [
        "",
        FOLDER,
        f"{FOLDER}{NAME}.json",
        f"{FOLDER}{NAME}.json.gz.bak",
        f"{FOLDER}{NAME}.json.gz".replace("20150817T", "20151317T"),
        f"{FOLDER}{NAME}.json.gz".replace("/123456789012/", "/210987654321/"),
    ],
)
def test_other_keys_are_no_digests(key: str) -> None:
    assert parse_digest_key(key) is None
