from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from worker.backfill.request import Request
from worker.backfill.run import (
    DATABASE,
    FOLDER,
    KEEP_S,
    Run,
    RunError,
    forget_old,
    known_runs,
    new_run_id,
    run_folder,
    unfinished,
)
from worker.errors import ConfigError
from worker.source.announcing import announcement
from worker.source.notifications import ObjectRef, parse

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 21, 16, 30, tzinfo=UTC)


def begin(state_dir: Path, name: str, request: Request, *, finished: str = "") -> None:
    run = Run.begin(state_dir, name, request, NOW.isoformat())
    run.standing.finished_at = finished
    run.note()
    run.close()


def test_a_request_survives_its_document(request_: Request) -> None:
    assert Request.of_document(request_.document()) == request_


def test_two_at_once_do_not_go_together(tmp_path: Path, request_: Request) -> None:
    run = Run.begin(tmp_path, "a", request_, NOW.isoformat())
    with pytest.raises(RunError, match="run a is being worked on"):
        Run(run.folder)
    run.close()
    Run(run.folder).close()


def test_what_was_typed_again_goes_on_with_the_newest_that_is_not_over(
    tmp_path: Path, request_: Request
) -> None:
    later = replace(request_, until="2026-11-22T00:00:00+00:00")
    other = replace(request_, regions=("us-east-1",))
    begin(tmp_path, "1", request_)
    begin(tmp_path, "2", request_)
    begin(tmp_path, "3", request_, finished=NOW.isoformat())
    begin(tmp_path, "4", other)
    runs = known_runs(tmp_path)
    assert [run.run_id for run in runs] == ["1", "2", "3", "4"]
    same = unfinished(runs, later)
    assert same is not None
    assert (same.run_id, same.request.until) == ("2", request_.until)
    assert unfinished(runs, replace(request_, way="direct")) is None


def test_folders_that_are_no_runs_are_passed_over(
    tmp_path: Path, request_: Request
) -> None:
    begin(tmp_path, "1", request_)
    (tmp_path / FOLDER / "empty").mkdir()
    (tmp_path / FOLDER / "broken").mkdir()
    (tmp_path / FOLDER / "broken" / DATABASE).write_text("nothing of the sort")
    assert [run.run_id for run in known_runs(tmp_path)] == ["1"]
    assert run_folder(tmp_path, "1") == tmp_path / FOLDER / "1"
    for name in ("2", "broken", "../backfill/1"):
        with pytest.raises(RunError, match="there is no such run"):
            run_folder(tmp_path, name)


def test_old_runs_are_forgotten_once_they_are_over(
    tmp_path: Path, request_: Request
) -> None:
    long_ago = (NOW - timedelta(seconds=KEEP_S + 1)).isoformat()
    begin(tmp_path, "open", request_)
    begin(tmp_path, "old", request_, finished=long_ago)
    begin(tmp_path, "young", request_, finished=NOW.isoformat())
    forget_old(tmp_path, NOW, window_s=2 * KEEP_S)
    assert len(known_runs(tmp_path)) == 3
    forget_old(tmp_path, NOW, window_s=0)
    assert [run.run_id for run in known_runs(tmp_path)] == ["open", "young"]


def test_a_run_s_name_goes_through_a_message(request_: Request) -> None:
    run_id = new_run_id(NOW, "0a1b2c")
    assert run_id == "backfill-20261121T163000Z-0a1b2c"
    body = announcement(ObjectRef(request_.bucket, "k", run_id=run_id))
    assert parse(body).objects[0].run_id == run_id


def test_a_state_directory_that_cannot_be_used_is_named(
    tmp_path: Path, request_: Request
) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    with pytest.raises(ConfigError, match=r"state\.dir: cannot use"):
        Run.begin(tmp_path, "a", request_, NOW.isoformat())
