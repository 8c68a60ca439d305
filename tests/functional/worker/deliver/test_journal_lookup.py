"""The journal, read beside a pool that writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.worker.backfill.conftest import found
from worker.backfill.delivered import Delivered
from worker.deliver.journal import Batch, Journal, ObjectKey
from worker.deliver.journal_lookup import JournalLookup
from worker.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.functional


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    made = Journal(path, owner="r:0:1", slot=0, fingerprint="f", window_s=60)
    yield made
    made.close()


def key(name: str, *, etag: str = "", version: str = "", run_id: str = "") -> ObjectKey:
    made = ObjectKey.of(
        "trail", name, version_id=version, etag=etag or f"etag-{name}", run_id=run_id
    )
    assert made is not None
    return made


def finish(journal: Journal, *keys: ObjectKey) -> None:
    batch = Batch()
    for one in keys:
        batch.begin(one, "m")
        batch.finish(one, 1)
    journal.commit(batch, 1_000.0)


def test_only_what_is_finished_is_found_and_while_it_is_written(
    path: Path, journal: Journal
) -> None:
    done, begun, unknown = key("done"), key("begun"), key("unknown")
    finish(journal, done)
    batch = Batch()
    batch.begin(begun, "m")
    batch.advance(begun, 3)
    journal.commit(batch, 1_000.0)
    with JournalLookup(path, fingerprint="f") as lookup:
        assert lookup.finished([done, begun, unknown]) == {done}
        finish(journal, begun)
        assert lookup.finished([done, begun, unknown]) == {done, begun}
    with JournalLookup(path, fingerprint="another") as lookup:
        assert lookup.finished([done]) == set()


def test_more_keys_than_one_statement_takes(path: Path, journal: Journal) -> None:
    keys = [key(str(n)) for n in range(2_100)]
    finish(journal, *keys[::2])
    with JournalLookup(path, fingerprint="f") as lookup:
        assert lookup.finished(keys) == set(keys[::2])


def test_an_object_is_known_by_its_version_or_etag_and_of_any_run(
    path: Path, journal: Journal
) -> None:
    finish(
        journal,
        key("announced"),
        key("overwritten", etag="another"),
        key("versioned", version="v1"),
        key("new-version", version="v1"),
        key("fed", run_id="run-1"),
        key("replayed", run_id="20261121T0-1"),
    )
    objects = [
        found("announced"),
        found("overwritten"),
        found("versioned", version_id="v1"),
        found("new-version", version_id="v2"),
        found("fed"),
        found("replayed"),
    ]
    with JournalLookup(path, fingerprint="f") as lookup:
        delivered = Delivered([(lookup, ["", "run-1"])])
        assert delivered.of("trail", objects) == {"announced", "versioned", "fed"}
        assert delivered.of("other", objects) == set()


def test_what_is_no_journal_is_named(path: Path, tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot read the journal"):
        JournalLookup(path, fingerprint="f")
    path.write_text("nothing of the sort" * 100)
    with pytest.raises(JournalError, match="cannot read the journal"):
        JournalLookup(path, fingerprint="f")
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
