from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.unit.worker.audit.events import event
from worker.audit import scan as scanning
from worker.audit.places import Place, newest_first
from worker.audit.question import Question
from worker.audit.scan import Task, scan

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from worker.audit.merge import Newest

NINE = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def _places(folder: Path, *files: list[int]) -> list[Place]:
    """A file each for events at these seconds, delivered a second after the last."""
    places = []
    for number, seconds in enumerate(files):
        path = folder / f"{number}.json"
        path.write_text(json.dumps({"Records": [event(one) for one in seconds]}))
        delivered_at = NINE + timedelta(seconds=max(seconds) + 1)
        places.append(Place(str(path), size_bytes=1, delivered_at=delivered_at))
    return newest_first(places)


def _found(newest: Newest) -> list[str | None]:
    return [seen["event_id"] for seen in newest.newest_first()]


def test_the_newest_of_all_files(tmp_path: Path) -> None:
    places = _places(tmp_path, [1, 9, 4], [2, 3, 8], [5])
    totals, newest = scan(Task(Question(), 3), places, processes=1, report=print)
    assert _found(newest) == ["e-9", "e-8", "e-5"]
    assert (totals.records_count, totals.matched_count) == (7, 7)


def test_each_event_once_across_files_and_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "BATCH_FILES", 1)
    places = _places(tmp_path, [1, 2, 2, 3], [2, 3, 4], [3, 4])
    totals, newest = scan(Task(Question(), 3), places, processes=1, report=print)
    assert _found(newest) == ["e-4", "e-3", "e-2"]
    assert (totals.matched_count, totals.seen.copies_count) == (4, 5)
    counted, _ = scan(Task(Question(), 3, ("who",)), places, processes=1, report=print)
    assert counted.counts == {("jane",): 4}
    totals, newest = scan(
        Task(Question(), 0, copies=True), places, processes=1, report=print
    )
    assert len(_found(newest)) == totals.matched_count == 9


def test_files_that_can_hold_nothing_newer_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "BATCH_FILES", 1)
    places = _places(tmp_path, [1], [20, 21], [3, 22], [2])
    totals, newest = scan(Task(Question(), 3), places, processes=1, report=print)
    assert _found(newest) == ["e-22", "e-21", "e-20"]
    assert totals.records_count == 4
    # Whoever counts wants all of them.
    task = Task(Question(), 3, ("who",))
    totals, _ = scan(task, places, processes=1, report=print)
    assert totals.counts == {("jane",): 6}


def test_a_file_of_unknown_delivery_is_always_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "BATCH_FILES", 1)
    unknown = tmp_path / "export.json"
    unknown.write_text(json.dumps([event(30)]))
    places = [*_places(tmp_path, [20, 21]), Place(str(unknown), size_bytes=1)]
    _, newest = scan(Task(Question(), 2), places, processes=1, report=print)
    assert _found(newest) == ["e-30", "e-21"]


def test_a_file_that_cannot_be_read_is_told_by_its_name(tmp_path: Path) -> None:
    places = _places(tmp_path, [1], [2])
    broken = tmp_path / "broken.json.gz"
    broken.write_bytes(b"\x1f\x8b\x08")
    told: list[str] = []
    totals, newest = scan(
        Task(Question(), 5),
        [Place(str(broken)), Place(str(tmp_path / "gone.json")), *places],
        processes=1,
        report=told.append,
    )
    assert _found(newest) == ["e-2", "e-1"]
    assert totals.problems == told
    assert [line.partition(":")[0] for line in told] == [
        str(broken),
        str(tmp_path / "gone.json"),
    ]
