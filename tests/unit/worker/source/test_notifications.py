from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.worker.source.bodies import (
    CLOUDTRAILS_OWN,
    PUBLISHED,
    VALIDATION_TEXT,
    eventbridge,
    in_sns,
    refusal,
    s3_event,
    s3_record,
)
from worker.deliver.progress import IGNORED_REASONS
from worker.errors import UnknownMessageError
from worker.source.notifications import (
    Ignored,
    Mapping,
    Notification,
    ObjectRef,
    parse,
)

if TYPE_CHECKING:
    from collections.abc import Callable

SHARED = Path(__file__).parents[5] / "shared" / "data" / "notifications"


CONFIG = (
    "ConfigurationItemChangeNotification",
    "OversizedConfigurationItemChangeNotification",
    "OversizedConfigurationItemChangeDeliveryFailed",
    "ConfigurationSnapshotDeliveryStarted",
    "ConfigurationSnapshotDeliveryFailed",
    "ConfigurationHistoryDeliveryFailed",
    "ConfigRulesEvaluationStarted",
    "ComplianceChangeNotification",
)


def test_an_s3_event_names_its_object() -> None:
    assert parse(s3_event(s3_record(versionId="v1"))) == Notification(
        objects=(
            ObjectRef(
                bucket="trail-logs",
                key="logs/a.json.gz",
                version_id="v1",
                etag="d41d8cd98f00b204e9800998ecf8427e",
                size_bytes=1024,
                region="eu-west-1",
                event_time=1_709_294_400.5,
            ),
        )
    )


def test_an_eventbridge_event_names_its_object() -> None:
    assert parse(eventbridge()) == Notification(
        objects=(
            ObjectRef(
                bucket="trail-logs",
                key="logs/a.json.gz",
                version_id="IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
                etag="b1946ac92492d2347c6235b4d2611184",
                size_bytes=5,
                region="eu-west-1",
                event_time=1_709_294_400.0,
            ),
        )
    )


@pytest.mark.parametrize("keys", [["a.json.gz"], ["a.json.gz", "b c+d%20.json.gz"]])
def test_cloudtrails_own_form_names_its_objects(keys: list[str]) -> None:
    body = json.dumps({"s3Bucket": "trail-logs", "s3ObjectKey": keys})

    assert parse(body).objects == tuple(ObjectRef("trail-logs", key) for key in keys)


def test_cloudtrails_own_form_may_hold_one_key_outside_a_list() -> None:
    body = json.dumps({"s3Bucket": "trail-logs", "s3ObjectKey": "a.json.gz"})

    assert parse(body).objects == (ObjectRef("trail-logs", "a.json.gz"),)


@pytest.mark.parametrize(
    "body",
    [
        s3_event(s3_record()),
        eventbridge(),
        json.dumps({"s3Bucket": "trail-logs", "s3ObjectKey": ["a"]}),
        json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}),
        VALIDATION_TEXT,
    ],
)
def test_an_sns_envelope_changes_nothing(body: str) -> None:
    assert parse(in_sns(body)) == parse(body)
    assert parse(in_sns(body), uses_sns=True) == parse(body, uses_sns=False)


@pytest.mark.parametrize(
    ("body", "event_time"),
    [
        (s3_event(s3_record()), 1_709_294_400.5),
        (in_sns(eventbridge(), Timestamp=PUBLISHED), 1_709_294_400.0),
        (in_sns(CLOUDTRAILS_OWN, Timestamp=PUBLISHED), 1_714_979_289.25),
        (in_sns(CLOUDTRAILS_OWN, Timestamp="soon"), 7.5),
        (in_sns(CLOUDTRAILS_OWN), 7.5),
        (CLOUDTRAILS_OWN, 7.5),
    ],
    ids=["own", "own-in-sns", "envelope", "no-time", "no-envelope-time", "bare"],
)
def test_the_time_is_the_notifications_or_its_envelopes_or_the_messages(
    body: str, event_time: float
) -> None:
    assert {ref.event_time for ref in parse(body, sent_at=7.5).objects} == {event_time}


