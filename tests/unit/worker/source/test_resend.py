from __future__ import annotations

import json
from typing import Any

import pytest

from worker.source.notifications import ObjectRef, parse
from worker.source.resend import resent


def record(key: str, etag: str = "e1") -> dict[str, Any]:
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "trail-logs"}, "object": {"key": key, "eTag": etag}},
    }


def in_sns(message: str) -> str:
    return json.dumps({"Type": "Notification", "TopicArn": "arn", "Message": message})


EVENT = json.dumps({"Records": [record("a%2Bb"), record("c"), record("c", "e2")]})
EVENTBRIDGE = json.dumps(
    {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "trail-logs"}, "object": {"key": "a"}},
    }
)
CLOUDTRAIL = json.dumps({"s3Bucket": "trail-logs", "s3ObjectKey": ["a", "b"]})
FORMS = [EVENT, EVENTBRIDGE, CLOUDTRAIL]


@pytest.mark.parametrize("body", [*FORMS, *map(in_sns, FORMS)])
def test_every_form_names_the_same_objects_in_a_run_of_their_own(body: str) -> None:
    before = parse(body).objects
    after = parse(resent(body, run_id="run-1")).objects
    assert {ref.run_id for ref in before} == {""}
    assert {ref.run_id for ref in after} == {"run-1"}
    assert [(r.bucket, r.key, r.etag) for r in before] == [
        (r.bucket, r.key, r.etag) for r in after
    ]


@pytest.mark.parametrize("body", [EVENT, in_sns(EVENT)])
def test_a_later_run_takes_the_place_of_an_earlier_one(body: str) -> None:
    again = resent(resent(body, run_id="run-1"), run_id="run-2")
    assert {ref.run_id for ref in parse(again).objects} == {"run-2"}


@pytest.mark.parametrize("body", FORMS)
def test_a_later_run_outside_an_envelope_wins_over_one_inside(body: str) -> None:
    again = resent(in_sns(resent(body, run_id="run-1")), run_id="run-2")
    assert {ref.run_id for ref in parse(again).objects} == {"run-2"}


@pytest.mark.parametrize(
    ("body", "index"),
    [(EVENT, 0), (EVENT, 1), (EVENT, 2), (CLOUDTRAIL, 1), (EVENTBRIDGE, 0)],
)
@pytest.mark.parametrize("is_in_sns", [False, True])
def test_other_objects_are_left_out(body: str, index: int, *, is_in_sns: bool) -> None:
    body = in_sns(body) if is_in_sns else body
    wanted = parse(body).objects[index]
    (found,) = parse(resent(body, run_id="r", only=wanted)).objects
    assert (found.key, found.etag) == (wanted.key, wanted.etag)


@pytest.mark.parametrize("body", [EVENT, CLOUDTRAIL, in_sns(EVENT)])
def test_an_object_that_is_not_found_leaves_all_of_them(body: str) -> None:
    other = ObjectRef("trail-logs", "elsewhere")
    again = parse(resent(body, run_id="r", only=other)).objects
    assert len(again) == len(parse(body).objects)


@pytest.mark.parametrize("body", ["", "hello", "[1]", '"text"', "{", "[" * 100_000])
def test_what_is_no_json_object_is_sent_as_it_is(body: str) -> None:
    assert resent(body, run_id="r", only=ObjectRef("b", "k")) == body


@pytest.mark.parametrize(
    "body",
    [
        '{"a": 123456789012345678901234567890, "b": ["é\\ud800\\u0000"]}',
        '{"Records": [1, {"s3": null}]}',
        '{"Type": "x", "Message": "no json"}',
        '{"s3ObjectKey": "a"}',
    ],
)
def test_nothing_else_of_a_message_changes(body: str) -> None:
    again = resent(body, run_id="r", only=ObjectRef("b", "k"))
    assert again.isascii()
    assert json.loads(again) == {**json.loads(body), "trailfeed": {"runId": "r"}}
