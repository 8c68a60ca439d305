"""What was delivered of which object: shared by the pool, kept over crashes.

For each object the journal counts the source records that were acknowledged, in decode
order and before filters, and says whether that is all of them. An object being worked
on is claimed, so that no two workers deliver it at once. The messages that a worker
holds are noted: a successor works on with them, without receiving them again.

Every change is one transaction. A killed process loses none that was committed; a power
cut may lose the last ones, which repeats records and loses none. The rules are those of
:mod:`worker.deliver.journal_entry`, the file is :mod:`worker.deliver.journal_schema`'s.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
from functools import partial
from typing import TYPE_CHECKING, Final

from worker.deliver.journal_batch import (
    Batch,
    Begin,
    Claimed,
    Finished,
    Mine,
    ObjectKey,
    Progress,
    Release,
    Standing,
)
from worker.deliver.journal_entry import Asker, Entry
from worker.deliver.journal_messages import (
    leave_messages,
    take_over_messages,
    write_messages,
)
from worker.deliver.journal_rows import execute_rows
from worker.deliver.journal_schema import (
    MAX_LOG_BYTES,
    cut_log,
    open_database,
    prepare_journal,
)
from worker.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from worker.config.records import DecodeConfig
    from worker.deliver.inheritance import Inherited

__all__ = [
    "FILE_NAME",
    "Batch",
    "Claimed",
    "Finished",
    "Journal",
    "Mine",
    "ObjectKey",
    "Standing",
    "fingerprint_of",
    "prepare_journal",
]

FILE_NAME: Final = "journal.sqlite3"

DECODER_GENERATION: Final = 1
"""Raised when the same ``[decode]`` begins to yield other records than it did, or when
one of its defaults changes: counts made before no longer say where to go on."""

MAX_FREE_SHARE: Final = 0.25
"""Share of the file's pages that may lie empty, to be used again."""

_READ: Final = """
    WITH asked (id) AS (VALUES {rows})
    SELECT asked.id, fingerprint, ifnull(records, 0), ifnull(is_finished, 0),
        ifnull(updated_s, 0), owner, claimant
    FROM asked
    LEFT JOIN object ON object.id = asked.id
    LEFT JOIN claim ON claim.id = asked.id
    WHERE fingerprint IS NOT NULL OR owner IS NOT NULL
"""


