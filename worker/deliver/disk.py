"""Writes to the state directory, in threads beside the loop: journal and quarantine."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from worker.deliver.inbox import (
    CommitFailed,
    Committed,
    JournalOpened,
    Quarantined,
    QuarantineFailed,
)
from worker.deliver.quarantine_disk import Blocks
from worker.deliver.quarantine_item import QuarantineItem
from worker.deliver.threads import Threads
from worker.errors import ConfigError, JournalError, TrailfeedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from typing_extensions import Buffer

    from worker.deliver.calls import ObjectSource
    from worker.deliver.inbox import Inbox, QuarantineCase
    from worker.deliver.journal import Journal
    from worker.deliver.journal_batch import Batch
    from worker.deliver.quarantine import Quarantine
    from worker.source.notifications import ObjectRef
    from worker.source.objects import Body

logger = logging.getLogger(__name__)

EXPIRE_EVERY_S = 60.0
EXPIRE_ROWS = 5_000


class JournalCalls:
    """The one thread that uses this worker's connection to the journal.

    The journal is opened by the first commit, and anew by the one after each that
    failed: the fault may be of the file, and the file another one by then.

    Args:
        open_journal: Opens it.
        inbox: Takes the results.
        wall_clock: Epoch seconds, which the journal's rows carry.
    """

    def __init__(
        self,
        open_journal: Callable[[], Journal],
        inbox: Inbox,
        *,
        wall_clock: Callable[[], float],
    ) -> None:
        self._open_journal = open_journal
        self._journal: Journal | None = None
        self._inbox = inbox
        self._wall_clock = wall_clock
        self._expire_at = 0.0
        self._thread = Threads("journal", 1, inbox)

    def commit(self, batch: Batch) -> None:
        """Order a transaction: :class:`Committed` or :class:`CommitFailed` follows.

        Where it opens the journal, :class:`JournalOpened` comes before that.
        """

        def call() -> None:
            now_s = self._wall_clock()
            try:
                journal = self._journal or self._open(now_s)
                standings = journal.commit(batch, now_s)
            except JournalError as error:
                self._close()
                self._inbox.put(CommitFailed(error))
                return
            self._inbox.put(Committed(standings))
            if now_s >= self._expire_at:
                self._expire(journal, now_s)

        self._thread.order(call)

    def leave(self, blamed: Sequence[str]) -> None:
        """Note, after what is ordered, that the worker ends in order."""

        def call() -> None:
            if self._journal is not None:
                with contextlib.suppress(JournalError):
                    self._journal.leave(blamed)

        self._thread.order(call)

    def close(self) -> None:
        """Commit what is ordered, and let go of the file."""
        self._thread.order(self._close)
        self._thread.close()

    def _open(self, now_s: float) -> Journal:
        """Open the journal, and take over from dead workers before anything is claimed.

        Raises:
            JournalError: It cannot be used.
        """
        try:
            self._journal = journal = self._open_journal()
        except ConfigError as error:
            raise JournalError("journal", str(error)) from error
        self._inbox.put(JournalOpened(journal.take_over(now_s)))
        return journal

    def _close(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _expire(self, journal: Journal, now_s: float) -> None:
        """Remove old rows; the next commit goes on where there are more of them."""
        try:
            removed = journal.expire(now_s, EXPIRE_ROWS)
        except JournalError as error:
            logger.warning("cannot remove old objects from the journal: %s", error)
            removed = 0
        if removed < EXPIRE_ROWS:
            self._expire_at = now_s + EXPIRE_EVERY_S


class QuarantineCalls:
    """The one thread that writes this worker's items into the quarantine.

    Args:
        quarantine: Where they go.
        objects: Asked for what is missing of a large object.
        inbox: Takes the results.
        queue_url: Where the messages came from.
        now: Wall time, with a time zone.
    """

    def __init__(
        self,
        quarantine: Quarantine,
        objects: ObjectSource,
        inbox: Inbox,
        *,
        queue_url: str,
        now: Callable[[], datetime],
    ) -> None:
        self._quarantine = quarantine
        self._objects = objects
        self._inbox = inbox
        self._queue_url = queue_url
        self._now = now
        self._thread = Threads("quarantine", 1, inbox)

    def put(self, case: QuarantineCase) -> None:
        """Order a copy: :class:`Quarantined` or :class:`QuarantineFailed` follows."""

        def call() -> None:
            entry = QuarantineItem(
                code=case.error.code,
                sentence=case.error.sentence,
                at=self._now(),
                message=case.holder.message,
                queue_url=self._queue_url,
                object=case.item.ref if case.item is not None else None,
                record_index=case.record_index,
            )
            try:
                quarantine_id = self._quarantine.put(entry, self._bytes_of(case))
            except TrailfeedError as failure:
                self._inbox.put(QuarantineFailed(case, failure))
            else:
                self._inbox.put(Quarantined(case, quarantine_id))

        self._thread.order(call)

    def _bytes_of(self, case: QuarantineCase) -> Blocks | None:
        if case.body is not None:
            return Blocks.of(case.body)
        if case.item is None or case.stored is None:
            return None
        blocks = _blocks(self._objects, case.item.ref, case.stored)
        return Blocks(case.stored.size_bytes, blocks)

    def close(self) -> None:
        """Write what is ordered."""
        self._thread.close()


def _blocks(objects: ObjectSource, ref: ObjectRef, body: Body) -> Iterator[Buffer]:
    """All bytes of an object, in as little memory as a block."""
    at = memoryview(body.data).nbytes
    if at:
        yield body.data
    while at < body.size_bytes:
        block = objects.read_more(ref, body, at)
        yield block
        at += memoryview(block).nbytes