@pytest.mark.parametrize("key", ["k" * 1024, "é" * 512, "k" * 1025, "é" * 513])
def test_a_key_longer_than_s3_allows_is_malformed(key: str) -> None:
    mapping = Mapping.of("bucket", "keys[*]")
    bodies = [
        s3_event(s3_record(quote_plus(key))),
        s3_event(s3_record(versionId=key)),
        eventbridge(key),
        in_sns(json.dumps({"s3Bucket": "trail-logs", "s3ObjectKey": ["a", key]})),
        json.dumps({"bucket": "trail-logs", "keys": ["a", key]}),
    ]
    for body in bodies:
        if len(key.encode()) <= 1024:
            refs = parse(body, mapping=mapping).objects
            assert key in (refs[-1].key, refs[-1].version_id)
        else:
            with pytest.raises(UnknownMessageError, match=r"1,02\d bytes, and S3 allo"):
                parse(body, mapping=mapping)


def test_sns_is_read_as_the_configuration_says() -> None:
    body = s3_event(s3_record())

    assert refusal(body, uses_sns=True) == "no_sns_envelope"
    assert refusal(in_sns(body), uses_sns=False) == "sns_envelope"
    assert refusal(in_sns(in_sns(body))) == "unknown_message"


def marked(body: str, **marks: object) -> str:
    return json.dumps({**json.loads(body), "trailfeed": marks})


@pytest.mark.parametrize(
    "body",
    [
        marked(s3_event(s3_record()), runId="run:1.a-b"),
        marked(eventbridge(), runId="run:1.a-b", other=1),
        marked(CLOUDTRAILS_OWN, runId="run:1.a-b"),
        in_sns(marked(CLOUDTRAILS_OWN, runId="run:1.a-b")),
        marked(in_sns(s3_event(s3_record())), runId="run:1.a-b"),
        marked(in_sns(marked(eventbridge(), runId="older")), runId="run:1.a-b"),
    ],
)
def test_a_run_id_goes_with_every_object_of_its_message(body: str) -> None:
    assert {ref.run_id for ref in parse(body).objects} == {"run:1.a-b"}


def test_what_s3_announced_itself_belongs_to_no_run() -> None:
    (ref,) = parse(s3_event(s3_record())).objects
    assert ref.run_id == ""


@pytest.mark.parametrize("marks", [{}, {"runId": ""}, {"runId": 1}, {"runId": "a b"}])
@pytest.mark.parametrize("wrap", [str, in_sns])
def test_a_run_id_that_is_none_is_not_passed_over(
    marks: dict[str, object], wrap: Callable[[str], str]
) -> None:
    """Else a deliberate resend would be taken for a duplicate."""
    body = marked(s3_event(s3_record()), **marks)
    assert refusal(wrap(body)) == "malformed_notification"


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.3", "2.5", "2.17"])
def test_every_minor_version_of_an_s3_event_is_taken(version: str) -> None:
    assert len(parse(s3_event(s3_record(eventVersion=version))).objects) == 1


def test_another_major_version_is_not_guessed_at() -> None:
    for version in ("3.0", "20.1"):
        assert refusal(s3_event(s3_record(eventVersion=version))) == "event_version"


@pytest.mark.parametrize(
    "name",
    [
        "ObjectCreated:Copy",
        "ObjectCreated:CompleteMultipartUpload",
        "s3:ObjectCreated:Put",
    ],
)
def test_every_way_of_creating_an_object_is_taken(name: str) -> None:
    assert len(parse(s3_event(s3_record(eventName=name))).objects) == 1


@pytest.mark.parametrize("source", ["minio:s3", "ceph:s3"])
def test_other_stores_events_are_taken(source: str) -> None:
    assert len(parse(s3_event(s3_record(eventSource=source))).objects) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}), "test_event"),
        (VALIDATION_TEXT, "cloudtrail_validation"),
        (f" {VALIDATION_TEXT}\n", "cloudtrail_validation"),
        *((json.dumps({"messageType": one}), "config_notification") for one in CONFIG),
        (s3_event(s3_record(eventName="ObjectRemoved:Delete")), "other_event_type"),
        (s3_event(s3_record(eventName="ObjectTagging:Put")), "other_event_type"),
        (s3_event(s3_record(eventSource="aws:ses")), "other_event_source"),
        (eventbridge(**{"detail-type": "Object Deleted"}), "other_event_type"),
        (eventbridge(source="aws.ec2"), "other_event_source"),
        (s3_event(s3_record("logs/", size=0)), "folder_marker"),
        (s3_event(s3_record("logs/a", size=0)), "empty_object"),
    ],
)
def test_what_needs_no_action_is_known_by_its_reason(body: str, reason: str) -> None:
    assert reasons(parse(body)) == (reason,)
    assert parse(body).objects == ()
    assert reason in IGNORED_REASONS
    assert reasons(parse(in_sns(body))) == (reason,)


