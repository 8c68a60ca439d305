"""What several tests of this room open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from tests.fakes.quarantine import ITEM_BYTES
from tests.unit.worker.deliver.journal_steps import DAY_S
from worker.deliver.journal import Journal
from worker.deliver.quarantine import Quarantine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    OpenJournal = Callable[..., Journal]
    OpenQuarantine = Callable[..., Quarantine]


@pytest.fixture
def open_journal(tmp_path: Path) -> Iterator[OpenJournal]:
    opened: list[Journal] = []

    def open_one(
        owner: str = "run1:0:a", *, fingerprint: str = "f", window_s: int = DAY_S
    ) -> Journal:
        journal = Journal(
            tmp_path / "journal.sqlite3",
            owner=owner,
            slot=int(owner.split(":")[1]),
            fingerprint=fingerprint,
            window_s=window_s,
        )
        opened.append(journal)
        return journal

    yield open_one
    for journal in opened:
        journal.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "quarantine"


@pytest.fixture
def open_quarantine(folder: Path) -> OpenQuarantine:
    folder.parent.mkdir()

    def open_one(
        items: float = 1000, when_full: Literal["retry", "drop_oldest"] = "retry"
    ) -> Quarantine:
        return Quarantine(
            folder, max_bytes=int(items * ITEM_BYTES), when_full=when_full
        )

    return open_one
