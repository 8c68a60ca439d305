"""Log lines: one record, one line, with the fields that apply."""

from __future__ import annotations

import json
import logging

import pytest

from worker.pool.log_format import JsonFormatter, TextFormatter


def record(message: str, *args: object, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("worker", logging.WARNING, "", 0, message, args, None)
    made.created = 1_700_000_000.25
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_text_shows_time_level_worker_message_and_fields() -> None:
    line = TextFormatter().format(
        record("cannot read %s", "it", worker=3, bucket="b", key="k", message_id="m")
    )
    assert line == (
        "2023-11-14T22:13:20.250Z WARNING worker=3 cannot read it "
        "bucket=b key=k message_id=m"
    )


@pytest.mark.parametrize(
    "one", ["\n", "\r", "\x1b", "\x9b", "\0", "\u2028", "\u2029", "\u202e", "\ud800"]
)
def test_text_stays_on_one_line_and_steers_no_terminal(one: str) -> None:
    text = f"a{one}b"
    line = TextFormatter().format(record("%s", text, key=text, message_id=text))
    assert one not in line
    assert line.isprintable()


def test_a_field_cannot_pass_for_another_one() -> None:
    line = TextFormatter().format(
        record("m", bucket="b", key='k bucket="x"', message_id="")
    )
    assert line.endswith(r'm bucket=b key="k bucket=\"x\"" message_id=""')


def test_json_is_one_object_with_the_same_fields() -> None:
    line = JsonFormatter().format(record("a\nb", worker=0, key="k\n"))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "warning",
        "message": "a\nb",
        "worker": 0,
        "key": "k\n",
    }


def test_exceptions_of_our_own_keep_their_traceback() -> None:
    made = record("fault")
    error = ValueError("inside")
    made.exc_info = (ValueError, error, None)
    assert "ValueError: inside" in json.loads(JsonFormatter().format(made))["message"]
