from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.decode.json_values import parse_record
from worker.decode.record_time import RecordTime
from worker.errors import BadObjectError

TEXT = "2023-07-10T12:34:56Z"
TIME = (1_688_992_496, 0)


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("eventTime", f'{{"eventTime":"{TEXT}"}}', TIME),
        ("eventTime", f'{{"a":{{"eventTime":"{TEXT}"}}}}', None),
        ("a.b", f'{{"a":{{"b":"{TEXT}","c":NaN}},"d":"\\ud800"}}', TIME),
        ("a.b", f'{{"a":{{"b":"{TEXT}"}}}}', TIME),
        ("a.b", '{"a":[1]}', None),
        ("a.b", '{"a":"b"}', None),
        ("a.b", '{"a":null}', None),
        ("a[1].b", f'{{"a":[1,{{"b":"{TEXT}"}}]}}', TIME),
        ("a[7]", f'{{"a":["{TEXT}"]}}', None),
        ("a", f'{{"a":"never","a":"{TEXT}"}}', TIME),
        ("a", '{"a":{"b":1}}', None),
        ("a", "{}", None),
        (r"a\.b", f'{{"a.b":"{TEXT}"}}', TIME),
        ('a"b', f'{{"a\\"b":"{TEXT}"}}', TIME),
    ],
)
def test_the_time_is_found_in_records_and_in_their_texts(
    field: str, text: str, expected: tuple[int, int] | None
) -> None:
    time = RecordTime(field, "iso8601")

    assert time.of(parse_record(text.encode())) == expected
    assert time.of_json(text.encode()) == expected


@given(
    st.dictionaries(
        st.sampled_from("ab"),
        st.recursive(
            st.none() | st.integers() | st.floats() | st.booleans() | st.just(TEXT),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(st.sampled_from(["a", "b", "0"]), inner)
            ),
        ),
    ),
    st.sampled_from(["a", "a.b", "a.0", "a.b.a"]),
    st.sampled_from(["iso8601", "epoch_s", "epoch_ms", "%Y-%m-%dT%H:%M:%S%z"]),
)
def test_both_ways_agree(record: dict[str, Any], field: str, time_format: str) -> None:
    time = RecordTime(field, time_format)

    assert time.of(record) == time.of_json(json.dumps(record).encode())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b'{"eventTime":tru}', "not_json"),
        (b'{"a":tru}', "not_json"),
        (b'{"a":1}}', "not_json"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep"),
    ],
)
def test_what_is_no_json_is_refused_in_a_text(text: bytes, code: str) -> None:
    with pytest.raises(BadObjectError) as caught:
        RecordTime("eventTime", "iso8601").of_json(text)
    assert caught.value.code == code
