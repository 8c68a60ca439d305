from __future__ import annotations

from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError

from worker.audit.places import Place, S3Places, local_places, newest_first
from worker.audit.question import Question
from worker.audit.trail import delivered_at, folders, is_log
from worker.errors import PermanentError, TrailfeedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
A, B = "111111111111", "222222222222"


def _name(account: str, region: str, time: str, kind: str = "CloudTrail") -> str:
    return f"{account}_{kind}_{region}_{time}Z_AbC0123456789xyz.json.gz"


def _key(account: str, region: str, day: str, root: str = "AWSLogs/") -> str:
    time = f"{day.replace('/', '')}T0905"
    return f"{root}{account}/CloudTrail/{region}/{day}/{_name(account, region, time)}"


KEYS = [
    _key(A, "us-east-1", "2026/11/20"),
    _key(A, "us-east-1", "2026/11/21"),
    _key(A, "eu-west-1", "2026/11/21"),
    _key(B, "us-east-1", "2026/11/22"),
    f"AWSLogs/{A}/CloudTrail-Digest/us-east-1/2026/11/21/"
    + _name(A, "us-east-1", "20261121T090500", "CloudTrail-Digest"),
    f"AWSLogs/{A}/vpcflowlogs/us-east-1/2026/11/21/x.log.gz",
]


