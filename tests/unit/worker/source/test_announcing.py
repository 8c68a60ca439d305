from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.source.announcing import announcement
from worker.source.notifications import ObjectRef, parse

REF = ObjectRef(
    bucket="trail",
    key="AWSLogs/1/CloudTrail/é +%2B/x\x01.json.gz",
    version_id="v1",
    etag="9b2cf535f27731c974343645a3985328",
    size_bytes=1234,
    region="eu-west-1",
    event_time=1_700_000_000.5,
    run_id="backfill-20261121T000000Z-abc",
)


@pytest.mark.parametrize("in_sns", [False, True])
@pytest.mark.parametrize("ref", [REF, ObjectRef("trail", "k")])
def test_it_is_read_as_the_object_that_it_announces(
    ref: ObjectRef, in_sns: bool
) -> None:
    body = announcement(ref, in_sns=in_sns)
    notification = parse(body, uses_sns=in_sns)
    assert notification.objects == (ref,)
    assert notification.ignored == ()


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=1024))
def test_any_key_survives(key: str) -> None:
    (ref,) = parse(announcement(ObjectRef("trail", key)), uses_sns=False).objects
    assert ref.key == key


def test_it_holds_nothing_that_sqs_refuses() -> None:
    body = announcement(REF)
    assert body.isascii()
    assert body.isprintable()
    assert json.loads(body)["Records"][0]["eventTime"] == "2023-11-14T22:13:20.500Z"
