from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.quarantine import AT, item
from worker.deliver import quarantine_item
from worker.deliver.quarantine_item import (
    SCHEMA,
    BrokenItemError,
    NewerItemError,
    parse,
    serialize,
)
from worker.source.messages import Message
from worker.source.notifications import ObjectRef

ANY_TEXT = st.text(st.characters(exclude_categories=()))


def test_the_form_on_disk_stays_as_it_is() -> None:
    """Another form needs another schema: items outlive an upgrade."""
    kept = item(
        message=Message("m1", "handle", "body", 3, AT),
        object=ObjectRef("b", "k", "v", "e", 5, "eu-west-1", 1.5, "run"),
        record_index=7,
        id="the-id",
        version="0.1.0",
        body_bytes=9,
    )
    assert json.loads(serialize(kept)) == {
        "schema": 1,
        "id": "the-id",
        "at": "2026-11-21T09:15:01.123456Z",
        "code": "bad_gzip",
        "sentence": "object 0 is no gzip file",
        "version": "0.1.0",
        "queue_url": kept.queue_url,
        "message": {
            "id": "m1",
            "body": "body",
            "receive_count": 3,
            "sent_at": "2026-11-21T09:15:01.123456Z",
        },
        "object": {
            "bucket": "b",
            "key": "k",
            "version_id": "v",
            "etag": "e",
            "size_bytes": 5,
            "region": "eu-west-1",
            "event_time": 1.5,
            "run_id": "run",
        },
        "record_index": 7,
        "body_bytes": 9,
    }


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_any_text_comes_back(key: str, body: str, sentence: str) -> None:
    kept = item(
        sentence=sentence,
        message=Message("m", "", body),
        object=ObjectRef("b", key),
        id="x",
    )
    assert parse(serialize(kept), item_id="x") == kept


def test_an_item_without_object_comes_back() -> None:
    kept = item(object=None, id="x", at=AT.astimezone(timezone(timedelta(hours=5))))
    assert parse(serialize(kept), item_id="x") == kept


def test_the_id_is_that_of_its_place() -> None:
    kept = item(id="x")
    assert parse(serialize(kept), item_id="y") == replace(kept, id="y")


def test_fields_of_a_later_version_are_passed_over() -> None:
    document = {**json.loads(serialize(item(id="x"))), "later": 1}
    assert parse(json.dumps(document).encode(), item_id="x") == item(id="x")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"schema": None}, "schema None"),
        ({"schema": 0}, "schema 0"),
        ({"schema": "1"}, "schema '1'"),
        ({"code": 5}, "code"),
        ({"at": "yesterday"}, "at"),
        ({"at": datetime(2026, 1, 1).isoformat()}, "timezone"),  # noqa: DTZ001
        ({"message": {}}, "id"),
        ({"message": []}, "no item"),
        ({"object": {"bucket": "b"}}, "key"),
        ({"body_bytes": "9"}, "body_bytes"),
    ],
)
def test_another_form_is_refused_with_its_reason(
    changes: dict[str, object], word: str
) -> None:
    document = json.loads(serialize(item())) | changes
    with pytest.raises(BrokenItemError, match=word):
        parse(json.dumps(document).encode(), item_id="x")


def test_a_later_schema_is_left_to_the_version_that_knows_it() -> None:
    document = json.loads(serialize(item())) | {"schema": SCHEMA + 1}
    with pytest.raises(NewerItemError, match="a newer trailfeed wrote it") as caught:
        parse(json.dumps(document).encode(), item_id="x")
    assert f"schema {SCHEMA + 1}, this one knows {SCHEMA}" in caught.value.sentence


def test_an_earlier_schema_is_brought_up_step_by_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As if two later versions had first renamed a field, and then split its text."""
    document = json.loads(serialize(item(code="bad_gzip", id="x")))
    former = {**document, "reason": "gzip"}
    del former["code"]

    def rename(document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "kind": document.pop("reason")}

    def qualify(document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "code": f"bad_{document['kind']}"}

    monkeypatch.setattr(quarantine_item, "_STEPS", (rename, qualify))
    text = json.dumps(former).encode()
    assert parse(text, item_id="x") == item(code="bad_gzip", id="x")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_what_is_no_document_is_refused(text: bytes) -> None:
    with pytest.raises(BrokenItemError) as caught:
        parse(text, item_id="x")
    assert "\n" not in str(caught.value)


def test_the_subject_is_the_object_or_the_message_on_one_line() -> None:
    ref = ObjectRef("b", "k\n")
    assert item(object=ref).subject == '"s3://b/k\\n"'
    assert item(object=ref, record_index=4).subject == '"s3://b/k\\n" record 4'
    assert item(7, object=None).subject == "message m7"