class FakeClient:
    """Lists keys as S3 does; remembers which prefixes were listed whole."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = sorted(keys)
        self.listed: list[str] = []
        self.heads: dict[str, bytes] = {}

    def head_bucket(self, **_: str) -> dict[str, Any]:
        headers = {"x-amz-bucket-region": "eu-west-1"}
        return {"ResponseMetadata": {"HTTPHeaders": headers}}

    def get_paginator(self, _: str) -> FakeClient:
        return self

    def get_object(self, **asked: str) -> dict[str, Any]:
        assert asked["Range"] == "bytes=0-63"
        if asked["Key"] not in self.heads:
            error = {"Error": {"Code": "AccessDenied", "Message": "no"}}
            raise ClientError(error, "GetObject")  # type: ignore[arg-type]
        return {"Body": BytesIO(self.heads[asked["Key"]])}

    def paginate(
        self,
        *,
        Bucket: str,  # noqa: N803 - S3's own
        Prefix: str,  # noqa: N803
        Delimiter: str = "",  # noqa: N803
    ) -> Iterator[dict[str, Any]]:
        if Bucket != "logs":
            error = {"Error": {"Code": "NoSuchBucket", "Message": "none"}}
            raise ClientError(error, "ListObjectsV2")  # type: ignore[arg-type]
        found = [key for key in self._keys if key.startswith(Prefix)]
        if Delimiter:
            folders = {
                Prefix + key.removeprefix(Prefix).partition("/")[0] + "/"
                for key in found
                if "/" in key.removeprefix(Prefix)
            }
            yield {"CommonPrefixes": [{"Prefix": one} for one in sorted(folders)]}
        else:
            self.listed.append(Prefix)
            for key in found:
                yield {"Contents": [{"Key": key, "Size": 7}]}


def _listed(
    source: str, question: Question, keys: list[str] | None = None
) -> tuple[list[Place], list[str]]:
    client = FakeClient(keys or KEYS)
    places = S3Places(cast("S3Client", client), NOW)
    return list(places.places(source, question)), client.listed


@pytest.mark.parametrize(
    "source",
    ["s3://logs", "s3://logs/", "s3://logs/AWSLogs", "s3://logs/AWSLogs/"],
)
def test_a_whole_trail_is_found_from_its_root(source: str) -> None:
    places, _ = _listed(source, Question())
    assert {place.name for place in places} == set(KEYS[:4])
    assert {place.region for place in places} == {"eu-west-1"}
    assert {place.bucket for place in places} == {"logs"}


@pytest.mark.parametrize(
    ("source", "asked", "listed"),
    [
        (
            "s3://logs",
            {
                "accounts": (A,),
                "regions": ("us-east-1",),
                "since": datetime(2026, 11, 20, 5, 0, tzinfo=UTC),
                "until": datetime(2026, 11, 20, 23, 0, tzinfo=UTC),
            },
            [
                f"AWSLogs/{A}/CloudTrail/us-east-1/2026/11/21/",
                f"AWSLogs/{A}/CloudTrail/us-east-1/2026/11/20/",
            ],
        ),
        (
            f"s3://logs/AWSLogs/{A}/",
            {"since": datetime(2026, 11, 22, tzinfo=UTC)},
            [
                f"AWSLogs/{A}/CloudTrail/eu-west-1/2026/11/22/",
                f"AWSLogs/{A}/CloudTrail/us-east-1/2026/11/22/",
            ],
        ),
        (
            f"s3://logs/AWSLogs/{A}/CloudTrail/eu-west-1",
            {},
            [f"AWSLogs/{A}/CloudTrail/eu-west-1/"],
        ),
        (
            f"s3://logs/AWSLogs/{A}/CloudTrail/eu-west-1/2026/11/",
            {},
            [f"AWSLogs/{A}/CloudTrail/eu-west-1/2026/11/"],
        ),
        ("s3://logs", {"accounts": ("333333333333",)}, []),
    ],
)
def test_only_the_folders_asked_for_are_listed(
    source: str, asked: dict[str, Any], listed: list[str]
) -> None:
    assert _listed(source, Question(**asked))[1] == listed


def test_an_organization_and_a_prefix_lie_before_the_account() -> None:
    keys = [_key(A, "us-east-1", "2026/11/21", "team/AWSLogs/o-abc123/")]
    for source in (
        "s3://logs/team",
        "s3://logs/team/AWSLogs/",
        "s3://logs/team/AWSLogs/o-abc123/",
        f"s3://logs/team/AWSLogs/o-abc123/{A}/CloudTrail/",
    ):
        places, listed = _listed(source, Question(accounts=(A,)), keys)
        assert [place.name for place in places] == keys
        assert listed == [f"team/AWSLogs/o-abc123/{A}/CloudTrail/us-east-1/"]


def test_a_single_object_and_another_layout_are_listed_as_they_are() -> None:
    places, _ = _listed(f"s3://logs/{KEYS[1]}", Question())
    assert [place.name for place in places] == [KEYS[1]]
    places, listed = _listed("s3://logs/copies/", Question(), ["copies/x/a.json"])
    assert ([place.name for place in places], listed) == (
        ["copies/x/a.json"],
        ["copies/"],
    )


def test_what_cannot_be_listed_is_told() -> None:
    with pytest.raises(TrailfeedError, match="cannot list s3://other/"):
        _listed("s3://other/", Question())
    with pytest.raises(PermanentError, match="expected s3://BUCKET/PREFIX"):
        _listed("s3:///x", Question())


def test_local_logs_are_found_in_folders_and_by_name(tmp_path: Path) -> None:
    early, late = (_name(A, "us-east-1", f"202611{day}T0900") for day in (20, 22))
    digest = _name(A, "us-east-1", "20261121T090500", "CloudTrail-Digest")
    (tmp_path / "deep").mkdir()
    for name in (early, f"deep/{late}", digest, "notes.txt", "deep/lines.jsonl"):
        (tmp_path / name).write_bytes(b"x")
    question = Question(since=datetime(2026, 11, 21, tzinfo=UTC))
    found = local_places(str(tmp_path), question)
    assert {place.name for place in found} == {
        str(tmp_path / "deep" / late),
        str(tmp_path / "deep/lines.jsonl"),
    }
    one = list(local_places(str(tmp_path / "notes.txt"), question))
    assert [place.size_bytes for place in one] == [1]
    with pytest.raises(PermanentError, match="no such file or folder"):
        list(local_places(str(tmp_path / "gone"), question))


def test_files_of_any_name_are_read_where_they_hold_json(tmp_path: Path) -> None:
    heads = {
        "a.json.cloudtrail": b"{}",
        "b": b"\xef\xbb\xbf \n[",
        "c.log": b"\x1f\x8b\x08\x00",
        "d.parquet": b"PAR1",
        "e": b"",
        _name(A, "us-east-1", "20261121T090500", "CloudTrail-Digest"): b"{}",
    }
    for name, head in heads.items():
        (tmp_path / name).write_bytes(head)
    passed_over: list[str] = []
    found = local_places(str(tmp_path), Question(), pass_over=passed_over.append)
    assert [Path(place.name).name[0] for place in sorted(found, key=str)] == [*"abc"]
    assert sorted(passed_over) == [str(tmp_path / "d.parquet"), str(tmp_path / "e")]


def test_objects_of_any_name_are_read_where_they_hold_json() -> None:
    keys = ["x/a.json.cloudtrail", "x/b.parquet", "x/c.json", "x/folder/", "x/secret"]
    client = FakeClient(keys)
    client.heads = {keys[0]: b"[", keys[1]: b"PAR1", keys[3]: b" "}
    passed_over: list[str] = []
    found = S3Places(cast("S3Client", client), NOW).places(
        "s3://logs/x/", Question(), pass_over=passed_over.append
    )
    # Of one that cannot be read the reader of the whole says why.
    assert [place.name for place in found] == [keys[0], keys[2], keys[4]]
    assert passed_over == ["s3://logs/x/b.parquet"]


def test_names_tell_kind_and_time_of_delivery() -> None:
    name = _name(A, "us-gov-west-1", "20261121T0905")
    assert delivered_at(name) == datetime(2026, 11, 21, 9, 6, tzinfo=UTC)
    assert delivered_at("events.json") is None
    assert delivered_at(_name(A, "us-east-1", "20269921T0905")) is None
    assert is_log(name)
    assert not is_log(_name(A, "us-east-1", "20261121T090500", "CloudTrail-Digest"))
    assert not is_log("README.md")


def test_the_newest_come_first_after_those_of_unknown_time() -> None:
    places = [
        Place("old", delivered_at=datetime(2026, 11, 20, tzinfo=UTC)),
        Place("unknown"),
        Place("new", delivered_at=datetime(2026, 11, 21, tzinfo=UTC)),
    ]
    assert [place.name for place in newest_first(places)] == ["unknown", "new", "old"]


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (date(2026, 11, 21), date(2026, 11, 21), ["2026/11/21/"]),
        (date(2026, 11, 22), date(2026, 11, 21), []),
        (
            date(2026, 1, 31),
            date(2026, 3, 1),
            ["2026/03/01/", "2026/02/", "2026/01/31/"],
        ),
        (date(2026, 2, 1), date(2026, 2, 28), ["2026/02/"]),
        (date(110, 1, 1), date(2013, 12, 1), ["2013/12/01/", "2013/11/"]),
    ],
)
def test_whole_months_are_one_folder(
    since: date, until: date, expected: list[str]
) -> None:
    assert list(folders(since, until)) == expected
