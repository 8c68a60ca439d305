"""The journal's thread: a file that is not well is done without, and opened anew."""

from __future__ import annotations

import select
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.functional.worker.deliver.journal_children import KEY, open_journal
from tests.unit.worker.deliver.journal_steps import hold
from worker.deliver import journal_schema
from worker.deliver.disk import JournalCalls
from worker.deliver.inbox import CommitFailed, Committed, Event, Inbox, JournalOpened
from worker.deliver.journal import Batch, Mine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.functional


class Scene:
    """A worker's journal thread, opened as its second life in its slot."""

    def __init__(self, path: Path) -> None:
        self.inbox = Inbox()
        self.calls = JournalCalls(
            lambda: open_journal(path, "run1:0:b"), self.inbox, wall_clock=lambda: 1e9
        )

    def commit(self) -> list[Event]:
        """Ask for an object; what comes of it, to the last event."""
        batch = Batch()
        batch.begin(KEY, "m")
        self.calls.commit(batch)
        poll = select.poll()
        poll.register(self.inbox.fileno(), select.POLLIN)
        events: list[Event] = []
        while not events or isinstance(events[-1], JournalOpened):
            assert poll.poll(10_000)
            events += self.inbox.take()
        return events


@pytest.fixture
def scene(path: Path) -> Iterator[Scene]:
    with closing(open_journal(path, "run1:0:a")) as former:
        hold(former, ("m1", "h1"))
    made = Scene(path)
    yield made
    made.calls.close()
    made.inbox.close()


def expect_opened(events: list[Event]) -> None:
    """The first commit that works opens the file, and tells what was held."""
    opened, committed = events
    assert isinstance(opened, JournalOpened)
    assert [one.message.id for one in opened.inherited] == ["m1"]
    assert committed == Committed({KEY: Mine(0)})


def test_the_first_commit_opens_the_file_and_no_other(scene: Scene) -> None:
    expect_opened(scene.commit())
    assert scene.commit() == [Committed({KEY: Mine(0)})]


def test_a_locked_file_is_opened_once_it_is_free(
    scene: Scene, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_schema, "BUSY_TIMEOUT_S", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        (failed,) = scene.commit()
        assert isinstance(failed, CommitFailed)
        assert f"state.dir: {path} cannot be used (database is locked)" in str(
            failed.error
        )
        other.execute("ROLLBACK")
    expect_opened(scene.commit())


def test_a_missing_directory_is_found_once_it_is_back(scene: Scene, path: Path) -> None:
    away = path.parent.with_name("away")
    path.parent.rename(away)
    (failed,) = scene.commit()
    assert isinstance(failed, CommitFailed)
    assert "No such file or directory" in str(failed.error)
    away.rename(path.parent)
    expect_opened(scene.commit())


def test_a_file_that_broke_is_closed_so_that_another_can_take_its_place(
    scene: Scene, path: Path
) -> None:
    expect_opened(scene.commit())
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE claim")
    (failed,) = scene.commit()
    assert isinstance(failed, CommitFailed)
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    opened, committed = scene.commit()
    assert opened == JournalOpened([])
    assert committed == Committed({KEY: Mine(0)})
