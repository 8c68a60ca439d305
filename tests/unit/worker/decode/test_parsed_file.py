"""Files parsed in one call."""

from __future__ import annotations

import pytest

from worker.decode.documents import ONE_CALL_BYTES
from worker.decode.parsed_file import parsed_file
from worker.errors import BadObjectError


def test_records_and_their_texts() -> None:
    file = parsed_file(b'{"a": [], "Records": [{"b": 18446744073709551616}, 1, "x"]}')
    assert file is not None
    assert file.records == [{"b": 2.0**64}, 1, "x"]
    assert [bytes(file.item(index)) for index in range(3)] == [
        b'{"b": 18446744073709551616}',
        b"1",
        b'"x"',
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b'{"Records": [}',
        b'{"Records": {}}',
        b'{"records": []}',
        b'[{"Records": []}]',
        b'{"Records": []}{"Records": []}',
        b'{"Records": [NaN]}',
        b'{"Records": ["\\ud800"]}',
        b'{"Records": [null]}',
        b'\xef\xbb\xbf{"Records": []}',
        b'{"Records": [' + 2000 * b"[" + 2000 * b"]" + b"]}",
    ],
)
def test_all_else_is_left_to_others(text: bytes) -> None:
    assert parsed_file(text) is None


def test_long_files_are_left_to_others() -> None:
    begin, end = b'{"Records": [', b"]}"
    room = ONE_CALL_BYTES - len(begin) - len(end)
    assert parsed_file(begin + room * b" " + end) is not None
    assert parsed_file(begin + (room + 1) * b" " + end) is None


def test_the_texts_of_one_of_two_arrays_are_refused() -> None:
    file = parsed_file(b'{"Records": null, "Records": [1.5, 2]}')
    assert file is not None
    with pytest.raises(BadObjectError, match="more than one member Records"):
        file.item(0)
