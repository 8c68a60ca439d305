"""The JSON reader: streams, record location, shape, and the texts of raw records."""

from __future__ import annotations

import itertools
import json
import math
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.config.model import DecodeConfig
from worker.decode.documents import streamed
from worker.decode.elements import end_of_value
from worker.decode.reader import reader_for
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MIB = 1 << 20
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def in_blocks(data: bytes, block_bytes: int) -> Iterator[bytes]:
    return (data[at : at + block_bytes] for at in range(0, len(data), block_bytes))


def taken_apart(
    blocks: Iterable[bytes], *, as_text: bool = False, **decode: Any
) -> list[Any]:
    """Records or texts; None for a record without the location."""
    reader = reader_for(DecodeConfig.model_validate(decode), text_field="log")
    of = reader.text if as_text else reader.record
    items = reader.items(blocks, lambda _: None)
    return [of(item) for item in items if item is not None]


def records(data: bytes, **decode: Any) -> list[Any]:
    return taken_apart([data], **decode)


def texts(data: bytes, **decode: Any) -> list[Any]:
    return taken_apart([data], as_text=True, **decode)


def peak_bytes(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# Streams ------------------------------------------------------------------------------


def documents_of(blocks: Iterable[bytes]) -> list[bytes]:
    return [bytes(one) for one in streamed(blocks, lambda _: None) if one]


@given(
    st.lists(st.dictionaries(st.text(), json_values, max_size=2), max_size=5),
    st.sampled_from([None, 1]),
    st.sampled_from(["\n", "", "\r\n\n", " \n"]),
    st.integers(1, 40),
)
def test_a_stream_gives_what_the_whole_text_holds(
    source: list[dict[str, object]], indent: int | None, gap: str, block_bytes: int
) -> None:
    text = "".join(json.dumps(one, indent=indent) + gap for one in source).encode()
    found = documents_of(in_blocks(text, block_bytes))

    assert found == [json.dumps(one, indent=indent).encode() for one in source]


@pytest.mark.parametrize("gap", ["\n", "\n\n", "\r\n"])
@pytest.mark.parametrize("odd", ['{"v":NaN}', r'{"v":"\ud800"}', '{"v":\n[1,\n2]}'])
@pytest.mark.parametrize("block_bytes", [MIB, 9 * MIB])
def test_a_large_stream_of_lines_comes_out_whole(
    gap: str, odd: str, block_bytes: int
) -> None:
    lines = [f'{{"n":{n},"text":"{"x" * 100}"}}' for n in range(40_000)]
    lines[12_345] = odd
    data = gap.join(lines).encode()
    assert len(data) > 4 * MIB

    found = taken_apart(in_blocks(data, block_bytes), as_text=True)

    assert found == [line.encode() for line in lines]


def test_lines_are_read_as_they_come() -> None:
    """An endless object needs little memory, and nothing is asked for in advance."""
    taken = 0

    def blocks() -> Iterator[bytes]:
        nonlocal taken
        line = b'{"a":"%b"}\n' % (b"x" * 1000)
        for _taken in itertools.count(1):
            yield line * 1000

    reader = reader_for(DecodeConfig(), text_field="log")
    items = (item for item in reader.items(blocks(), lambda _: None) if item)

    def read() -> None:
        for item in itertools.islice(items, 100_000):
            reader.record(item)

    assert peak_bytes(read) < 16 * MIB
    assert taken <= 102


def test_every_line_may_be_a_file_of_cloudtrail() -> None:
    line = json.dumps({"Records": [{"a": "x" * 1000}, {"b": 1}]}) + "\n"
    data = (line * 3000).encode()

    found = taken_apart(in_blocks(data, MIB))

    assert found == [{"a": "x" * 1000}, {"b": 1}] * 3000


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_a_large_file_of_cloudtrail_in_blocks_is_one_document(end: str) -> None:
    source = [{"n": n, "x": "x" * 1000} for n in range(4000)]
    held: list[int] = []
    data = (json.dumps({"Records": source}) + end).encode()
    reader = reader_for(DecodeConfig(), text_field="log")
    items = list(reader.items(in_blocks(data, MIB), held.append))

    assert [reader.record(item) for item in items if item is not None] == source
    assert None in items  # the loop had turns meanwhile
    assert max(held) >= len(data)


def test_a_broken_line_is_named() -> None:
    blocks = [b'{"a":1}\n' * 20, b'{"a":1}\n{"a":\n']
    with pytest.raises(BadObjectError) as caught:
        documents_of(blocks)

    assert caught.value.code == "not_json"
    assert "of what begins at byte 167" in str(caught.value)


def test_a_scalar_among_the_lines_is_refused() -> None:
    data = b'{"a":1}\n' * 200_000 + b"17\n" + b'{"a":1}\n'
    with pytest.raises(BadObjectError) as caught:
        taken_apart(in_blocks(data, MIB))

    assert caught.value.code == "no_records"


def test_a_document_of_many_lines_is_not_gone_through_for_each_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone_through_bytes = 0

    def counted(text: memoryview, at: int) -> int:
        nonlocal gone_through_bytes
        gone_through_bytes += len(text) - at
        return end_of_value(text, at)

    monkeypatch.setattr("worker.decode.documents.end_of_value", counted)
    document = json.dumps({"x": ["y" * 100] * 10_000}, indent=1).encode()

    found = documents_of(in_blocks(document, 4096))

    assert found == [document]
    assert gone_through_bytes < 4 * len(document)


def test_a_stream_that_holds_too_much_in_one_record_ends_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.decode.elements._MAX_MARKS", 1000)
    line = b'{"a":NaN,"b":[%b1]}\n' % (b"[]," * 2000)
    blocks = (line for _ in itertools.count())

    with pytest.raises(BadObjectError) as caught:
        documents_of(blocks)

    assert caught.value.code == "too_many_values"


# Record location ----------------------------------------------------------------------

EVENTS = (
    b'{"Records":[{"d":{"x":1}},{"e":1},{"d":[{"y":1},{"y":2}]},{"d":7},{"d":null}]}'
)


@pytest.mark.parametrize(
    ("data", "location", "expected"),
    [
        (EVENTS, "d", [{"x": 1}, None, {"y": 1}, {"y": 2}, {"log": 7}, None]),
        (EVENTS, "d.x", [{"log": 1}, None, None, None, None]),
        (EVENTS, "d[1].y", [None, None, {"log": 2}, None, None]),
        (EVENTS, "d.1.y", [None, None, {"log": 2}, None, None]),
        (EVENTS, "Records[0]", [{"d": {"x": 1}}]),
        (EVENTS, "Records[9]", [None]),
        (EVENTS, "Records.d", [None]),
        (b'{"Records":[{"a":1},{"a":2}]}', "Records", [{"a": 1}, {"a": 2}]),
        (b'{"a":{"Records":[{"b":1}]}}', "a.Records", [{"b": 1}]),
        (b'{"a":[]}', "a", []),
        (b'{"a":["x",[1],null]}', "a", [{"log": "x"}, {"log": [1]}, None]),
        (b'{"a":1}\n{"b":1}\n{"a":{"c":1}}', "a", [{"log": 1}, None, {"c": 1}]),
        (b'[{"a":{"c":1}},{"b":1},3]', "a", [{"c": 1}, None, None]),
        (b'{"a.b":{"c":{"d":1}}}', r"a\.b.c", [{"d": 1}]),
        (b'{"0":{"c":1}}', "0", [{"c": 1}]),
        (b'{"a":1,"a":{"c":1}}', "a", [{"c": 1}]),
        (b'{"\\ud800":1,"a":{"c":NaN,"e":1},"z":NaN}', "a", [{"c": math.nan, "e": 1}]),
        (b'{"Records":{"a":{"b":1}}}', "a", [None]),
        (b"", "a", []),
    ],
)
def test_the_part_at_the_location_is_the_record(
    data: bytes, location: str, expected: list[Any]
) -> None:
    found = records(data, record_location=location)

    assert repr(found) == repr(expected)


def test_a_located_part_keeps_its_text() -> None:
    data = b'{"Records":[{"d": {"x" : 1.0} },{"d":[ "\\u0041" , 1e2]},{}]}'

    assert texts(data, record_location="d") == [
        b'{"x" : 1.0}',
        b'"\\u0041"',
        b"1e2",
        None,
    ]


def test_a_scalar_document_is_refused_with_a_location_too() -> None:
    with pytest.raises(BadObjectError) as caught:
        records(b"17", record_location="a")
    assert caught.value.code == "no_records"


def test_a_located_array_of_many_elements_costs_little_memory() -> None:
    data = b'{"logs":{"items":[' + b"{}," * 1_000_000 + b"{}]}}"
    count = 0
    reader = reader_for(DecodeConfig(record_location="logs.items"), text_field="log")

    def read() -> None:
        nonlocal count
        count = sum(1 for item in reader.items([data], lambda _: None) if item)

    assert peak_bytes(read) < 24 * MIB
    assert count == 1_000_001


@pytest.mark.parametrize("location", ["logs", "none", r"\"q\"", "logs.none"])
def test_members_beside_the_located_one_cost_nothing(location: str) -> None:
    members = b",".join(b'"%d":[]' % n for n in range(50_000))
    data = b'{%b,"logs":{"b":1}}' % members
    reader = reader_for(DecodeConfig(record_location=location), text_field="log")

    def read() -> None:
        assert len(list(reader.items([data], lambda _: None))) == 1

    assert peak_bytes(read) < 2 * MIB


# Shape --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"Records": [{"a":1},{"a":2}]}', [b'{"Records": [{"a":1},{"a":2}]}']),
        (b' {"Records":[]}\n{"b":NaN}', [b'{"Records":[]}', b'{"b":NaN}']),
        (b'[{"a":1}, {"a":2}]', [b'{"Records":[{"a":1}, {"a":2}]}']),
        (b"", []),
    ],
)
def test_a_file_stays_one_record(data: bytes, expected: list[bytes]) -> None:
    assert texts(data, shape="file") == expected
    as_records = [json.loads(text) for text in expected]
    assert repr(records(data, shape="file")) == repr(as_records)


