"""CloudTrail files that go through shippers, and what has to come out of them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

Record = dict[str, Any]

REAL_FILES = Path(__file__).parents[2] / "../shared/data/cloudtrail/invictus"


def made_up_files() -> dict[str, bytes]:
    """Files of our own by key, gzipped."""
    return {f"AWSLogs/{n}.json.gz": odd_file(n) for n in range(30)}


def real_files() -> dict[str, bytes]:
    """2,900 records of a real account, by key, gzipped.

    Skips the test where they are not.
    """
    if not REAL_FILES.is_dir():
        pytest.skip(f"no real CloudTrail files at {REAL_FILES}")
    return {
        f"AWSLogs/{path.name}.gz": gzip.compress(path.read_bytes())
        for path in sorted(REAL_FILES.glob("*.json"))
    }


def odd_file(number: int) -> bytes:
    """A file of records with all that tends to get lost on the way."""
    records = [
        {
            "eventID": f"{number}-{n}",
            "eventTime": "2026-11-20T12:00:00Z",
            "additionalEventData": {"bytesTransferredOut": 1376.0, "x-amz-id-2": "a="},
            "requestParameters": {
                "aws:cloudtrail:arn": "arn:aws:…",
                "empty": {},
                "none": None,
                "list": [1, -2, 2**53 + 1, 1e-7, True, "", []],
                "text": 'quote " backslash \\ \u2028 \u202f é ☃ 😀 \u0000',
            },
            "readOnly": False,
        }
        for n in range(20)
    ]
    return gzip.compress(json.dumps({"Records": records}).encode())


def records_of(files: dict[str, bytes]) -> dict[str, Record]:
    """The source's records by event id."""
    return {
        record["eventID"]: record
        for body in files.values()
        for record in json.loads(gzip.decompress(body))["Records"]
    }


def same(left: object, right: object) -> bool:
    """Equal, and of the same types: 1376.0 is not 1376."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            same(left[key], right[key]) for key in left
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


def assert_unchanged(arrived: list[Record], files: dict[str, bytes]) -> None:
    """Each record once, those of a file in its order, every field as in the source."""
    source = records_of(files)
    assert sorted(record["eventID"] for record in arrived) == sorted(source)
    assert [r["eventID"] for r in arrived if not same(r, source[r["eventID"]])] == []
    place = {record["eventID"]: n for n, record in enumerate(arrived)}
    for body in files.values():
        ids = [r["eventID"] for r in json.loads(gzip.decompress(body))["Records"]]
        assert ids == sorted(ids, key=place.__getitem__)
