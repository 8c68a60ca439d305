from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError

from tests.fakes.digest_chain import fingerprint, key_list, public_key
from worker.errors import PermanentError, RetriableError
from worker.verify.public_keys import AskedKeys, FileKeys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_cloudtrail import CloudTrailClient

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


class FakeCloudTrail:
    def __init__(self, *, refuses: bool = False) -> None:
        self.asked: list[tuple[datetime, datetime]] = []
        self._refuses = refuses

    def get_paginator(self, _: str) -> FakeCloudTrail:
        return self

    def paginate(
        self,
        *,
        StartTime: datetime,  # noqa: N803 - CloudTrail's own
        EndTime: datetime,  # noqa: N803
    ) -> Iterator[dict[str, Any]]:
        self.asked.append((StartTime, EndTime))
        if self._refuses:
            raise ClientError(
                {"Error": {"Code": "AccessDeniedException", "Message": "no"}},
                "ListPublicKeys",
            )
        yield {"PublicKeyList": []}
        value = {"Fingerprint": fingerprint().upper(), "Value": public_key()}
        yield {"PublicKeyList": [value]}

    def of(self, _: str) -> CloudTrailClient:
        return cast("CloudTrailClient", self)


def test_a_key_is_asked_for_once_around_its_time() -> None:
    cloudtrail = FakeCloudTrail()
    keys = AskedKeys(cloudtrail.of)
    for minutes in (0, 10, 300):
        at = AT + timedelta(minutes=minutes)
        assert keys.find(fingerprint(), region="r", at=at) == public_key()
    assert keys.find("other", region="r", at=AT) is None
    ((begin, end),) = cloudtrail.asked
    assert begin < AT < end - timedelta(hours=1)


def test_another_region_and_another_hour_are_asked_for() -> None:
    cloudtrail = FakeCloudTrail()
    keys = AskedKeys(cloudtrail.of)
    keys.find("none", region="a", at=AT)
    keys.find("none", region="b", at=AT)
    keys.find("none", region="b", at=AT + timedelta(hours=1))
    assert len(cloudtrail.asked) == 3


def test_a_refusal_names_the_permission_and_the_other_way() -> None:
    keys = AskedKeys(FakeCloudTrail(refuses=True).of)
    with pytest.raises(RetriableError, match=r"cloudtrail:ListPublicKeys.*--public"):
        keys.find("none", region="r", at=AT)


def test_keys_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(key_list()))
    keys = FileKeys(path)
    assert keys.find(fingerprint(), region="r", at=AT) == public_key()
    assert keys.find("other", region="r", at=AT) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"PublicKeyList": [{}]}',
        '{"PublicKeyList": [{"Fingerprint": 1, "Value": "AA=="}]}',
        '{"PublicKeyList": [{"Fingerprint": "a", "Value": "?"}]}',
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(PermanentError, match=r"keys\.json: holds no keys"):
        FileKeys(path)


def test_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="cannot be read: No such file"):
        FileKeys(tmp_path / "none")
