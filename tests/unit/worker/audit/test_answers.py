from __future__ import annotations

import csv
import io
import json
from collections import Counter

from rich.console import Console

from tests.unit.worker.audit.events import event
from worker.audit.answers import (
    counts_of,
    heading,
    json_line,
    most_common,
    row_of,
    table_of,
    write_counts,
    write_csv,
)
from worker.transform.audit import FIELDS, view

STEERING = view(event(1, sourceIPAddress="\x1b[2J\nboo", errorCode="=cmd()"))


def _printed(table: object) -> str:
    file = io.StringIO()
    Console(file=file, width=1_000).print(table)
    return file.getvalue()


def test_a_row_an_event_and_nothing_that_steers_the_terminal() -> None:
    printed = _printed(table_of([view(event(1)), STEERING]))
    first, second, third = printed.splitlines()
    assert first.split()[:2] == ["when", "(UTC)"]
    assert second.split() == [
        *("2026-11-21", "09:00:01", "jane", "sqs:DeleteMessage"),
        *("orders", "us-east-1", "10.0.0.1", "ok"),
    ]
    assert "\\x1b[2J\\nboo" in third


def test_lines_as_they_come_stand_under_their_headings() -> None:
    row = row_of(view(event(1)))
    for name, cell in (("who", "jane"), ("on what", "orders"), ("outcome", "ok")):
        assert heading().index(f" {name}") == row.index(f" {cell}")
    assert "\x1b" not in row_of(STEERING)
    assert "\n" not in row_of(STEERING)


def test_json_has_every_field() -> None:
    assert tuple(json.loads(json_line(view({})))) == FIELDS


def test_csv_has_every_field_and_no_formula() -> None:
    file = io.StringIO()
    write_csv([view(event(1, readOnly=False)), STEERING], file)
    first, second = csv.DictReader(io.StringIO(file.getvalue()))
    assert tuple(first) == FIELDS
    assert (first["who"], first["read_only"], first["mfa"]) == ("jane", "false", "")
    assert second["outcome"] == "'=cmd()"
    assert second["from_where"] == r"\x1b[2J\nboo"


def test_counts_as_csv_hold_no_formula_and_no_control() -> None:
    file = io.StringIO()
    counts: Counter[tuple[str, ...]] = Counter(
        {("=cmd()", "\x1b[2J"): 2, ("a", "b"): 1, ("c", "d"): 1}
    )
    write_counts(counts, ("who", "what"), 2, file)
    assert file.getvalue() == "count,who,what\n2,'=cmd(),\\x1b[2J\n1,a,b\n"


def test_counts_are_the_most_frequent_first() -> None:
    counts: Counter[tuple[str, ...]] = Counter(
        {("b",): 2, ("a",): 2, ("c",): 5, ("d",): 1}
    )
    assert most_common(counts, 3) == [(("c",), 5), (("a",), 2), (("b",), 2)]
    lines = _printed(counts_of(counts, ("who",), 1)).splitlines()
    assert [line.split() for line in lines] == [["count", "who"], ["5", "c"]]
