"""What several tests of this room open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.worker.deliver.journal_steps import DAY_S
from worker.deliver.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Open = Callable[..., Journal]


@pytest.fixture
def open_journal(tmp_path: Path) -> Iterator[Open]:
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
