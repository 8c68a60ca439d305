from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.fakes.quarantine import item
from worker.audit.quarantined import quarantined_places
from worker.audit.question import Question
from worker.audit.reading import read_place
from worker.deliver.quarantine import Quarantine
from worker.errors import PermanentError
from worker.source.notifications import ObjectRef

if TYPE_CHECKING:
    from pathlib import Path

KEY = "AWSLogs/123456789012/CloudTrail/us-east-1/2026/11/21/"
NAME = "123456789012_CloudTrail_us-east-1_20261121T0905Z_AbC0.json.gz"


@pytest.fixture
def source(tmp_path: Path) -> str:
    store = Quarantine(tmp_path / "quarantine", max_bytes=1 << 20, when_full="retry")
    store.put(item(0, object=ObjectRef("logs", KEY + NAME)), b"broken")
    store.put(item(1), None)
    store.put(item(2, object=None), b"message")
    store.put(item(3, record_index=0), b"\x92")
    return f"quarantine:{tmp_path}"


def test_only_whole_objects_are_asked(source: str) -> None:
    said: list[str] = []
    (place,) = quarantined_places(source, Question(), report=said.append)
    assert place.url.startswith(f"s3://logs/{KEY}{NAME} (quarantined as 20261121T")
    assert read_place(place, None) == b"broken"
    assert place.delivered_at == datetime(2026, 11, 21, 9, 6, tzinfo=UTC)
    (line,) = said
    assert "3 items hold no object" in line


def test_objects_from_before_are_left_out(source: str) -> None:
    question = Question(since=datetime(2026, 11, 22, tzinfo=UTC))
    assert [*quarantined_places(source, question, report=lambda _: None)] == []


def test_no_quarantine_is_told(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"name what \[state\] dir says"):
        [*quarantined_places(f"quarantine:{tmp_path}", Question(), report=print)]
