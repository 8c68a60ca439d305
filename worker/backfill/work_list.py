"""A queue for one backfill's own pool: a table in the run's database.

It keeps SQS's promises: a message is hidden for its visibility timeout, comes again
unless it is deleted, and every receipt has a handle of its own. What came
:data:`MAX_RECEIVES` times goes to the table of what failed, SQS's dead-letter queue.
"""

from __future__ import annotations

import contextlib
import json
import select
import sqlite3
import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from worker.backfill.run import open_run_database
from worker.errors import RetriableError
from worker.source.announcing import announcement
from worker.source.messages import Message
from worker.source.notifications import ObjectRef
from worker.source.queue import Depth, Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MAX_RECEIVES: Final = 4
"""With the delays after each of them: two and a half minutes."""

_LOOK_AGAIN_S: Final = 0.1
_LOST: Final = "ReceiptHandleIsInvalid"


class WorkList:
    """One process's end of the queue; safe to use from any thread.

    Args:
        folder: Of the run.
        feeder_fd: A pipe's read end, whose other end the feeder holds: once that is
            gone nothing more is handed out, and the queue looks empty.
        in_sns: As for :func:`worker.source.announcing.announcement`.
    """

    def __init__(self, folder: Path, *, feeder_fd: int, in_sns: bool) -> None:
        self._database = open_run_database(folder)
        self._feeder_fd = feeder_fd
        self._in_sns = in_sns
        self._lock = threading.Lock()

    def receive(
        self, *, max_messages: int, wait_s: int, visibility_timeout_s: int
    ) -> list[Message]:
        """See :meth:`worker.source.queue.Queue.receive`."""
        give_up_at = time.monotonic() + wait_s
        while True:
            if self._has_no_feeder:
                return []
            with self._lock:
                messages = self._take(max_messages, visibility_timeout_s)
            if messages or time.monotonic() >= give_up_at:
                return messages
            time.sleep(_LOOK_AGAIN_S)

    def delete(self, messages: Sequence[Message]) -> tuple[Failure, ...]:
        """See :meth:`worker.source.queue.Queue.delete`."""
        return self._change(
            "DELETE FROM work WHERE id = ? AND handle = ?",
            [(message, ()) for message in messages],
        )

    def change_visibility(
        self, changes: Sequence[tuple[Message, int]]
    ) -> tuple[Failure, ...]:
        """See :meth:`worker.source.queue.Queue.change_visibility`."""
        now = time.monotonic()
        return self._change(
            "UPDATE work SET visible_at = ? WHERE id = ? AND handle = ?",
            [(message, (now + timeout_s,)) for message, timeout_s in changes],
        )

    def depth(self) -> Depth:
        """How many messages there are; one more while the feeder is not through."""
        if self._has_no_feeder:
            return Depth(0, 0, 0)
        with self._lock, _problems():
            ((total, hidden, is_fed),) = self._database.execute(
                "SELECT count(*), count(*) FILTER (WHERE visible_at > ?),"
                " EXISTS (SELECT 1 FROM note WHERE name = 'is_fed') FROM work",
                (time.monotonic(),),
            )
        return Depth(total - hidden + (not is_fed), hidden, 0)

    @property
    def _has_no_feeder(self) -> bool:
        feeder = select.poll()  # one of its own: threads cannot share it
        feeder.register(self._feeder_fd, select.POLLIN | select.POLLHUP)
        return bool(feeder.poll(0))

    def _take(self, max_messages: int, visibility_timeout_s: int) -> list[Message]:
        now = time.monotonic()
        messages: list[Message] = []
        with _transaction(self._database):
            rows = self._database.execute(
                "SELECT id, ref, receives FROM work WHERE visible_at <= ?"
                " ORDER BY id LIMIT ?",
                (now, max_messages),
            ).fetchall()
            for id_, text, receives in rows:
                if receives >= MAX_RECEIVES:
                    give_up(self._database, id_)
                    continue
                handle = f"{id_}-{time.monotonic_ns()}"
                self._database.execute(
                    "UPDATE work SET receives = receives + 1, visible_at = ?,"
                    " handle = ? WHERE id = ?",
                    (now + visibility_timeout_s, handle, id_),
                )
                ref = ObjectRef(**json.loads(text))
                body = announcement(ref, in_sns=self._in_sns)
                messages.append(Message(str(id_), handle, body, receives + 1))
        return messages

    def _change(
        self, statement: str, changes: Sequence[tuple[Message, tuple[object, ...]]]
    ) -> tuple[Failure, ...]:
        failures = []
        with self._lock, _transaction(self._database):
            for message, values in changes:
                done = self._database.execute(
                    statement, (*values, message.id, message.receipt_handle)
                )
                if not done.rowcount:
                    failures.append(
                        Failure(
                            message,
                            _LOST,
                            f"message {message.id} was received again",
                            handle_lost=True,
                        )
                    )
        return tuple(failures)


def put(database: sqlite3.Connection, refs: Sequence[ObjectRef]) -> None:
    """Add objects, inside a transaction of the caller's."""
    database.executemany(
        "INSERT INTO work (ref, size_bytes) VALUES (?, ?)",
        [(json.dumps(asdict(ref)), ref.size_bytes or 0) for ref in refs],
    )


def give_up(database: sqlite3.Connection, id_: int) -> None:
    """Put a message aside as failed, inside a transaction of the caller's."""
    database.execute(
        "INSERT INTO failed SELECT ref, size_bytes FROM work WHERE id = ?", (id_,)
    )
    database.execute("DELETE FROM work WHERE id = ?", (id_,))


def begin_again(database: sqlite3.Connection) -> None:
    """Make every message visible, and those that failed too; nobody else is at it."""
    with _transaction(database):
        database.execute("UPDATE work SET receives = 0, visible_at = 0, handle = NULL")
        database.execute(
            "INSERT INTO work (ref, size_bytes) SELECT ref, size_bytes FROM failed"
        )
        database.execute("DELETE FROM failed")
        database.execute("DELETE FROM note WHERE name = 'is_fed'")


def set_fed(database: sqlite3.Connection) -> None:
    """Nothing more will come."""
    database.execute("REPLACE INTO note VALUES ('is_fed', 'true')")


def left(database: sqlite3.Connection) -> tuple[int, int]:
    """Messages neither delivered nor failed, and the bytes of their objects."""
    with _problems():
        ((count, size_bytes),) = database.execute(
            "SELECT count(*), coalesce(sum(size_bytes), 0) FROM work"
        )
    return count, size_bytes


def failed_refs(database: sqlite3.Connection) -> list[ObjectRef]:
    """What was given up."""
    with _problems():
        rows = database.execute("SELECT ref FROM failed ORDER BY rowid").fetchall()
    return [ObjectRef(**json.loads(text)) for (text,) in rows]


@contextlib.contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    with _problems():
        database.execute("BEGIN IMMEDIATE")
        try:
            yield
            database.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                if database.in_transaction:
                    database.execute("ROLLBACK")
            raise


@contextlib.contextmanager
def _problems() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise RetriableError(
            "work_list", f"cannot use the run's work list ({error})"
        ) from error
