from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.decode.cloudtrail import raw_records
from worker.decode.json_values import parse_record
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from typing_extensions import Buffer

SHARED = Path(__file__).parents[5] / "shared" / "data" / "cloudtrail" / "invictus"

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**300, 10**310)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
json_objects = st.dictionaries(st.text(), json_values, max_size=3)


def records(document: Buffer) -> list[dict[str, object]]:
    return [parse_record(raw) for raw in raw_records(document)]


def refusal(document: bytes) -> BadObjectError:
    with pytest.raises(BadObjectError) as caught:
        records(document)
    assert "\n" not in str(caught.value)
    return caught.value


@given(
    st.lists(json_objects, max_size=4),
    st.booleans(),
    st.sampled_from([(",", ":"), (" ,\n", "\t: ")]),
)
def test_records_come_out_as_python_reads_them(
    source: list[dict[str, object]],
    is_ascii: bool,
    separators: tuple[str, str],
) -> None:
    document = json.dumps(
        {"v": 1, "Records": source}, ensure_ascii=is_ascii, separators=separators
    ).encode(errors="surrogatepass")

    assert repr(records(document)) == repr(source)


@given(st.lists(json_objects, max_size=4))
def test_what_the_fast_parser_refuses_comes_out_the_same(
    source: list[dict[str, object]],
) -> None:
    """A lone surrogate beside the records sends the file the slow way."""
    document = json.dumps({"Records": source, "other": "\ud800"}).encode()

    assert repr(records(document)) == repr(source)


@given(
    st.binary(max_size=40)
    | st.text(alphabet='{}[]":,\\ud8Records0.eE+-NaN ').map(str.encode)
)
def test_no_other_error_leaves_the_parsers(document: bytes) -> None:
    for text in (document, b'{"Records":[' + document + b"]}"):
        with contextlib.suppress(BadObjectError):
            assert all(isinstance(record, dict) for record in records(text))


def test_a_record_keeps_its_text_and_its_document() -> None:
    document = bytearray(b'{ "Records" : [ {"a" : 1.0} , {"b":"\\u0041"} ] }\n')
    found = raw_records(bytes(document))
    del document

    assert [bytes(raw) for raw in found] == [b'{"a" : 1.0}', b'{"b":"\\u0041"}']


@pytest.mark.parametrize("other", [b"", b',"z":NaN'])
def test_a_record_keeps_its_text_however_it_was_split(other: bytes) -> None:
    document = b' {"Records":[{"a" : "\\uD800"} ,\n{"a":1e0}] ' + other + b"}"

    assert [bytes(raw) for raw in raw_records(document)] == [
        b'{"a" : "\\uD800"}',
        b'{"a":1e0}',
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1376.0", 1376.0),
        ("0", 0),
        ("-0.0", -0.0),
        ("1E5", 1e5),
        ("18446744073709551616", 2**64),
        ("-9223372036854775809", -(2**63) - 1),
        ("9" * 1000, 10**1000 - 1),
        ("9" * 5000, "9" * 5000),
        ("1e400", "1e400"),
        ("-1e400", "-1e400"),
        ("Infinity", math.inf),
        ("-Infinity", -math.inf),
        ("NaN", math.nan),
        (r'"\ud83d\ude00"', "\N{GRINNING FACE}"),
        (r'"\ud83d"', "\ufffd"),
        (r'"a\udc00\ud83db"', "a\ufffd\ufffdb"),
        (r'"\uD83D\uD83D\uDE00"', "\ufffd\N{GRINNING FACE}"),
        (r'"\\ud800"', r"\ud800"),
        (r'"\\\ud800"', "\\\ufffd"),
        ('"2:51:14\u202fPM"', "2:51:14\u202fPM"),
        ('{"k":1,"k":2}', {"k": 2}),
        (r'{"\ud800":1}', {"\ufffd": 1}),
    ],
)
def test_odd_values_arrive_faithfully(text: str, value: object) -> None:
    document = f'{{"Records":[{{"v":{text}}}]}}'.encode()

    (record,) = records(document)

    assert repr(record) == repr({"v": value})


@pytest.mark.parametrize(
    ("document", "code", "words"),
    [
        (b"eventName", "not_json", "byte 0"),
        (b'{"Records":[{"a":1}', "not_json", "byte 19"),
        (b'{"Records":[{"a":1}],}', "not_json", "byte 21"),
        (b'{"Records":[01]}', "not_json", "byte 13"),
        (b'{"Records":[{}],"z":tru}', "not_json", "byte 20"),
        (b'{"Records":[NaN NaN]}', "not_json", "byte 16"),
        (b'{"Records" NaN}', "not_json", "byte 11"),
        (b'{"\xc3\xa9":x}', "not_json", "byte 6"),
        (b"{1:2}", "not_json", "byte 1"),
        (b'{"Records":[{"a":"\t"}]}', "not_json", "byte 6"),
        (b'{"Records":[{"a":"\xff"}]}', "not_utf8", "byte 6"),
        (b'{"Records":[NaN,"\xff"]}', "record_not_object", "a number"),
        (b'{"Records":[{"a":1} {"a":2}]}', "not_json", "byte 20"),
        (b'{"Records":[{"a":"x]}', "not_json", "byte 21"),
        (b'{"Records":[{"a":"\\', "not_json", "byte 19"),
        (b'{"Records":[{"a":1]}]}', "not_json", "byte 19"),
        (b'{"Records":[{},]}', "not_json", "byte 15"),
        (b'{"Records":["\t"]}', "not_json", "byte 12"),
        (b'{"Records":[]', "not_json", "byte 13"),
        (b'{"Records":[],"z":NaN}NaN', "no_records", "a number"),
        (b'{"Records":[{"a":"\xed\xa0\x80"}]}', "not_utf8", "byte 6"),
        (b"[NaN]", "record_not_object", "a number"),
        (b"[[]]", "record_not_object", "an array"),
        (b'[{"a":1},"x"]', "record_not_object", "a text"),
        (b'{"a":1} "x"', "no_records", "a text"),
        (b'{"a":1}\n{"a":1', "not_json", "byte 14"),
        (b'{"a":1}\n{"a":1},\n{"a":1}', "not_json", "byte 15"),
        (b" 17", "no_records", "a number"),
        (b"null", "no_records", "null"),
        (b'{"Records":[1]}', "record_not_object", "a number"),
        (b'{"Records":[ "x" ]}', "record_not_object", "a text"),
        (b'{"Records":[null]}', "record_not_object", "null"),
    ],
)
def test_a_bad_object_is_refused_with_what_and_where(
    document: bytes, code: str, words: str
) -> None:
    error = refusal(document)

    assert error.code == code
    assert words in str(error)