@pytest.mark.parametrize("kind", ["History", "Snapshot"])
def test_what_aws_config_delivered_is_read(kind: str) -> None:
    body = json.dumps(
        {
            "s3ObjectKey": "AWSLogs/1/Config/a.json.gz",
            "s3Bucket": "trail-logs",
            "notificationCreationTime": "2026-11-21T12:00:00.000Z",
            "messageType": f"Configuration{kind}DeliveryCompleted",
            "recordVersion": "1.1",
        }
    )
    (ref,) = parse(in_sns(body)).objects
    assert (ref.bucket, ref.key) == ("trail-logs", "AWSLogs/1/Config/a.json.gz")


@pytest.mark.parametrize(
    "kind", ["", "Config", "MyConfigurationItem", "Order", 1, None]
)
def test_a_message_type_of_others_is_nothing_known(kind: object) -> None:
    with pytest.raises(UnknownMessageError):
        parse(json.dumps({"messageType": kind}))


@pytest.mark.parametrize(
    "body", [VALIDATION_TEXT, '{"Event":"s3:TestEvent"}', s3_event(s3_record("a"))]
)
def test_a_byte_order_mark_is_passed_over(body: str) -> None:
    expected = parse(body)
    assert parse(f"\ufeff{body}") == expected
    expected = parse(in_sns(body))
    assert parse(f"\ufeff{in_sns(body)}") == expected
    assert parse(in_sns(f"\ufeff{body}")) == expected


def reasons(notification: Notification) -> tuple[str, ...]:
    return tuple(part.reason for part in notification.ignored)


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (
            s3_event(s3_record("a%2Bb+c", eventName="ObjectRemoved:Delete")),
            Ignored("other_event_type", "trail-logs", "a+b c"),
        ),
        (
            s3_event(s3_record(eventName="ObjectRemoved:Delete", s3=[])),
            Ignored("other_event_type"),
        ),
        (
            eventbridge("a+b", **{"detail-type": "Object Deleted"}),
            Ignored("other_event_type", "trail-logs", "a+b"),
        ),
        (s3_event(s3_record("a", size=0)), Ignored("empty_object", "trail-logs", "a")),
        (
            s3_event(s3_record("a/", size=0)),
            Ignored("folder_marker", "trail-logs", "a/"),
        ),
        (VALIDATION_TEXT, Ignored("cloudtrail_validation")),
    ],
)
def test_what_needs_no_action_is_named_as_far_as_it_has_a_name(
    body: str, part: Ignored
) -> None:
    assert parse(body).ignored == (part,)


def test_a_message_may_hold_several_parts() -> None:
    body = s3_event(
        s3_record("a"),
        s3_record("b", eventName="ObjectRemoved:Delete"),
        s3_record("c", size=0),
        s3_record("d/"),
    )

    found = parse(body)

    assert [ref.key for ref in found.objects] == ["a", "d/"]
    assert [(part.reason, part.key) for part in found.ignored] == [
        ("other_event_type", "b"),
        ("empty_object", "c"),
    ]


@pytest.mark.parametrize("version_id", [None, "", "null"])
def test_an_object_without_a_version_of_its_own_has_none(
    version_id: str | None,
) -> None:
    (ref,) = parse(s3_event(s3_record(versionId=version_id))).objects

    assert ref.version_id is None


def test_what_is_missing_or_odd_beside_bucket_and_key_is_none() -> None:
    record = s3_record(
        eTag='"abc"', size="12", awsRegion="evil.example/#", eventTime="yesterday"
    )

    (ref,) = parse(s3_event(record)).objects

    assert ref == ObjectRef("trail-logs", "logs/a.json.gz", etag="abc")


