from __future__ import annotations

import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.worker.source.bodies import eventbridge, refusal, s3_event, s3_record
from worker.source.notifications import parse


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        ("a+b", "a b"),
        ("a%2Bb", "a+b"),
        ("a%252Bb", "a%2Bb"),
        ("logs%2Fa", "logs/a"),
        ("logs/a%3Db", "logs/a=b"),
        ("%C3%A9t%C3%A9", "été"),
        ("été+%C3%A9", "été é"),
        ("100%", "100%"),
    ],
)
def test_an_s3_events_key_is_unquoted_exactly_once(sent: str, key: str) -> None:
    assert parse(s3_event(s3_record(sent))).objects[0].key == key


@given(st.text(min_size=1).filter(lambda key: key.isprintable()))
def test_any_key_survives_either_encoding(key: str) -> None:
    for encode in (quote_plus, lambda text: quote(text, safe="/")):
        assert parse(s3_event(s3_record(encode(key)))).objects[0].key == key
    assert parse(eventbridge(key)).objects[0].key == key


@pytest.mark.parametrize("key", ["a+b", "a%2Fb", "a b", "é", "a%"])
def test_keys_of_other_forms_are_taken_as_they_are(key: str) -> None:
    cloudtrail = json.dumps({"s3Bucket": "trail-logs", "s3ObjectKey": [key]})

    assert parse(eventbridge(key)).objects[0].key == key
    assert parse(cloudtrail).objects[0].key == key


def test_a_key_that_does_not_decode_is_refused() -> None:
    assert refusal(s3_event(s3_record("a%FF"))) == "undecodable_key"
