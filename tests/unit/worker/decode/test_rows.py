"""CSV, white-space separated rows, and lines."""

from __future__ import annotations

import csv
import io
import itertools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.config.model import DecodeConfig
from worker.decode.reader import reader_for
from worker.decode.rows import csv_rows
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Iterable

MIB = 1 << 20
cells = st.text(alphabet='ab ",;\t\r\né\0', max_size=6)


def records(blocks: Iterable[bytes] | bytes, **decode: object) -> list[dict[str, Any]]:
    reader = reader_for(DecodeConfig.model_validate(decode), text_field="log")
    found = []
    source = [blocks] if isinstance(blocks, bytes) else blocks
    for item in reader.items(source, lambda _: None):
        if item is not None:
            record = reader.record(item)
            assert record is not None
            found.append(record)
    return found


class CountedLine(str):
    """A line that counts how often it is looked at."""

    __slots__ = ()
    looks = 0

    def __len__(self) -> int:
        CountedLine.looks += 1
        return super().__len__()


def test_a_row_that_comes_in_pieces_is_gone_through_a_few_times() -> None:
    lines = 10_000
    source = itertools.chain.from_iterable(
        (CountedLine('"' * (number in {0, lines - 1})), None) for number in range(lines)
    )
    CountedLine.looks = 0
    rows = [row for row in csv_rows(",")(source) if row is not None]
    assert rows == [["\n" * (lines - 1)]]
    assert CountedLine.looks < 10 * lines


def refusal(data: bytes, **decode: object) -> BadObjectError:
    with pytest.raises(BadObjectError) as caught:
        records(data, **decode)
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,2\n", [{"a": "1", "b": "2"}]),
        ("a,b\r\n1,2\r\n", [{"a": "1", "b": "2"}]),
        ("\ufeffa,b\n1,2", [{"a": "1", "b": "2"}]),
        ('"a","b"\n"1,\n""x""\r\n2",3\n', [{"a": '1,\n"x"\r\n2', "b": "3"}]),
        ("\n\na,b\n\n1,2\n\n", [{"a": "1", "b": "2"}]),
        ("a,b\n1\n", [{"a": "1", "b": None}]),
        ("a\n1,2,3\n", [{"a": "1", "_rest": ["2", "3"]}]),
        ("_rest\n1,2\n", [{"_rest": "1", "__rest": ["2"]}]),
        (
            "a,a,,a_2,\n1,2,3,4,5\n",
            [{"a": "1", "a_2": "2", "column_3": "3", "a_2_2": "4", "column_5": "5"}],
        ),
        ("a,b\n", []),
        ("", []),
        ("a\n\0\n", [{"a": "\0"}]),
        ('a\nb"c\n', [{"a": 'b"c'}]),
        ('a\n"b"c\n', [{"a": "bc"}]),
    ],
)
def test_csv_rows_are_records(text: str, expected: list[dict[str, Any]]) -> None:
    assert records(text.encode(), format="csv") == expected


@given(st.lists(st.lists(cells, min_size=2, max_size=4), max_size=5), st.integers(1, 9))
def test_csv_comes_out_as_it_was_written(
    rows: list[list[str]], block_bytes: int
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    data = text.getvalue().encode()
    blocks = (data[at : at + block_bytes] for at in range(0, len(data), block_bytes))

    found = records(blocks, format="csv", csv_columns=("a", "b"))

    assert found == [
        {"a": row[0], "b": row[1]} | ({"_rest": row[2:]} if len(row) > 2 else {})
        for row in rows
    ]


def test_columns_and_delimiter_and_charset_are_as_configured() -> None:
    data = "1;é\n2;ü\n".encode("latin-1")
    found = records(
        data,
        format="csv",
        csv_columns=("n", "c"),
        csv_delimiter=";",
        charset="latin-1",
    )
    assert found == [{"n": "1", "c": "é"}, {"n": "2", "c": "ü"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b\n1 2\n", [{"a": "1", "b": "2"}]),
        (" a \t b \r\n\t1  2 \r\n \n", [{"a": "1", "b": "2"}]),
        (
            'a b\n"GET / HTTP/1.1" "he said ""x"" and \\"y\\" in C:\\d"\n',
            [{"a": "GET / HTTP/1.1", "b": 'he said "x" and "y" in C:\\d'}],
        ),
        ('a\n"" x"y\n', [{"a": "", "_rest": ['x"y']}]),
        ("a\n\xa0\u2028\n", [{"a": "\xa0\u2028"}]),
        ("a b\n1\n", [{"a": "1", "b": None}]),
    ],
)
def test_white_space_separated_rows_are_records(
    text: str, expected: list[dict[str, Any]]
) -> None:
    assert records(text.encode(), format="wsv") == expected


def test_with_blanks_between_its_cells_a_row_of_csv_is_a_line() -> None:
    data = b'a "b c"\n"x y"" -\r\n\n1 "open\n" 2\n'
    found = records(data, format="csv", csv_delimiter=" ", csv_columns=("m", "n"))
    assert found == [
        {"m": "a", "n": "b c"},
        {"m": 'x y"', "n": "-"},
        {"m": "1", "n": '"open'},
        {"m": '"', "n": "2"},
    ]


def test_lines_are_records() -> None:
    data = '{"a":1}\r\n\n  x\n\0é'.encode()
    texts = ['{"a":1}', "", "  x", "\0é"]

    assert records(data, format="lines") == [{"log": text} for text in texts]

    reader = reader_for(DecodeConfig(format="lines"), text_field="log")
    items = reader.items([data], lambda _: None)
    assert [reader.text(item) for item in items] == [text.encode() for text in texts]


@pytest.mark.parametrize(
    ("name", "data", "code", "words"),
    [
        ("csv", b'a\n1\n"2\n3\n', "unclosed_quote", "row 2"),
        ("csv", b'a\n"' + b"x\n" * (2 * MIB), "too_many_values", "row 1"),
        ("csv", b"a\n" + b"," * (5 * MIB), "too_many_values", "row 1"),
        ("csv", b'a\n"' + b"x" * (17 * MIB), "line_too_long", "pool.inflight_bytes"),
        ("csv", b"a\n1\r2\n", "not_csv", "row 1 is not CSV: a carriage return"),
        ("csv", b"," * 70_000, "too_many_values", "columns"),
        ("csv", b"a\n\xff\n", "not_utf8", "byte 2"),
        ("wsv", b"a\n" + b" 1" * (5 * MIB), "too_many_values", "row 1"),
        ("lines", b"x" * (17 * MIB), "line_too_long", "pool.inflight_bytes"),
    ],
)
def test_a_bad_text_is_refused_with_what_and_where(
    name: str, data: bytes, code: str, words: str
) -> None:
    blocks = (data[at : at + MIB] for at in range(0, len(data), MIB))
    with pytest.raises(BadObjectError) as caught:
        records(blocks, format=name)

    assert caught.value.code == code
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["csv", "wsv", "lines"])
def test_a_long_object_is_read_as_it_comes(name: str) -> None:
    """Records come out before the blocks behind them are asked for."""
    taken = 0

    def blocks() -> Iterable[bytes]:
        nonlocal taken
        for _taken in itertools.count(1):
            yield b"a,b c\n" * 1000

    reader = reader_for(DecodeConfig.model_validate({"format": name}), text_field="log")
    items = (item for item in reader.items(blocks(), lambda _: None) if item)
    for _ in itertools.islice(items, 5_500):
        pass

    assert taken <= 6
