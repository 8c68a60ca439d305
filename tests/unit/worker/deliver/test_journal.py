"""The journal: counts, claims, take-over and the window, by the rules."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

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
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from worker.deliver.journal import Standing

    Open = Callable[..., Journal]

DAY_S = 86_400
KEY = ObjectKey("bucket", "a/b.json.gz", "e:1")
OTHER = ObjectKey("bucket", "c.json.gz", "e:1")


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


def begin(
    journal: Journal, claimant: str = "m", *, key: ObjectKey = KEY, now_s: float = 0.0
) -> Standing:
    batch = Batch()
    batch.begin(key, claimant)
    return journal.commit(batch, now_s)[key]


def advance(journal: Journal, records: int, *, now_s: float = 0.0) -> None:
    batch = Batch()
    batch.advance(KEY, records)
    journal.commit(batch, now_s)


def finish(journal: Journal, records: int = 9, *, now_s: float = 0.0) -> None:
    batch = Batch()
    batch.finish(KEY, records)
    journal.commit(batch, now_s)


def release(journal: Journal) -> None:
    batch = Batch()
    batch.release(KEY)
    journal.commit(batch, 0.0)


def hold(journal: Journal, *messages: tuple[str, str]) -> None:
    batch = Batch()
    for message_id, handle in messages:
        batch.hold(message_id, handle)
    journal.commit(batch, 0.0)


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


# Take-over ------------------------------------------------------------------------


def test_a_replacement_inherits_from_its_own_slot_only(open_journal: Open) -> None:
    dead, alive = open_journal("run1:1:a"), open_journal("run1:10:b")
    begin(dead)
    advance(dead, 4)
    begin(alive, key=OTHER)
    hold(dead, ("m1", "h1"), ("m2", "h2"))
    hold(alive, ("m3", "h3"))
    successor = open_journal("run1:1:c")
    assert sorted(successor.take_over(0.0)) == [("m1", "h1"), ("m2", "h2")]
    assert successor.take_over(0.0) == []
    assert begin(successor, "again") == Mine(4)
    assert begin(successor, key=OTHER) == Claimed()


def test_the_first_worker_of_a_new_run_inherits_from_all_earlier_ones(
    open_journal: Open,
) -> None:
    for run, slot in (("run1", 0), ("run1", 5), ("run", 1)):
        journal = open_journal(f"{run}:{slot}:x")
        hold(journal, (f"{run}-{slot}", "h"))
        begin(journal, key=ObjectKey("b", f"{run}-{slot}", "e:1"))
    first, second = open_journal("run2:3:y"), open_journal("run2:0:y")
    assert sorted(first.take_over(0.0)) == [
        ("run-1", "h"),
        ("run1-0", "h"),
        ("run1-5", "h"),
    ]
    assert second.take_over(0.0) == []
    assert begin(second, key=ObjectKey("b", "run1-5", "e:1")) == Mine(0)


def test_a_worker_does_not_take_over_from_itself(open_journal: Open) -> None:
    journal = open_journal()
    begin(journal)
    hold(journal, ("m1", "h1"))
    assert journal.take_over(0.0) == []
    assert begin(journal, "m2") == Claimed()


def test_what_was_let_go_is_not_inherited(open_journal: Open) -> None:
    dead = open_journal("run1:0:a")
    hold(dead, ("m1", "old"), ("m1", "new"), ("m2", "h2"))
    batch = Batch()
    batch.hold("m3", "h3")
    batch.let_go("m3")
    batch.let_go("m2")
    batch.let_go("m2")
    batch.hold("m4", "h4")
    dead.commit(batch, 0.0)
    assert sorted(open_journal("run1:0:b").take_over(0.0)) == [
        ("m1", "new"),
        ("m4", "h4"),
    ]


def test_a_message_belongs_to_who_received_it_last(open_journal: Open) -> None:
    first, second = open_journal("run1:0:a"), open_journal("run1:1:b")
    hold(first, ("m", "h1"))
    hold(second, ("m", "h2"))
    batch = Batch()
    batch.let_go("m")
    first.commit(batch, 0.0)
    assert open_journal("run1:0:c").take_over(0.0) == []
    assert open_journal("run1:1:c").take_over(0.0) == [("m", "h2")]


def test_a_message_received_last_and_let_go_at_once_is_nobodys(
    open_journal: Open,
) -> None:
    first, second = open_journal("run1:0:a"), open_journal("run1:1:b")
    hold(first, ("m", "h1"))
    batch = Batch()
    batch.hold("m", "h2")
    batch.let_go("m")
    second.commit(batch, 0.0)
    assert open_journal("run2:0:c").take_over(0.0) == []


def test_an_inherited_count_outlives_a_long_outage(open_journal: Open) -> None:
    dead = open_journal("run1:0:a")
    begin(dead)
    advance(dead, 4)
    successor = open_journal("run2:0:b")
    later = 3.0 * DAY_S
    successor.take_over(later)
    assert successor.expire(later) == 0
    assert begin(successor, now_s=later) == Mine(4)


# The window -----------------------------------------------------------------------


def test_what_is_older_than_the_window_is_forgotten_even_before_it_is_removed(
    open_journal: Open,
) -> None:
    journal = open_journal(window_s=60)
    begin(journal)
    finish(journal, now_s=100.0)
    assert begin(journal, now_s=159.0) == Finished()
    assert begin(journal, now_s=160.0) == Mine(0)


def test_without_a_window_nothing_unclaimed_is_remembered(open_journal: Open) -> None:
    journal = open_journal(window_s=0)
    begin(journal)
    advance(journal, 3)
    assert begin(journal) == Mine(3)
    finish(journal)
    assert begin(journal) == Mine(0)


def test_expire_removes_the_oldest_first_and_no_more_than_it_may(
    open_journal: Open,
) -> None:
    journal = open_journal(window_s=60)
    for second in range(5):
        batch = Batch()
        batch.finish(ObjectKey("b", str(second), "e:1"), 1)
        journal.commit(batch, float(second))
    assert journal.expire(62.0, limit_rows=2) == 2
    assert begin(journal, key=ObjectKey("b", "2", "e:1"), now_s=61.0) == Finished()
    assert journal.expire(62.0) == 1
    assert journal.expire(62.0) == 0
    assert begin(journal, key=ObjectKey("b", "3", "e:1"), now_s=62.0) == Finished()


def test_expire_leaves_what_is_claimed(open_journal: Open) -> None:
    journal = open_journal(window_s=60)
    begin(journal)
    advance(journal, 3)
    assert journal.expire(1_000.0) == 0
    assert begin(journal, now_s=1_000.0) == Mine(3)


def test_the_file_keeps_its_size_while_objects_come_and_go(
    open_journal: Open, tmp_path: Path
) -> None:
    journal = open_journal(window_s=60)

    def fill(start_s: int, seconds: int) -> int:
        for second in range(start_s, start_s + seconds):
            batch = Batch()
            for number in range(50):
                batch.finish(ObjectKey("b", f"{second}/{number}", "e:1"), 1)
            journal.commit(batch, float(second))
            journal.expire(float(second))
        with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as database:
            ((pages,),) = database.execute("PRAGMA page_count")
            return int(pages)

    first = fill(0, 120)
    assert fill(120, 360) < first * 1.3


def test_a_file_that_was_large_shrinks(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal(window_s=60)
    batch = Batch()
    for number in range(20_000):
        batch.finish(ObjectKey("b", str(number), "e:1"), 1)
    journal.commit(batch, 0.0)
    with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as database:
        ((before,),) = database.execute("PRAGMA page_count")
        while journal.expire(60.0):
            pass
        ((after,),) = database.execute("PRAGMA page_count")
    assert after < before / 3


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
    batch.hold("m1", "h1")
    with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as database:
        database.execute("ALTER TABLE held RENAME TO elsewhere")
        with pytest.raises(JournalError, match=r"journal\.sqlite3 \(no such table"):
            journal.commit(batch, 0.0)
        database.execute("ALTER TABLE elsewhere RENAME TO held")
    assert begin(journal) == Mine(1)
    assert begin(open_journal("run1:1:b"), key=OTHER) == Mine(0)
    assert open_journal("run2:0:b").take_over(0.0) == []


def test_a_batch_that_failed_can_be_committed_again(
    open_journal: Open, tmp_path: Path
) -> None:
    journal = open_journal()
    batch = Batch()
    batch.begin(KEY, "m")
    batch.hold("m1", "h1")
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