def fingerprint_of(decode: DecodeConfig) -> str:
    """Name what ``[decode]`` makes of an object, in 16 hexadecimal digits.

    Keys at their default are left out, so that a key added by a later version changes
    nothing for those who do not set it.
    """
    section = decode.model_dump(mode="json", exclude_defaults=True)
    text = json.dumps([DECODER_GENERATION, section], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Journal:
    """One worker's connection to the journal, opened after the fork.

    It may be used in another thread than the one that opened it, never in two at once.

    Args:
        path: The file; its directory exists.
        owner: ``RUN:SLOT:UNIQUE``, without a colon in any of them. ``RUN`` is the same
            for all workers of a supervisor, and another one for each supervisor.
        slot: This worker's place in the pool, the ``SLOT`` of ``owner``.
        fingerprint: Of the configuration that counts are made under.
        window_s: For how long unclaimed objects are remembered, in seconds; 0: not.

    Raises:
        ConfigError: The file cannot be used.
    """

    def __init__(
        self, path: Path, *, owner: str, slot: int, fingerprint: str, window_s: int
    ) -> None:
        self._path = path
        self._log = f"{path}-wal"
        self._cut_log_above_bytes = MAX_LOG_BYTES
        self._asker = Asker(owner, fingerprint, window_s)
        self._run_prefix = owner.partition(":")[0] + ":"
        self._slot_prefix = f"{self._run_prefix}{slot}:"
        self._database = open_database(path)

    def commit(self, batch: Batch, now_s: float) -> dict[ObjectKey, Standing]:
        """Make all changes of a batch, or none.

        Args:
            batch: The changes; not altered.
            now_s: Wall time in epoch seconds.

        Returns:
            How each object stands for which the batch has a begin.

        Raises:
            JournalError: Nothing was changed.
        """
        if not batch:
            return {}
        with self._transaction():
            standings = self._take_steps(batch, int(now_s))
            write_messages(
                self._database, batch, owner=self._asker.owner, now_s=int(now_s)
            )
        self._cut_log()
        return standings

    def take_over(self, now_s: float) -> list[Inherited]:
        """Inherit from earlier owners; to be called before anything is claimed.

        Earlier owners are those of this slot in the same run, and all of other runs:
        whichever worker of a new run comes first inherits from all of them, since the
        lock on ``state.dir`` keeps two runs from being alive together. Their claims are
        dropped; how far they came stays, for another window from now.

        Args:
            now_s: Wall time in epoch seconds.

        Returns:
            The messages that they held. Those with a body are this worker's from now
            on; of the others nobody is told again.

        Raises:
            JournalError: Nothing was changed.
        """
        with self._transaction():
            owners = self._database.execute(
                "SELECT owner FROM claim UNION SELECT owner FROM held"
            ).fetchall()
            earlier = [row for row in owners if self._succeeds(row[0])]
            self._database.executemany(
                "UPDATE object SET updated_s = ?"
                " WHERE id IN (SELECT id FROM claim WHERE owner = ?)",
                [(int(now_s), owner) for (owner,) in earlier],
            )
            messages = take_over_messages(
                self._database,
                [owner for (owner,) in earlier],
                owner=self._asker.owner,
                now_s=now_s,
            )
            self._database.executemany("DELETE FROM claim WHERE owner = ?", earlier)
        return messages

    def leave(self, blamed: Sequence[str] = ()) -> None:
        """Note that this worker ends in order: whatever it still holds did not end it.

        Args:
            blamed: The ids of messages that did.

        Raises:
            JournalError: Nothing was changed.
        """
        with self._transaction():
            leave_messages(self._database, blamed, owner=self._asker.owner)

    def expire(self, now_s: float, limit_rows: int = 5_000) -> int:
        """Remove objects older than the window that nobody claims.

        Their pages are used again. What lies empty beyond a share of the file goes back
        to the file system, as many pages a call as rows may be removed.

        Args:
            now_s: Wall time in epoch seconds.
            limit_rows: Rows to remove at the most.

        Returns:
            How many were removed; ``limit_rows``: there may be more.

        Raises:
            JournalError: Nothing was changed.
        """
        with self._transaction():
            removed = self._database.execute(
                "DELETE FROM object WHERE id IN (SELECT id FROM object"
                " WHERE updated_s <= ? AND id NOT IN (SELECT id FROM claim)"
                " ORDER BY updated_s LIMIT ?)",
                (int(now_s) - self._asker.window_s, limit_rows),
            ).rowcount
            ((free,),) = self._database.execute("PRAGMA freelist_count")
            ((pages,),) = self._database.execute("PRAGMA page_count")
            surplus = min(int(free - pages * MAX_FREE_SHARE), limit_rows)
            for _ in range(surplus):  # one page a call: Python steps it only once
                self._database.execute("PRAGMA incremental_vacuum(1)")
        return removed

    def close(self) -> None:
        """Let go of the file. Claims and held messages stay for the successor."""
        self._database.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            yield
            self._database.execute("COMMIT")
        except BaseException as error:
            # SQLite undoes some failed transactions by itself, not all.
            with contextlib.suppress(sqlite3.Error):
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise JournalError(
                    "journal", f"cannot use the journal {self._path} ({error})"
                ) from error
            raise

    def _cut_log(self) -> None:
        """Copy a write-ahead log that has grown too long into the database.

        What was committed stays so if this fails. It fails while another worker does
        it, or someone reads for long: then not before the log has grown as much again.
        """
        with contextlib.suppress(OSError, sqlite3.Error):
            size_bytes = os.stat(self._log).st_size  # noqa: PTH116 - on each commit
            if size_bytes <= MAX_LOG_BYTES:
                self._cut_log_above_bytes = MAX_LOG_BYTES
            elif size_bytes > self._cut_log_above_bytes:
                self._cut_log_above_bytes = size_bytes + MAX_LOG_BYTES
                if cut_log(self._database):
                    self._cut_log_above_bytes = MAX_LOG_BYTES

    def _succeeds(self, owner: str) -> bool:
        if owner.startswith(self._run_prefix):
            return owner != self._asker.owner and owner.startswith(self._slot_prefix)
        return True

    def _take_steps(self, batch: Batch, now_s: int) -> dict[ObjectKey, Standing]:
        entries = self._read({step.key for step in batch.steps if step.key})
        standings: dict[ObjectKey, Standing] = {}
        for step in batch.steps:
            if step.key is None:
                self._release_all(entries.values())
                continue
            entry = entries[step.key]
            match step:
                case Begin(key, claimant):
                    standings[key] = entry.begin(claimant, self._asker, now_s)
                case Progress():
                    entry.progress(step, self._asker, now_s)
                case Release():
                    entry.release(self._asker)
        self._write(entries.values())
        return standings

    def _release_all(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            entry.release(self._asker)
        self._database.execute(
            "DELETE FROM claim WHERE owner = ?", (self._asker.owner,)
        )

    def _read(self, keys: Iterable[ObjectKey]) -> dict[ObjectKey, Entry]:
        digests = [(key, key.digest()) for key in keys]
        asked = [(digest,) for _, digest in digests]
        found = {row[0]: row for row in execute_rows(self._database, _READ, asked)}
        return {
            key: Entry(*found.get(digest, (digest, None, 0, False, 0, None, None)))
            for key, digest in digests
        }

    def _write(self, entries: Iterable[Entry]) -> None:
        progressed, claimed, released = [], [], []
        for entry in entries:
            if entry.has_progressed:
                progressed.append(
                    (
                        entry.id,
                        entry.fingerprint,
                        entry.records,
                        entry.is_finished,
                        entry.updated_s,
                    )
                )
            if entry.has_changed_hands and entry.owner is None:
                released.append((entry.id,))
            elif entry.has_changed_hands:
                claimed.append((entry.id, entry.owner, entry.claimant))
        write = partial(execute_rows, self._database)
        write("REPLACE INTO object VALUES {rows}", progressed)
        write("REPLACE INTO claim VALUES {rows}", claimed)
        write("DELETE FROM claim WHERE id IN (VALUES {rows})", released)
