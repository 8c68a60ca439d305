from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from worker.config.model import DecodeConfig
from worker.deliver.provenance import marks_of
from worker.source.notifications import ObjectRef
from worker.source.objects import Body

KEY = "AWSLogs/123456789012/CloudTrail-Insight/us-east-1/x.json.gz"
REF = ObjectRef("bucket", KEY, region="us-east-1", event_time=1_700_000_000.25)
BODY = Body(b"1234", 4, "etag", None)


def marks(
    record: dict[str, Any],
    index: int = 0,
    ref: ObjectRef = REF,
    body: Body = BODY,
    **decode: object,
) -> dict[str, Any]:
    of = marks_of(DecodeConfig.model_validate(decode), ref, body)
    assert of is not None
    return of(record, index)


def record_id(record: dict[str, Any], *args: Any, **kwargs: Any) -> str:
    fields = marks(record, *args, id_field="id", **kwargs)
    assert list(fields) == ["id"]
    assert isinstance(fields["id"], str)
    return fields["id"]


def test_nothing_is_made_where_nothing_is_asked_for() -> None:
    assert marks_of(DecodeConfig(), REF, BODY) is None


def test_metadata_says_where_a_record_comes_from() -> None:
    assert marks({}, 7, with_metadata=True, metadata_field="m") == {
        "m": {
            "bucket": "bucket",
            "key": KEY,
            "region": "us-east-1",
            "size": 4,
            "etag": "etag",
            "version": None,
            "account": "123456789012",
            "file_type": "insight",
            "notification_time": "2023-11-14T22:13:20.250Z",
            "index": 7,
        }
    }


@pytest.mark.parametrize(
    ("named", "read_in", "region"),
    [
        ("us-east-1", "eu-west-1", "eu-west-1"),
        (None, "eu-west-1", "eu-west-1"),
        ("us-east-1", None, "us-east-1"),
    ],
)
def test_the_region_is_the_one_that_the_object_was_read_in(
    named: str | None, read_in: str | None, region: str
) -> None:
    ref, body = replace(REF, region=named), replace(BODY, region=read_in)
    assert marks({}, ref=ref, body=body, with_metadata=True)["_metadata"]["region"] == (
        region
    )


@pytest.mark.parametrize(
    ("record", "account"),
    [
        ({"recipientAccountId": "210987654321"}, "210987654321"),
        ({"recipientAccountId": 7}, None),
        ({}, None),
    ],
)
def test_without_an_account_in_the_key_it_is_the_records(
    record: dict[str, Any], account: str | None
) -> None:
    ref = ObjectRef("bucket", "some.json", version_id="v1")
    found = marks(record, ref=ref, with_metadata=True)["_metadata"]

    assert (found["account"], found["file_type"]) == (account, None)
    assert (found["version"], found["notification_time"]) == ("v1", None)


def test_each_record_has_metadata_of_its_own() -> None:
    of = marks_of(DecodeConfig(with_metadata=True), REF, BODY)
    assert of is not None
    first, second = of({}, 0)["_metadata"], of({}, 1)["_metadata"]
    assert (first["index"], second["index"]) == (0, 1)


def test_the_id_is_cloudtrails_own() -> None:
    assert record_id({"eventID": "8a21-e1"}) == "8a21-e1"
    aggregated = {"eventId": "8a21-e2", "eventCategory": "Aggregated"}
    assert record_id(aggregated) == "8a21-e2"
    assert record_id({"eventId": "8a21-e2"}) == record_id({}), "not CloudTrail's"


@pytest.mark.parametrize("event_id", [None, "", 4624, ["x"], "x" * 1000])
def test_other_records_get_an_id_that_says_what_they_are(event_id: object) -> None:
    """The same each time, and another one for whatever else there is."""
    record = {"eventID": event_id}
    ids = [
        record_id(record),
        record_id(record, 1),
        record_id(record, ref=replace(REF, bucket="other")),
        record_id(record, ref=replace(REF, key="other")),
        record_id(record, body=replace(BODY, etag="other")),
        record_id(record, body=replace(BODY, version_id="v2")),
    ]
    assert len(set(ids)) == len(ids)
    assert record_id({"changed": 1}) == ids[0]
    assert record_id(record, ref=replace(REF, event_time=1.0, run_id="r")) == ids[0]


def test_an_id_does_not_change_with_a_later_version() -> None:
    assert record_id({}) == "103cd51783e15e76daa8238f5c930a33"
