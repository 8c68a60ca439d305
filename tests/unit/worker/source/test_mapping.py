"""Other producers' messages, read where ``[source.mapping]`` says."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import UnknownMessageError
from worker.source.notifications import (
    NO_OBJECTS,
    Ignored,
    Mapping,
    Notification,
    ObjectRef,
    parse,
)
from worker.source.resend import resent

FDR = Mapping.of("bucket", "files[*].path")
KEYS = ["data/0f5e/part-00000.gz", "data/0f5e/part 1+a%20b.gz"]


def fdr_message(*keys: str, **changes: object) -> dict[str, Any]:
    """As CrowdStrike's Falcon Data Replicator announces its files."""
    return {
        "cid": "0123456789abcdef0123456789abcdef",
        "timestamp": 1_492_726_639_222,
        "fileCount": len(keys),
        "totalSize": 1024 * len(keys),
        "bucket": "cs-prod-cannon-0123",
        "pathPrefix": "data/0f5e",
        "files": [
            {"path": key, "size": 1024, "checksum": "d41d8cd98f00b204e9800998ecf8427e"}
            for key in keys
        ],
        **changes,
    }


def in_sns(body: str) -> str:
    return json.dumps({"Type": "Notification", "TopicArn": "arn", "Message": body})


S3_EVENT = json.dumps(
    {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "s3": {"bucket": {"name": "trail-logs"}, "object": {"key": "a%2Bb"}},
            }
        ]
    }
)


@pytest.mark.parametrize("wrap", [str, in_sns])
def test_each_key_of_a_mapped_message_is_taken_as_it_is(wrap: Any) -> None:
    body = wrap(json.dumps(fdr_message(*KEYS)))

    assert parse(body, mapping=FDR).objects == tuple(
        ObjectRef("cs-prod-cannon-0123", key) for key in KEYS
    )


@pytest.mark.parametrize(
    ("bucket", "keys", "message"),
    [
        ("b", "key", {"b": "bucket", "key": "k"}),
        ("b", "keys[*]", {"b": "bucket", "keys": ["k"]}),
        ("d.b", "d.o[0].k", {"d": {"b": "bucket", "o": [{"k": "k"}, {}]}}),
        ("l[1]", "a[*].b[*].c", {"l": ["", "bucket"], "a": [{"b": [{"c": "k"}]}]}),
        (r"a\.b", r"c\[\]", {"a.b": "bucket", "c[]": "k"}),
    ],
)
def test_places_are_found_by_their_path(
    bucket: str, keys: str, message: dict[str, Any]
) -> None:
    found = parse(json.dumps(message), mapping=Mapping.of(bucket, keys))

    assert found.objects == (ObjectRef("bucket", "k"),)


def test_what_has_not_these_places_is_read_as_usual() -> None:
    assert parse(S3_EVENT, mapping=FDR) == parse(S3_EVENT)
    with pytest.raises(UnknownMessageError) as caught:
        parse('{"bucket": "b"}', mapping=FDR)
    assert caught.value.code == "unknown_message"


def test_without_the_settings_there_is_no_mapping() -> None:
    assert Mapping.of("", "") is None
    with pytest.raises(UnknownMessageError):
        parse(json.dumps(fdr_message(*KEYS)))


def test_a_mapped_message_without_any_key_needs_no_action() -> None:
    body = json.dumps(fdr_message())

    assert parse(body, mapping=FDR) == Notification(ignored=(Ignored(NO_OBJECTS),))


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"bucket": "a/../b"}, "bucket"),
        ({"bucket": None}, "bucket"),
        ({"files": {}}, "files"),
        ({"files": "data/a"}, "files"),
        ({"files": [{"path": "a"}, {}]}, "files[1].path"),
        ({"files": [{"path": "a"}, 1]}, "files[1].path"),
        ({"files": [{"path": ""}]}, "files[0].path"),
        ({"files": [{"path": ["a"]}]}, "files[0].path"),
    ],
)
def test_a_mapped_message_with_an_odd_part_is_refused_whole(
    changes: dict[str, object], place: str
) -> None:
    """Else the object behind that part would be lost with the message."""
    with pytest.raises(UnknownMessageError) as caught:
        parse(json.dumps(fdr_message("a", **changes)), mapping=FDR)

    assert caught.value.code == "malformed_notification"
    assert str(caught.value).startswith(f"{place} is missing or not ")


def test_a_mapped_message_goes_with_its_run() -> None:
    again = resent(json.dumps(fdr_message(*KEYS)), run_id="run-1")

    assert {ref.run_id for ref in parse(again, mapping=FDR).objects} == {"run-1"}


@pytest.mark.parametrize("wrap", [str, in_sns])
@pytest.mark.parametrize("key", KEYS)
def test_only_the_wanted_key_is_sent_again(wrap: Any, key: str) -> None:
    body = wrap(json.dumps(fdr_message(*KEYS)))
    only = ObjectRef("cs-prod-cannon-0123", key)

    again = resent(body, run_id="run-1", only=only, mapping=FDR)

    assert [ref.key for ref in parse(again, mapping=FDR).objects] == [key]


def test_a_key_in_the_midst_of_a_list_is_sent_again_alone() -> None:
    mapping = Mapping.of("b", "a[1].k[*]")
    body = json.dumps({"b": "bucket", "a": [{"k": ["x"]}, {"k": ["y", "z"]}]})

    again = resent(body, run_id="r", only=ObjectRef("bucket", "z"), mapping=mapping)

    assert [ref.key for ref in parse(again, mapping=mapping).objects] == ["z"]
    assert json.loads(again)["a"][0] == {"k": ["x"]}


def test_a_key_that_is_not_found_leaves_the_message_whole() -> None:
    body = json.dumps(fdr_message(*KEYS))

    again = resent(body, run_id="r", only=ObjectRef("b", "other"), mapping=FDR)

    assert [ref.key for ref in parse(again, mapping=FDR).objects] == KEYS


@given(
    st.dictionaries(
        st.sampled_from(["bucket", "files", "path", "Records", "Type", "Message"]),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=4) | st.just("bucket-1"),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["path", "x"]), inner, max_size=2)
            ),
        ),
    ),
    st.sampled_from([FDR, Mapping.of("files[0]", "files[*]"), Mapping.of("path", "x")]),
)
def test_no_other_error_leaves_a_mapping(
    document: dict[str, Any], mapping: Mapping | None
) -> None:
    with contextlib.suppress(UnknownMessageError):
        assert isinstance(parse(json.dumps(document), mapping=mapping), Notification)
