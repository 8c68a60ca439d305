"""Records that are filtered and changed on their quick way, and files of them."""

from __future__ import annotations

import hmac
import json
from typing import Any
from unittest.mock import patch

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.forward.entries import EventEncoder
from tests.unit.worker.deliver.staging import (
    BODY,
    FALLBACK,
    REF,
    file_of,
    stages_with,
    times,
)
from worker.config.model import Config, DecodeConfig
from worker.deliver.progress import Progress
from worker.deliver.stages import Stages
from worker.errors import BadObjectError
from worker.transform.transformation import Transformation, build

QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/q"
LARGE = 2**64
"""Which the quick parser rounds."""


def transformed(
    record: dict[str, Any], **sections: dict[str, Any]
) -> tuple[dict[str, Any] | None, Transformation]:
    """What a record becomes under a configuration, and what was counted."""
    config = Config.model_validate({"source": {"queue_url": QUEUE_URL}, **sections})
    made = build(config, warn=lambda _: None)
    stages = Stages(
        DecodeConfig(),
        EventEncoder(),
        is_raw=False,
        transformation=made,
        progress=Progress(),
    )
    text = json.dumps({"eventTime": "2026-11-20T12:00:00Z", **record}).encode()
    part = stages.of_object(REF, BODY, FALLBACK)(text, 0)
    return (None if part is None else msgpack.unpackb(part)[1]), made


@pytest.mark.parametrize(
    "sections",
    [
        {"filter": {"include": [f"a = {LARGE}"]}},
        {"filter": {"include": [f"a ~ {str(LARGE)[:-1]}?"]}},
        {"filter": {"include": [f"b.*.a = {LARGE}"]}},
        {"filter": {"exclude": ["a ~ *e+*"]}},
    ],
)
def test_filters_see_large_integers_as_they_are(
    sections: dict[str, dict[str, Any]],
) -> None:
    record, made = transformed({"a": LARGE, "b": [{"a": LARGE}]}, **sections)
    assert record is not None
    assert record["a"] == str(LARGE)
    assert made.filter is not None
    assert sum(made.filter.included.values()) == len(made.filter.included)


def test_hashes_are_of_large_integers_as_they_are() -> None:
    redact = {"paths": ["a"], "action": "hash", "hash_key": "k"}
    record, _ = transformed({"a": LARGE}, redact=redact)
    same, _ = transformed({"a": LARGE, "b": 1.5}, redact=redact)
    assert record is not None
    assert same is not None
    digest = hmac.new(b"k", str(LARGE).encode(), "sha256").hexdigest()
    assert record["a"] == same["a"] == f"hmac-sha256:{digest}"


@pytest.mark.parametrize("schema", ["ecs", "ocsf"])
def test_parameters_as_text_hold_large_integers_as_they_are(schema: str) -> None:
    record, _ = transformed(
        {"requestParameters": {"size": LARGE}}, enrich={"schema": schema}
    )
    assert str(LARGE) in json.dumps(record)


def test_what_is_parsed_twice_is_filtered_and_redacted_and_counted_once() -> None:
    record, made = transformed(
        {"a": LARGE, "eventName": "AssumeRole", "password": "secret"},
        filter={"include": ["eventName ~ Assume*"]},
        redact={"paths": ["password"]},
    )
    assert record is not None
    assert (record["a"], record["password"]) == (str(LARGE), "[redacted]")
    assert made.filter is not None
    assert made.filter.included == {"eventName ~ Assume*": 1}
    assert made.redactor is not None
    assert made.redactor.values_count == 1


def test_what_is_filtered_out_need_not_be_encoded() -> None:
    with patch.object(EventEncoder, "encode_quickly") as encoded:
        record, _ = transformed({"a": "b"}, filter={"exclude": ["a = b"]})
    assert record is None
    encoded.assert_not_called()


def counts_of(made: Transformation) -> tuple[dict[str, int], int]:
    assert made.filter is not None
    assert made.redactor is not None
    return made.filter.excluded, made.redactor.values_count


@given(
    records=st.lists(
        st.fixed_dictionaries(
            {
                "eventTime": times,
                "a": st.sampled_from(["drop", "keep", 2**64, None]),
                "b": st.sampled_from(["", "secret", {"c": 1}, 2**64]),
            }
        )
        | st.just({"eventTime": 1.5})
    ),
    begin=st.integers(0, 3),
)
def test_a_file_that_is_filtered_and_redacted_is_what_one_by_one_is(
    records: list[dict[str, Any]], begin: int
) -> None:
    sections = {
        "filter": {"exclude": ["a = drop"]},
        "redact": {"paths": ["b", "eventTime"] if begin == 1 else ["b"]},
    }
    _, one_by_one = transformed({}, **sections)
    _, whole = transformed({}, **sections)
    exactly = stages_with(one_by_one).of_object(REF, BODY, FALLBACK)
    expected = [exactly(json.dumps(record).encode(), 0) for record in records[begin:]]
    stages = stages_with(whole)
    file = file_of(stages, records)
    encoded = stages.of_file(file, REF, BODY, FALLBACK, begin)
    parts: list[bytes | None] = []
    while begin + len(parts) < len(records):
        at = begin + len(parts)
        parts += stages.run_of(file, at, 10_000).parts
        if begin + len(parts) < len(records):
            at = begin + len(parts)
            parts.append(encoded(file.records[at], at))
    assert parts == expected
    assert counts_of(whole) == counts_of(one_by_one)


def test_what_is_no_record_is_named_in_a_file_that_is_filtered() -> None:
    _, made = transformed({}, filter={"exclude": ["a = drop"]})
    stages = stages_with(made)
    file = file_of(stages, [{"a": "drop"}, 1])
    encoded = stages.of_file(file, REF, BODY, FALLBACK)
    assert encoded(file.records[0], 0) is None
    with pytest.raises(BadObjectError, match="record 1: a record is a number"):
        encoded(file.records[1], 1)
