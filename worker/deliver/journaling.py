"""The worker's dealings with the journal: claims before work, notes before deletes.

An object is worked on only once it is claimed; a message is deleted only once the
journal has noted that its objects are finished. What is said in one turn of the loop
goes out as one transaction, one at a time, in a thread of its own: however slow the
disk is, the loop goes on, and the next transaction gathers more.

Without a journal everything passes through at once.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from worker.deliver.complaint import Complaint
from worker.deliver.decisions import Decisions
from worker.deliver.duplicates import Duplicates
from worker.deliver.journal_batch import Batch, Claimed, Finished, Mine, ObjectKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.deliver.budget import Budget
    from worker.deliver.disk import JournalCalls
    from worker.deliver.inbox import CommitFailed, Committed, Downloaded
    from worker.deliver.journal_batch import Standing
    from worker.deliver.ledger import HeldMessage, HeldObject
    from worker.source.notifications import ObjectRef

logger = logging.getLogger(__name__)

ASK_AGAIN_S = 1.0
"""How often an object that another worker is at is asked for."""

SHARED_REASONS = frozenset({"missing_object", "bad_object", "unreadable_object"})
"""For which other messages of the same object go back to SQS with the first."""

GATHER_S = 0.01
"""How soon a transaction may follow the one before: on a busy queue it gathers more."""

FIRST_PAUSE_S = 1.0
MAX_PAUSE_S = 30.0
"""How long delivery goes on without a journal that failed, before the next try: each
pause is twice as long as the one before."""


class Journaling:
    """Between the ledger, the journal's thread and the rest of the loop.

    It is the ledger's witness: told there, noted here.

    Args:
        budget: Released of bodies that turn out not to be needed.
        calls: The journal's thread; None: there is no journal.
        urgent_acks: So many chunks are not left unnoted any longer than need be.
    """

    def __init__(
        self, budget: Budget, calls: JournalCalls | None, *, urgent_acks: int = 1
    ) -> None:
        self._budget = budget
        self._calls = calls
        self._urgent_acks = urgent_acks
        self._commit_due = 0.0
        self._batch = Batch()
        if calls is not None:
            self._batch.release_all()  # opens the journal, and finds out what it holds
        self._decisions = Decisions()
        self._to_delete: list[HeldMessage] = []
        self._committing: list[HeldMessage] | None = None
        self._acks = 0
        self._acks_committing = 0
        self._asked: dict[ObjectKey, HeldObject] = {}
        self._claimed: dict[ObjectKey, HeldObject] = {}
        self._claimed_elsewhere: dict[HeldObject, ObjectKey] = {}
        self._duplicates = Duplicates(budget.limit_bytes)
        self._bodies: dict[HeldObject, Downloaded] = {}
        self._ask_due = 0.0
        self._paused_until: float | None = None
        self._pause_s = FIRST_PAUSE_S
        self.is_written = False
        self._complaint = Complaint(logger, over="the journal is written again")

    @property
    def backlog(self) -> int:
        """Objects that wait for the journal; what waits for another object is none."""
        return len(self._asked)

    @property
    def unnoted_acks(self) -> int:
        """Acknowledged chunks that are not noted yet: a kill now would repeat them."""
        return self._acks + self._acks_committing

    @property
    def is_idle(self) -> bool:
        """Whether everything told was noted."""
        return self._committing is None and not self._to_delete and not self._batch

    def due(self) -> float | None:
        """When :meth:`step` does what it cannot do now."""
        if self._decisions:
            return 0.0
        ask_due = self._ask_due if self._claimed_elsewhere else None
        if self._committing is not None or self.is_idle:
            return ask_due
        return self._commit_due if ask_due is None else min(ask_due, self._commit_due)

    def begin(self, item: HeldObject) -> None:
        """Take an object on: it is fetched once it is claimed, or known to need it."""
        ref = item.ref
        key = _key_of(ref, ref.version_id, ref.etag)
        if self._calls is None:
            self._decisions.fetch.append(item)
            return
        item.is_reading = False
        named = key or ObjectKey(ref.bucket, ref.key, "", ref.run_id)
        leader = self._duplicates.leader_of(named)
        if leader is not None and self._duplicates.is_full:
            self._decisions.leave.append((item, "duplicate"))
        elif leader is not None:
            self._duplicates.wait(item, leader, is_same=key is not None)
        elif key is None or self._is_without_journal:
            self._duplicates.lead(item, named)
            self._decisions.fetch.append(item)
        else:
            self._ask(item, key)

    def on_body(self, event: Downloaded) -> None:
        """Let a body pass if it is what was claimed; claim what it is otherwise."""
        item, body = event.item, event.body
        key = _key_of(item.ref, body.version_id, body.etag)
        if key is None or key == item.key or self._is_without_journal:
            # Not claimed without a journal; noted all the same, once that is back.
            item.key = item.key or key
            self._decisions.emit.append(event)
            return
        # Overwritten since the notification, or a notification that named no version.
        others = []
        if item.key is not None:
            others = self._duplicates.differs(item, item.key)
        self._disclaim(item)
        self._bodies[item] = event
        self._ask(item, key)
        for one in others:
            self.begin(one)

    def work_alone(self, message_id: str) -> None:
        """Note that a message is the only one in work from now on; empty: none is."""
        self._batch.alone = message_id

    def forget(self, message_id: str) -> None:
        """Note that a message is not held any more."""
        self._batch.let_go(message_id)

    def leave(self, blamed: Iterable[str] = ()) -> None:
        """Note that the worker ends in order.

        Args:
            blamed: The ids of messages that made it end all the same.
        """
        if self._calls is not None:
            self._calls.leave(list(blamed))

    def delete_after(self, holders: list[HeldMessage]) -> None:
        """Delete messages once all that was told so far is noted."""
        self._to_delete += holders

    def on_acked(self) -> None:
        """Count a chunk whose acknowledgement the ledger was just told of."""
        self._acks += 1

    def on_deleted(self, holders: list[HeldMessage]) -> None:
        """Their receipt handles need not be remembered any more."""
        for holder in holders:
            self._batch.let_go(holder.message.id)

    def step(self, now: float) -> None:
        """Order a transaction, if there is something to say and it is time to."""
        if self._claimed_elsewhere and now >= self._ask_due:
            self._ask_due = now + ASK_AGAIN_S
            claimed, self._claimed_elsewhere = self._claimed_elsewhere, {}
            for item, key in claimed.items():
                self._asked[key] = item
                self._batch.begin(key, item.claimant)
        if self._paused_until is not None and now >= self._paused_until:
            self._paused_until = None
            self._batch.release_all()  # what was claimed when it failed
        if self._is_without_journal:
            self._pass_through()
        elif self.is_idle:
            self._acks = 0  # no object of theirs has come any further
        elif self._committing is None and (
            now >= self._commit_due or self._acks >= self._urgent_acks
        ):
            self._commit_due = now + GATHER_S
            self._commit()

    def take(self) -> Decisions:
        """What there is to do, once."""
        taken, self._decisions = self._decisions, Decisions()
        return taken

    def on_committed(self, event: Committed) -> None:
        """Act on what the journal says of the objects asked for."""
        self._decisions.delete += self._committing or []
        self._committing = None
        self._acks_committing = 0
        self.is_written = True
        self._pause_s = FIRST_PAUSE_S
        self._complaint.settled()
        for key, standing in event.standings.items():
            item = self._asked.pop(key, None)
            if item is not None:
                self._decide(item, key, standing)

    def on_commit_failed(self, event: CommitFailed, now: float) -> None:
        """Go on without the journal for a while, and say so."""
        self._complaint.raised(
            f"{event.error}; going on without the journal: what is delivered meanwhile "
            "may be delivered again after a crash",
            now,
        )
        self.is_written = False
        self._paused_until = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, MAX_PAUSE_S)
        self._decisions.delete += self._committing or []
        self._committing = None
        for item in self._claimed.values():
            _start_again(item)
        self._claimed.clear()
        self._pass_through()

    # The ledger's witness ---------------------------------------------------------

    def on_held(self, holder: HeldMessage) -> None:
        if not holder.is_inherited:
            self._batch.hold(holder.message)

    def on_abandoned(self, holder: HeldMessage) -> None:
        self._batch.let_go(holder.message.id)

    def on_advanced(self, item: HeldObject) -> None:
        if item.key is not None:
            self._batch.advance(item.key, item.acked_records)

    def on_finished(self, item: HeldObject) -> None:
        if item.key is not None:
            self._batch.finish(item.key, item.total_records)
            self._forget_claim(item)
        self._on_done(item)

    def on_dropped(self, item: HeldObject) -> None:
        self._drop_body(item)
        self._claimed_elsewhere.pop(item, None)
        self._disclaim(item)
        if any(self._asked.get(key) is item for key in self._duplicates.keys_of(item)):
            return  # the answer is awaited: the claim may have to be dropped
        covered, late = self._duplicates.end(item)
        reason = item.holder.return_reason
        if reason in SHARED_REASONS:
            self._decisions.leave += ((one, reason) for one in covered)
            covered = []
        for one in (*covered, *late):
            self.begin(one)

    # Claims -----------------------------------------------------------------------

    @property
    def _is_without_journal(self) -> bool:
        return self._calls is None or self._paused_until is not None

    def _commit(self) -> None:
        if self._calls is None:
            return
        self._committing, self._to_delete = self._to_delete, []
        self._acks_committing, self._acks = self._acks, 0
        batch, self._batch = self._batch, Batch()
        self._calls.commit(batch)

    def _ask(self, item: HeldObject, key: ObjectKey) -> None:
        leader = self._duplicates.leader_of(key)
        if leader is None:
            self._duplicates.lead(item, key)
        elif leader is not item:
            self._drop_body(item)
            self._duplicates.wait(item, leader, is_same=True)
            return
        self._asked[key] = item
        self._batch.begin(key, item.claimant)

    def _decide(self, item: HeldObject, key: ObjectKey, standing: Standing) -> None:
        match standing:
            case Mine():
                item.key, item.acked_records = key, standing.records
                self._claimed[key] = item
                if item.is_wanted:
                    self._go_on(item)
                else:
                    self.on_dropped(item)
            case Finished():
                self._drop_body(item)
                if item.is_wanted:
                    self._decisions.skip.append(item)
                else:
                    self._on_done(item)
            case Claimed():
                self._drop_body(item)
                if item.is_wanted:
                    self._claimed_elsewhere[item] = key
                else:
                    self.on_dropped(item)

    def _on_done(self, item: HeldObject) -> None:
        """An object is delivered, or dealt with: so are those that wait for it."""
        covered, late = self._duplicates.end(item)
        self._decisions.skip += covered
        for one in late:
            self.begin(one)

    def _go_on(self, item: HeldObject) -> None:
        body = self._bodies.pop(item, None)
        if body is None:
            self._decisions.fetch.append(item)
        else:
            self._decisions.emit.append(body)

    def _drop_body(self, item: HeldObject) -> None:
        if self._bodies.pop(item, None) is not None:
            self._budget.release(item)

    def _disclaim(self, item: HeldObject) -> None:
        if item.key is not None:
            self._batch.release(item.key)
            self._forget_claim(item)

    def _forget_claim(self, item: HeldObject) -> None:
        if item.key is not None:
            self._claimed.pop(item.key, None)
        _start_again(item)

    def _pass_through(self) -> None:
        """Do without a journal what waits for it."""
        self._batch = Batch()
        self._acks = self._acks_committing = 0
        self._decisions.delete += self._to_delete
        self._to_delete = []
        asked = [*self._asked.values(), *self._claimed_elsewhere]
        self._asked.clear()
        self._claimed_elsewhere.clear()
        for item in asked:
            if item.is_wanted:
                self._go_on(item)
            else:
                self.on_dropped(item)


def _start_again(item: HeldObject) -> None:
    """Forget what an object was known as, and how far that one had come.

    The next body may be another one's: to skip records of it would lose them. Once a
    record was emitted there is no next body.
    """
    if not item.has_begun:
        item.key = None
        item.acked_records = 0


def _key_of(
    ref: ObjectRef, version_id: str | None, etag: str | None
) -> ObjectKey | None:
    return ObjectKey.of(
        ref.bucket,
        ref.key,
        version_id=version_id or "",
        etag=etag or "",
        run_id=ref.run_id,
    )
