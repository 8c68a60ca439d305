"""Arrays that are larger than what may be held: taken apart as they come, alike."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.config.model import DecodeConfig
from worker.decode.limits import DEFAULT_LIMITS
from worker.decode.reader import reader_for
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from worker.decode.limits import DecodeLimits

DOCUMENT_BYTES = 400
LIMITS = replace(DEFAULT_LIMITS, document_bytes=DOCUMENT_BYTES)

elements = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "Records", "x]"]), inner, max_size=2)
    ),
    max_leaves=4,
).filter(lambda value: len(json.dumps(value)) < 50)
some_records = st.lists(st.fixed_dictionaries({"a": elements}), min_size=1, max_size=3)


def texts(
    data: bytes, block_bytes: int, limits: DecodeLimits, **decode: Any
) -> list[str]:
    reader = reader_for(
        DecodeConfig.model_validate(decode), text_field="log", limits=limits
    )
    blocks = (data[at : at + block_bytes] for at in range(0, len(data), block_bytes))
    found = reader.items(blocks, lambda _: None)
    return [str(item, "utf-8") for item in found if item is not None]


def refusal(data: bytes, **decode: Any) -> BadObjectError:
    with pytest.raises(BadObjectError) as caught:
        texts(data, 30, LIMITS, **decode)
    return caught.value


@given(
    some=some_records,
    indent=st.sampled_from([None, 0, 2]),
    block_bytes=st.integers(1, 500),
    form=st.sampled_from(["Records", "array", "twice", "items", "each", "in-records"]),
)
def test_the_records_are_those_of_the_whole_document(
    some: list[Any], indent: int | None, block_bytes: int, form: str
) -> None:
    location = {"items": "items", "each": "a", "in-records": "a"}.get(form, "")
    name = "items" if form == "items" else "Records"
    records = some * 40
    document: Any = {"v": [{"]": 1}], name: records, "behind": {"x": [1, {}]}}
    if form in {"array", "each"}:
        document = records
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    data = (text * 2 if form == "twice" else text).encode() + b"\n "

    found = texts(data, block_bytes, LIMITS, record_location=location)

    assert found == texts(data, 1 << 20, DEFAULT_LIMITS, record_location=location)
    assert form in {"each", "in-records"} or len(found) >= 30


MANY = b'{"a":1},' * 100


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"a":"' + b"x" * 800 + b'"}', "document_too_large"),
        (b'{"b":{"Records":[' + MANY + b"1]}}", "document_too_large"),
        (b'{"Records":[{"a":"' + b"x" * 1500 + b'"}]}', "record_too_large"),
        (b'{"Records":[' + MANY + b'"' + b"x" * 1500 + b'"]}', "record_too_large"),
        (b'{"Records":[' + MANY, "not_json"),
        (b'{"Records":[' + MANY + b"x" * 1500, "not_json"),
        (b'{"Records":[' + MANY + b"1}", "not_json"),
        (b'{"Records":[' + MANY + b'1],"Records":[]}', "no_records"),
        (b'{"Records":[' + MANY + b'1],"a":"' + b"x" * 1500, "document_too_large"),
        (b'{"Records":[' + MANY + b'1]} {"Records"', "not_json"),
        (b" " * 1500, "not_json"),
        (b"x" * 1500, "not_json"),
        (('{"Records":[' + MANY.decode() + "1]}").encode("utf-16"), "not_utf8"),
    ],
)
def test_what_is_no_such_document_is_refused(data: bytes, code: str) -> None:
    error = refusal(data)

    assert error.code == code
    assert ("pool.inflight_bytes" in str(error)) is code.endswith("too_large")


def test_a_file_that_is_one_record_is_not_taken_apart() -> None:
    for data in (b'{"Records":[' + MANY + b"1]}", b"[" + MANY + b"1]"):
        assert refusal(data, shape="file").code == "document_too_large"