@pytest.mark.parametrize(
    "document",
    [
        b'{"Records":[' + b"[" * 100_000,
        b'{"Records":[' + b'{"a":' * 100_000,
        b'{"Records":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
        b'{"Records":[{"a":NaN},' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"]}",
    ],
)
def test_a_depth_bomb_is_refused(document: bytes) -> None:
    assert refusal(document).code == "too_deep"


@pytest.mark.parametrize(
    "document",
    [b"[NaN," + b"[" * 1_000_000, b'{"Records":[],"a":NaN,"b":' + b"[" * 1_000_000],
)
def test_a_depth_bomb_beside_the_records_is_no_whole_document(document: bytes) -> None:
    assert refusal(document).code == "not_json"


def test_a_depth_bomb_is_refused_in_a_record_too() -> None:
    for leaf in (b"1", b"NaN"):
        with pytest.raises(BadObjectError) as caught:
            parse_record(b'{"a":' * 50_000 + leaf + b"}" * 50_000)
        assert caught.value.code == "too_deep"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (b"", []),
        (b" \n\r\n ", []),
        (b"{}", [{}]),
        (b"[]", []),
        (b'{"a":1}', [{"a": 1}]),
        (b'{"a":NaN}', [{"a": math.nan}]),
        (b'[{"a":1},{"Records":[{"b":1},{"b":2}]}]', [{"a": 1}, {"b": 1}, {"b": 2}]),
        (b'{"a":1}{"a":2}[{"a":3}]', [{"a": 1}, {"a": 2}, {"a": 3}]),
        (b'{"a":1}\r\n\n\n{"a":2}\n', [{"a": 1}, {"a": 2}]),
        (b'{"a":\n1}\n{"a":\n2}', [{"a": 1}, {"a": 2}]),
        (b'{"Records":[{"a":1}]}{"Records":[{"a":2}]}', [{"a": 1}, {"a": 2}]),
        (b'{"Records":[{"a":1}]}\n{"Records":[],"z":NaN}{"b":2}', [{"a": 1}, {"b": 2}]),
        (b'{"z":NaN,"Records":[{"a":1}]} {"z":NaN}', [{"a": 1}, {"z": math.nan}]),
        (b'{"Records":null}', [{"Records": None}]),
        (b'{"Records":{"a":NaN}}', [{"Records": {"a": math.nan}}]),
        (b'{"a":{"Records":[1]}}', [{"a": {"Records": [1]}}]),
        (b'{"Records":[{"Records":[1]}]}', [{"Records": [1]}]),
        (b'{"digestStartTime":"x"}', [{"digestStartTime": "x"}]),
        (b'{"\\u0052ecords":[{"a":1}]}', [{"a": 1}]),
    ],
)
def test_other_documents_are_records_themselves(
    document: bytes, expected: list[dict[str, object]]
) -> None:
    assert repr(records(document)) == repr(expected)


@given(
    st.lists(
        st.tuples(json_objects, st.sampled_from(["", " ", "\n", "\r\n", "\n\n"])),
        max_size=6,
    ),
    st.sampled_from([None, 2]),
)
def test_documents_come_out_whatever_stands_between_them(
    source: list[tuple[dict[str, object], str]], indent: int | None
) -> None:
    document = "".join(json.dumps(one, indent=indent) + gap for one, gap in source)
    expected = [
        record
        for one, _ in source
        for record in (
            one["Records"] if isinstance(one.get("Records"), list) else [one]  # type: ignore[attr-defined]
        )
    ]

    assert repr(records(document.encode())) == repr(expected)


def test_the_last_of_two_arrays_counts() -> None:
    document = b'{"Records":[{"a":1}],"Records":[{"a":2}]}'

    assert records(document) == [{"a": 2}]


def test_two_arrays_in_an_odd_file_are_refused() -> None:
    error = refusal(b'{"Records":[{"a":1}],"Records":[{"a":2}],"z":NaN}')

    assert (error.code, "more than one" in str(error)) == ("no_records", True)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
def test_real_files_come_out_equal_to_their_source() -> None:
    count = 0
    for path in sorted(SHARED.rglob("*.json")):
        document = path.read_bytes()
        source = json.loads(document)["Records"]
        found = records(document)
        # Tells 1376.0 from 1376, which are equal.
        assert repr(found) == repr(source), path
        count += len(found)
    assert count == 2900
