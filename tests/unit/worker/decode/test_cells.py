"""Cells between blanks: an access log's line, whatever a caller sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.decode.cells import CellReader, regular_cells

WSV = CellReader(" \t", is_run=True, has_moments=True)
BLANK_CSV = CellReader(" ", is_run=False, has_moments=False)
texts = st.text(alphabet='ab "\\[]\t,', max_size=12)


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('1 "GET / HTTP/1.1" 200', ["1", "GET / HTTP/1.1", "200"]),
        (
            '"he said ""x"" and \\"y\\" in C:\\d" 1',
            ['he said "x" and "y" in C:\\d', "1"],
        ),
        ('"" x"y', ["", 'x"y']),
        ('"x"" b" 1', ['x" b', "1"]),
        ('"x "y" z" 1', ['x "y', 'z"', "1"]),
        ('"() { :;}; echo "m"" - 1', ['() { :;}; echo "m"', "-", "1"]),
        ('"() { :;}; echo "m""', ['() { :;}; echo "m"']),
        ('"C:\\dir\\" "next" 1', ["C:\\dir\\", "next", "1"]),
        ('"C:\\dir\\" - 1', ["C:\\dir\\", "-", "1"]),
        ('"C:\\dir\\"', ["C:\\dir\\"]),
        ('"h2","http/1.1" "h2" 1', ['h2","http/1.1', "h2", "1"]),
        ('"a"b c', ['"a"b', "c"]),
        ('"a b', ['"a', "b"]),
        ('a "', ["a", '"']),
        ('"', ['"']),
        ('"" ""', ["", ""]),
        ('"a""', ['a"']),
        (
            "h [06/Feb/2019:00:00:38 +0000] 1",
            ["h", "[06/Feb/2019:00:00:38 +0000]", "1"],
        ),
        ('"[06/Feb/2019:00:00:38 +0000]" 1', ["[06/Feb/2019:00:00:38 +0000]", "1"]),
        ("[a b] [::1]:80 [", ["[a", "b]", "[::1]:80", "["]),
        ("[06/Feb/2019:00:00:38 +0000]x", ["[06/Feb/2019:00:00:38", "+0000]x"]),
        ("", []),
        (" \t ", []),
    ],
)
def test_a_line_is_taken_apart(line: str, cells: list[str]) -> None:
    assert WSV.cells(line) == cells


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('a "b c" d', ["a", "b c", "d"]),
        ("a  b ", ["a", "", "b", ""]),
        ('"a b"" c', ['a b"', "c"]),
        ('"a b""', ['a b"']),
        ('"a\tb" c', ["a\tb", "c"]),
        ("[1 2]", ["[1", "2]"]),
        ("", []),
    ],
)
def test_single_blanks_leave_cells_empty(line: str, cells: list[str]) -> None:
    assert BLANK_CSV.cells(line) == cells


@pytest.mark.parametrize("reader", [WSV, BLANK_CSV])
@given(st.lists(texts, max_size=4))
def test_any_line_gives_cells_and_plain_ones_as_they_are(
    reader: CellReader, parts: list[str]
) -> None:
    line = " ".join(parts)
    cells = reader.cells(line)
    if '"' not in line and "[" not in line:
        assert cells == (
            line.split(" ") if reader is BLANK_CSV and line else line.split()
        )
    assert sum(map(len, cells)) <= len(line)


@given(st.lists(texts, max_size=4))
def test_what_is_regular_is_the_same_the_quick_way(parts: list[str]) -> None:
    line = " ".join(parts)
    assert regular_cells(line) in (None, BLANK_CSV.cells(line))


@pytest.mark.parametrize(
    "line", ["", " ", 'a "b c" d', '"a" "" b', '"a b"', 'a  "b"  c ', "a"]
)
def test_an_everyday_line_is_regular(line: str) -> None:
    assert regular_cells(line) == BLANK_CSV.cells(line)


@given(st.lists(st.text(alphabet="ab \\[]", max_size=8), min_size=1, max_size=4))
def test_quoted_cells_without_quotes_come_out_as_they_were(cells: list[str]) -> None:
    line = " ".join(f'"{cell}"' for cell in cells)
    assert WSV.cells(line) == cells
    assert BLANK_CSV.cells(line) == cells


@pytest.mark.parametrize(
    "piece",
    ['"a ', '"a\\" b ', '""', '" ', '"\\" ', '"a"b ', '\\"', '"a"" b ""c ', "[0"],
)
def test_a_long_line_is_gone_through_a_few_times(piece: str) -> None:
    """It would not end within a lifetime if each cell looked for the line's end."""
    assert WSV.cells(piece * 100_000)
    assert WSV.cells(f'"{piece * 100_000}')