def test_a_location_in_a_file_is_not_looked_for_in_its_records() -> None:
    assert records(EVENTS, shape="file", record_location="d") == [None]
    found = records(EVENTS, shape="file", record_location="Records[0].d")
    assert found == [{"x": 1}]


# Texts --------------------------------------------------------------------------------


def test_a_text_is_the_record_byte_for_byte() -> None:
    parts = [
        b'{ "a" : 1.0 , "b":"\\u00e9\xc3\xa9" }',
        b'{"n":123456789012345678901234567890,"s":"\\ud800"}',
        b'{"k":1,"k":2}',
    ]
    data = b'{"Records":[ ' + b" ,\n".join(parts) + b" ]}\n"

    assert texts(data) == parts


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"Records":[{"a":"\xff"}]}', "not_utf8"),
        (b'{"Records":[1]}', "record_not_object"),
        (b"[[]]", "record_not_object"),
    ],
)
def test_a_bad_text_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(BadObjectError) as caught:
        texts(data)
    assert caught.value.code == code


@pytest.mark.parametrize("shape", ["event", "file"])
@pytest.mark.parametrize(
    "data",
    [b"", b" ", b"\n\r\n\t", b"\n" * 3 * MIB, b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"],
)
def test_nothing_but_blanks_holds_no_records(data: bytes, shape: str) -> None:
    assert taken_apart(in_blocks(data, MIB), shape=shape) == []
    assert taken_apart([data], shape=shape, record_location="a.b") == []


@pytest.mark.parametrize("text", ["", "\n"])
def test_nor_does_a_byte_order_mark_of_another_character_set(text: str) -> None:
    assert records(f"\ufeff{text}".encode("utf-16-le"), charset="utf-16-le") == []
    assert records(text.encode("utf-16"), charset="utf-16") == []


def test_a_byte_order_mark_is_passed_over() -> None:
    data = b'\xef\xbb\xbf{"Records":[{"a":1}]}'
    assert taken_apart([data[:2], data[2:]]) == [{"a": 1}]


def test_another_character_set_becomes_utf8() -> None:
    data = '{"Records":[{"a":"é"}]}'
    for charset in ("latin-1", "utf-16", "cp1252"):
        found = texts(data.encode(charset), charset=charset)
        assert found == ['{"a":"é"}'.encode()]
    with pytest.raises(BadObjectError) as caught:
        records(data.encode("latin-1"))
    assert caught.value.code == "not_utf8"


@pytest.mark.parametrize("text", ['{"a":"é"}', '[{"a":1}]', '{"a":1}\n{"a":2}\n'])
@pytest.mark.parametrize("charset", ["utf-16", "utf-32"])
def test_text_with_another_byte_order_mark_is_said_not_to_be_utf8(
    text: str, charset: str
) -> None:
    with pytest.raises(BadObjectError, match=r"not UTF-8 at byte 0: set decode\.ch"):
        records(text.encode(charset))
