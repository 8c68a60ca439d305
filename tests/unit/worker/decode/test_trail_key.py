from __future__ import annotations

import pytest

from worker.decode.trail_key import TrailKey, trail_key

NAME = "us-east-1/2026/11/21/123456789012_x.json.gz"


@pytest.mark.parametrize(
    ("folder", "file_type"),
    [
        ("CloudTrail", "log"),
        ("CloudTrail-Insight", "insight"),
        ("CloudTrail-NetworkActivity", "network_activity"),
        ("CloudTrail-Aggregated", "aggregated"),
        ("CloudTrail-Digest", "digest"),
        ("CloudTrail-Else", None),
        ("Config", None),
    ],
)
@pytest.mark.parametrize("organisation", ["", "o-a1b2c3d4e5/"])
@pytest.mark.parametrize("prefix", ["", "some/prefix/"])
def test_a_key_names_account_and_kind(
    folder: str, file_type: str | None, organisation: str, prefix: str
) -> None:
    key = f"{prefix}AWSLogs/{organisation}123456789012/{folder}/{NAME}"

    assert trail_key(key) == TrailKey("123456789012", file_type)


@pytest.mark.parametrize(
    "key", ["", "x.json", "AWSLogs/1234/CloudTrail/x", "myAWSLogs/123456789012/x"]
)
def test_other_keys_name_nothing(key: str) -> None:
    assert trail_key(key) == TrailKey()
