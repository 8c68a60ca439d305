"""Nothing of an object goes missing without a word; a steady fault is one a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.calls import make_message, make_refs
from worker.config.model import DecodeConfig
from worker.deliver.ledger import HeldMessage, HeldObject
from worker.deliver.outcomes import EMPTY_BYTES, Outcomes
from worker.deliver.progress import Progress

if TYPE_CHECKING:
    import pytest


class Scene:
    def __init__(self, **decode: Any) -> None:
        self.progress = Progress()
        config = DecodeConfig.model_validate(decode)
        self.outcomes = Outcomes(config, self.progress)
        self.now = 0.0

    def end(self, *, emitted: int = 0, size_bytes: int = 999, **counts: int) -> None:
        """An object is decoded, and counts grow meanwhile."""
        holder = HeldMessage(make_message(0), 0.0, 0.0)
        item = HeldObject(make_refs(1)[0], holder, "0")
        before = self.outcomes.begun()
        for name, count in counts.items():
            setattr(self.progress, name, getattr(self.progress, name) + count)
        self.outcomes.ended(
            item, before, size_bytes=size_bytes, emitted=emitted, now=self.now
        )


def test_a_location_that_fits_nothing_is_named_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene(format="json", record_location="detail.items")
    for scene.now in (0.0, 1.0, 61.0):
        scene.end(records_without_location=5)
    assert len(caplog.messages) == 2
    assert "s3://bucket/key-0: nothing is at decode.record_location" in caplog.text
    assert "(1 times since)" in caplog.messages[1]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_an_object_without_any_record_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene()
    scene.end(size_bytes=EMPTY_BYTES)
    assert not caplog.messages, "it may well hold nothing"
    scene.end(size_bytes=EMPTY_BYTES + 1)
    assert "check decode.format and decode.record_location" in caplog.text


def test_rules_that_let_nothing_through_are_named_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene()
    scene.end(records_filtered=3)
    scene.end(records_filtered=3)
    (message,) = caplog.messages
    assert "filter.include and filter.exclude let none of its 3 records" in message


def test_rules_that_let_something_through_are_as_they_should_be(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene()
    scene.end(emitted=1, records_filtered=3)
    scene.end(records_filtered=3)
    assert not caplog.messages


def test_records_without_a_time_are_said_once_but_for_lines(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene(format="lines")
    scene.end(emitted=2, records_without_time=2)
    assert not caplog.messages
    scene = Scene(time_field="timestamp")
    for _ in range(2):
        scene.end(emitted=2, records_without_time=2)
    (message,) = caplog.messages
    assert "decode.time_field (timestamp)" in message
