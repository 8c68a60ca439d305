"""The journal as one who does not deliver reads it, also while a pool writes it."""

from __future__ import annotations

import itertools
import sqlite3
from typing import TYPE_CHECKING, Final, Self

from worker.deliver.journal_schema import BUSY_TIMEOUT_S, SCHEMA_VERSION
from worker.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from worker.deliver.journal_batch import ObjectKey

_ASK: Final = "SELECT id FROM object WHERE is_finished AND fingerprint = ? AND id IN"

_AT_ONCE: Final = 500
"""Keys in one statement: SQLite takes 999, and a short read is in nobody's way."""


class JournalLookup:
    """Says what is finished. It writes nothing, and keeps nobody from writing.

    Args:
        path: The journal, which exists.
        fingerprint: Of the configuration that counts are asked for under.

    Raises:
        JournalError: It cannot be read.
    """

    def __init__(self, path: Path, *, fingerprint: str) -> None:
        self._path = path
        self._fingerprint = fingerprint
        try:
            self._database = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro",
                uri=True,
                timeout=BUSY_TIMEOUT_S,
                isolation_level=None,
                check_same_thread=False,
            )
            ((version,),) = self._database.execute("PRAGMA user_version")
        except sqlite3.Error as error:
            raise self._failed(error) from error
        if version != SCHEMA_VERSION:
            self.close()
            raise JournalError(
                "journal",
                f"cannot read the journal {path}: its schema is {version}, this "
                f"trailfeed knows {SCHEMA_VERSION}",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def finished(self, keys: Iterable[ObjectKey]) -> set[ObjectKey]:
        """Which of these were delivered whole, as far as it remembers.

        Raises:
            JournalError: It cannot be read.
        """
        by_digest = {key.digest(): key for key in keys}
        found: set[ObjectKey] = set()
        digests = iter(by_digest)
        try:
            while some := list(itertools.islice(digests, _AT_ONCE)):
                # Read to the end: an open read would hold up the write-ahead log.
                rows = self._database.execute(
                    f"{_ASK} ({', '.join('?' * len(some))})",
                    (self._fingerprint, *some),
                ).fetchall()
                found.update(by_digest[digest] for (digest,) in rows)
        except sqlite3.Error as error:
            raise self._failed(error) from error
        return found

    def close(self) -> None:
        self._database.close()

    def _failed(self, error: sqlite3.Error) -> JournalError:
        return JournalError(
            "journal", f"cannot read the journal {self._path} ({error})"
        )
