"""The journal: counts, claims, keys and faults, by the rules."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.unit.worker.deliver.journal_steps import (
    KEY,
    OTHER,
    advance,
    begin,
    finish,
    message,
    release,
    take_over,
)
from worker.config.records import DecodeConfig
from worker.deliver.journal import (
    Batch,
    Claimed,
    Finished,
    Journal,
    Mine,
    ObjectKey,
    fingerprint_of,
)
from worker.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Open = Callable[..., Journal]


# Counts and claims ----------------------------------------------------------------


def test_an_unknown_object_is_claimed_from_its_first_record(open_journal: Open) -> None:
    assert begin(open_journal()) == Mine(0)


def test_a_released_object_goes_on_from_its_count_in_another_worker(
    open_journal: Open,
) -> None:
    first, second = open_journal("run1:0:a"), open_journal("run1:1:b")
    begin(first)
    advance(first, 7)
    release(first)
    assert begin(second) == Mine(7)


def test_a_claimed_object_is_nobody_elses(open_journal: Open) -> None:
    first, second = open_journal("run1:0:a"), open_journal("run1:1:b")
    begin(first, "m1")
    assert begin(second, "m1") == Claimed()
    assert begin(first, "m2") == Claimed()
    assert begin(first, "m1") == Mine(0)


def test_a_finished_object_is_finished_for_all(open_journal: Open) -> None:
    first, second = open_journal("run1:0:a"), open_journal("run1:1:b")
    begin(first)
    finish(first)
    assert begin(first) == Finished()
    assert begin(second, "m2") == Finished()


def test_a_count_never_shrinks(open_journal: Open) -> None:
    journal = open_journal()
    begin(journal)
    advance(journal, 7)
    advance(journal, 3)
    assert begin(journal) == Mine(7)


def test_another_fingerprint_starts_the_object_again(open_journal: Open) -> None:
    old = open_journal("run1:0:a", fingerprint="f")
    new = open_journal("run1:1:b", fingerprint="g")
    begin(old)
    advance(old, 7)
    release(old)
    assert begin(new) == Mine(0)
    finish(new)
    assert begin(old, "again") == Mine(0)


def test_late_acks_count_without_the_claim(open_journal: Open) -> None:
    first, second = open_journal("run1:0:a"), open_journal("run1:1:b")
    begin(first)
    release(first)
    begin(second)
    advance(first, 5)
    assert begin(second) == Mine(5)
    finish(first)
    assert begin(second) == Finished()


def test_a_late_ack_does_not_speak_for_another_fingerprint(open_journal: Open) -> None:
    old = open_journal("run1:0:a", fingerprint="f")
    new = open_journal("run1:1:b", fingerprint="g")
    begin(old)
    release(old)
    begin(new)
    advance(new, 2)
    finish(old, 5)
    assert begin(new) == Mine(2)


def test_the_claims_holder_overrules_a_late_ack_of_another_fingerprint(
    open_journal: Open,
) -> None:
    old = open_journal("run1:0:a", fingerprint="f")
    new = open_journal("run1:1:b", fingerprint="g")
    begin(new)
    finish(old, 5)
    advance(new, 2)
    assert begin(new) == Mine(2)


def test_nobody_drops_anothers_claim(open_journal: Open) -> None:
    first, second = open_journal("run1:0:a"), open_journal("run1:1:b")
    begin(first)
    release(second)
    batch = Batch()
    batch.release_all()
    second.commit(batch, 0.0)
    assert begin(second) == Claimed()


def test_release_all_drops_every_claim_and_keeps_the_counts(open_journal: Open) -> None:
    journal = open_journal()
    begin(journal)
    batch = Batch()
    batch.begin(OTHER, "m")
    batch.advance(KEY, 3)
    batch.release_all()
    journal.commit(batch, 0.0)
    assert begin(journal, "m2") == Mine(3)
    assert begin(journal, "m2", key=OTHER) == Mine(0)


def test_a_batch_is_taken_in_its_order(open_journal: Open) -> None:
    journal = open_journal()
    begin(journal, "m1")
    batch = Batch()
    batch.advance(KEY, 2)
    batch.release(KEY)
    batch.begin(KEY, "m2")
    batch.advance(KEY, 4)
    batch.finish(OTHER, 1)
    batch.begin(OTHER, "m2")
    assert journal.commit(batch, 0.0) == {KEY: Mine(2), OTHER: Finished()}
    assert begin(journal, "m2") == Mine(4)


def test_a_batch_keeps_one_advance_an_object() -> None:
    batch = Batch()
    for records in (1, 3, 2):
        batch.advance(KEY, records)
    batch.finish(KEY, 3)
    assert len(batch.steps) == 1


def test_a_batch_with_nothing_in_it_is_false() -> None:
    batch = Batch()
    assert not batch
    batch.let_go("m")
    assert batch


# Keys -----------------------------------------------------------------------------


def test_versions_etags_and_run_ids_are_told_apart(open_journal: Open) -> None:
    journal = open_journal()
    keys = [
        ObjectKey.of("b", "k", version_id="1", etag="1"),
        ObjectKey.of("b", "k", version_id="", etag='"1"'),
        ObjectKey.of("b", "k", version_id="null", etag="2"),
        ObjectKey.of("b", "k", version_id="", etag="1", run_id="r"),
        ObjectKey.of("bk", "", version_id="", etag="1"),
    ]
    for key in keys:
        assert key is not None
        assert begin(journal, key=key) == Mine(0)
    for key in keys:
        assert key is not None
        assert begin(journal, "m2", key=key) == Claimed()


def test_an_etag_is_the_same_with_and_without_quotes() -> None:
    assert ObjectKey.of("b", "k", version_id="", etag='"x"') == ObjectKey.of(
        "b", "k", version_id="", etag="x"
    )


def test_an_object_without_version_and_etag_has_no_key() -> None:
    assert ObjectKey.of("b", "k", version_id="null", etag="") is None


def test_any_key_that_json_can_spell_has_a_digest() -> None:
    assert len(ObjectKey("b", "\ud800\0", "e:1").digest()) == 16


# Faults ---------------------------------------------------------------------------


def test_a_failed_commit_leaves_nothing_half_done(
    open_journal: Open, tmp_path: Path
) -> None:
    journal = open_journal()
    begin(journal)
    advance(journal, 1)
    batch = Batch()
    batch.begin(OTHER, "m")
    batch.advance(KEY, 2)
    batch.hold(message("m1", "h1"))
    with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as database:
        database.execute("ALTER TABLE held RENAME TO elsewhere")
        with pytest.raises(JournalError, match=r"journal\.sqlite3 \(no such table"):
            journal.commit(batch, 0.0)
        database.execute("ALTER TABLE elsewhere RENAME TO held")
    assert begin(journal) == Mine(1)
    assert begin(open_journal("run1:1:b"), key=OTHER) == Mine(0)
    assert take_over(open_journal("run2:0:b"), 0.0) == []


def test_a_batch_that_failed_can_be_committed_again(
    open_journal: Open, tmp_path: Path
) -> None:
    journal = open_journal()
    batch = Batch()
    batch.begin(KEY, "m")
    batch.hold(message("m1", "h1"))
    with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as database:
        database.execute("ALTER TABLE held RENAME TO elsewhere")
        with pytest.raises(JournalError) as failure:
            journal.commit(batch, 0.0)
        database.execute("ALTER TABLE elsewhere RENAME TO held")
    assert failure.value.code == "journal"
    batch.advance(KEY, 3)
    assert journal.commit(batch, 0.0) == {KEY: Mine(0)}
    assert begin(journal) == Mine(3)


def test_a_journal_that_was_closed_says_so_in_its_own_error(open_journal: Open) -> None:
    journal = open_journal()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        begin(journal)


# The fingerprint ------------------------------------------------------------------


def test_the_fingerprint_follows_the_values_and_not_their_order() -> None:
    first = DecodeConfig(format="csv", csv_columns=("a", "b"))
    second = DecodeConfig(csv_columns=("a", "b"), format="csv")
    assert fingerprint_of(first) == fingerprint_of(second)
    assert fingerprint_of(first) != fingerprint_of(
        DecodeConfig(format="csv", csv_columns=("b", "a"))
    )
    assert len(fingerprint_of(first)) == 16


def test_a_key_written_out_at_its_default_changes_nothing() -> None:
    assert fingerprint_of(DecodeConfig(shape="event")) == fingerprint_of(DecodeConfig())


def test_the_fingerprint_of_the_defaults_is_the_same_in_every_version() -> None:
    assert fingerprint_of(DecodeConfig()) == "7674a781fc38e94c"


@pytest.mark.parametrize("is_there", [False, True])
def test_only_its_owner_may_read_its_files(
    open_journal: Open, tmp_path: Path, is_there: bool
) -> None:
    path = tmp_path / "journal.sqlite3"
    if is_there:
        path.touch()
        path.chmod(0o664)
    begin(open_journal())
    files = {one.name: one.stat().st_mode & 0o777 for one in tmp_path.iterdir()}
    assert files == dict.fromkeys(
        ("journal.sqlite3", "journal.sqlite3-wal", "journal.sqlite3-shm"), 0o600
    )