def test_sizes_and_etags_beyond_all_bounds_are_none() -> None:
    record = s3_record(eTag="e" * 100_000, size=10**400)

    (ref,) = parse(s3_event(record)).objects

    assert (ref.etag, ref.size_bytes) == (None, None)


def test_an_eventbridge_etag_is_read_in_either_spelling() -> None:
    detail = {"bucket": {"name": "trail-logs"}, "object": {"key": "a", "eTag": "abc"}}

    assert parse(eventbridge(detail=detail)).objects[0].etag == "abc"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "not_json"),
        ("hello", "not_json"),
        ('"hello"', "unknown_message"),
        ("[]", "unknown_message"),
        ("{}", "unknown_message"),
        ('{"Records": []}', "unknown_message"),
        ('{"Records": {}}', "unknown_message"),
        ('{"Records": [1]}', "malformed_notification"),
        ('{"Records": [{}]}', "malformed_notification"),
        (s3_event(s3_record(s3={})), "malformed_notification"),
        (s3_event(s3_record("")), "malformed_notification"),
        (s3_event(s3_record(), {"eventSource": "aws:s3"}), "malformed_notification"),
        ('{"s3Bucket": "b", "s3ObjectKey": []}', "malformed_notification"),
        ('{"s3Bucket": "b", "s3ObjectKey": [1]}', "malformed_notification"),
        ('{"s3Bucket": "a/../b", "s3ObjectKey": ["k"]}', "malformed_notification"),
        (eventbridge(detail=[]), "malformed_notification"),
        (eventbridge(**{"detail-type": None}), "security_lake"),
        (in_sns("confirm", "SubscriptionConfirmation"), "sns_confirmation"),
        (in_sns("confirm", "two\nlines"), "sns_confirmation"),
        (in_sns("hello"), "not_json"),
        ("[" * 100_000, "not_json"),
        (r'{"a": "\ud800"}', "not_json"),
        ("\ud800", "not_json"),
    ],
)
def test_what_is_no_notification_is_refused_by_its_reason(body: str, code: str) -> None:
    assert refusal(body) == code


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        *("Records", "eventSource", "eventVersion", "eventName", "s3"),
                        *(
                            "bucket",
                            "name",
                            "object",
                            "key",
                            "size",
                            "eTag",
                            "versionId",
                        ),
                        *("detail", "source", "detail-type", "s3Bucket", "s3ObjectKey"),
                        *("Type", "Message", "TopicArn", "Event"),
                    ]
                ),
                inner
                | st.sampled_from(["aws:s3", "2.1", "ObjectCreated:Put", "aws.s3"])
                | st.sampled_from(["Object Created", "Notification", "null"]),
                max_size=6,
            )
        ),
    )
)
def test_no_other_error_leaves_the_parser(document: object) -> None:
    with contextlib.suppress(UnknownMessageError):
        assert isinstance(parse(json.dumps(document)), Notification)


def test_an_objects_url_fits_on_one_line() -> None:
    assert ObjectRef("b", "a/é").url == "s3://b/a/é"
    assert ObjectRef("b", "a key=b").url == '"s3://b/a key=b"'
    assert ObjectRef("b", "a\nb\x1b").url == r'"s3://b/a\nb\x1b"'


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize(
    ("name", "objects_count", "ignored"),
    [
        ("eventbridge_object_created", 1, ()),
        ("raw_cloudtrail_1", 1, ()),
        ("raw_cloudtrail_3", 3, ()),
        ("s3_put_v2.1", 1, ()),
        ("s3_test_event", 0, ("test_event",)),
        ("sns_wrapped_cloudtrail_1", 1, ()),
        ("sns_wrapped_cloudtrail_3", 3, ()),
        ("sns_wrapped_cloudtrail_validation", 0, ("cloudtrail_validation",)),
        ("sns_wrapped_s3_put", 1, ()),
        ("sns_wrapped_s3_test_event", 0, ("test_event",)),
    ],
)
def test_documented_bodies_are_read(
    name: str, objects_count: int, ignored: tuple[str, ...]
) -> None:
    found = parse((SHARED / f"{name}.json").read_text())

    assert len(found.objects) == objects_count
    assert reasons(found) == ignored


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
def test_security_lakes_documented_body_is_refused() -> None:
    body = (SHARED / "security_lake_object_created.json").read_text()

    assert refusal(body) == "security_lake"
