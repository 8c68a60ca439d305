from __future__ import annotations

import bz2
import gzip
import json
from typing import TYPE_CHECKING

import pytest

from tests.unit.worker.audit.events import event
from worker.audit.places import Place
from worker.audit.reading import read_place, records_of, records_of_text
from worker.errors import BadObjectError, PermanentError

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = [event(1), event(2)]
FILE = json.dumps({"Records": EVENTS}).encode()
LINES = b"\n".join(json.dumps(one).encode() for one in EVENTS)


@pytest.mark.parametrize(
    "data",
    [
        FILE,
        b"\xef\xbb\xbf \n" + FILE,
        gzip.compress(FILE),
        gzip.compress(FILE[:40]) + gzip.compress(FILE[40:]),
        bz2.compress(FILE),
        json.dumps({"Records": EVENTS}, indent=2).encode(),
        json.dumps(EVENTS).encode(),
        json.dumps(EVENTS, indent=1).encode(),
        LINES,
        LINES + b"\n\n",
        json.dumps(EVENTS[0], indent=2).encode() + json.dumps(EVENTS[1]).encode(),
        gzip.compress(LINES.replace(b"\n", b"\r\n")),
        b"\n".join(json.dumps([one]).encode() for one in EVENTS)[1:-1].replace(
            b"]\n[", b"\n"
        ),
    ],
)
def test_every_usual_form_has_the_same_records(data: bytes) -> None:
    assert list(records_of(data)) == EVENTS


def test_an_empty_file_has_no_records() -> None:
    assert list(records_of(b"")) == list(records_of(b" \n")) == []


@pytest.mark.parametrize(
    "line",
    [
        json.dumps(event(1)).encode(),
        json.dumps([event(1)]).encode(),
        b" " + json.dumps({"Records": [event(1)]}).encode() + b"\r\n",
    ],
)
def test_a_line_is_an_event_or_many(line: bytes) -> None:
    assert list(records_of_text(line)) == [event(1)]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (LINES + b"\nnot json", "not JSON"),
        (gzip.compress(FILE)[:-9], "truncated"),
        (b"3", "a number, where an object or an array of objects"),
        (b"\x00\x01", "not JSON"),
    ],
)
def test_what_is_none_of_these_is_told(data: bytes, problem: str) -> None:
    with pytest.raises(BadObjectError, match=problem):
        list(records_of(data))


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="cannot be read: No such file"):
        read_place(Place(str(tmp_path / "gone.json")), None)
