"""Back to SQS: deletes, extensions of the visibility timeout, messages given back."""

from __future__ import annotations

import itertools
import logging
from collections import deque
from typing import TYPE_CHECKING

from plugin_bridge.forward.backoff import Backoff
from worker.deliver.complaint import Complaint
from worker.deliver.ledger import Fate, HeldMessage
from worker.source.messages import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from worker.deliver.calls import QueueCalls
    from worker.deliver.inbox import Deleted, DeleteFailed, VisibilityChanged
    from worker.deliver.ledger import Ledger
    from worker.deliver.progress import Progress
    from worker.source.queue import Failure

logger = logging.getLogger(__name__)

BATCH_MESSAGES = 10
"""Entries of one DeleteMessageBatch or ChangeMessageVisibilityBatch (SQS API)."""

MAX_UNDELETED = 1_000
"""Complete messages that may wait for a delete that fails, before receiving stops."""

MAX_UNDELETED_CHARACTERS = 16 << 20
"""Of their bodies together, which are in no budget any more."""

DELETE_LINGER_S = 0.1
SCAN_S = 1.0

MAX_HELD_S = 43_200 - 120
"""A message stays hidden for 12 hours from its receipt at the most (SQS API,
ChangeMessageVisibility), less a margin for the call that would come too late."""

FIRST_DELAY_S = 10
MAX_DELAY_S = 900

FIRST_OUTAGE_S = 900
MAX_OUTAGE_S = 21_600


def retry_delay_s(receive_count: int) -> int:
    """How long a failed message stays hidden: doubled with each receive."""
    return int(min(FIRST_DELAY_S * 2 ** min(receive_count - 1, 10), MAX_DELAY_S))


def outage_delay_s(receive_count: int) -> int:
    """How long a message stays hidden that an outage of its bucket leaves no room for.

    Ten receives, after which many queues let go of a message, take two days.
    """
    return int(min(FIRST_OUTAGE_S * 2 ** min(receive_count - 1, 10), MAX_OUTAGE_S))


class Settlement:
    """Owns every message from its hold to the end of its last call.

    Args:
        calls: The threads that call SQS.
        ledger: The held messages.
        progress: Counted up here.
        visibility_timeout_s: Extended by this, at a third of it.
        jitter: Uniform in 0..1; spreads what is tried again.

    Attributes:
        has_successor: Another worker will go on with what this one does not finish.
    """

    def __init__(
        self,
        calls: QueueCalls,
        ledger: Ledger,
        progress: Progress,
        *,
        visibility_timeout_s: int,
        jitter: Callable[[], float],
    ) -> None:
        self._calls = calls
        self._ledger = ledger
        self._progress = progress
        self._timeout_s = visibility_timeout_s
        self._deletes = _Retry("delete messages", jitter)
        self._changes = _Retry("change the visibility of messages", jitter)
        self._to_delete: deque[HeldMessage] = deque()
        self._undeleted: dict[HeldMessage, None] = {}
        self._undeleted_characters = 0
        self._to_return: deque[tuple[HeldMessage, int]] = deque()
        self._delete_due: float | None = None
        self._scan_due = 0.0
        self._calls_under_way = 0
        self._left: list[HeldMessage] = []
        self.has_successor = False

    @property
    def is_idle(self) -> bool:
        """Whether every delete and giving back was made."""
        return not (self._undeleted or self._to_return or self._calls_under_way)

    @property
    def has_room(self) -> bool:
        """Whether deletes and returns keep up with what is delivered."""
        return (
            len(self._undeleted) < MAX_UNDELETED
            and self._undeleted_characters < MAX_UNDELETED_CHARACTERS
            and len(self._to_return) < MAX_UNDELETED
        )

    def due(self) -> float:
        """The next monotonic instant at which :meth:`step` has something to do."""
        instants = [self._scan_due]
        if self._delete_due is not None:
            instants.append(max(self._delete_due, self._deletes.not_before))
        if self._to_return:
            instants.append(self._changes.not_before)
        return min(instants)

    def extend_at(self, received_at: float) -> float:
        """When a message received then is extended first."""
        return received_at + self._timeout_s / 3

    def delete(self, holders: Iterable[HeldMessage], now: float) -> None:
        """Delete complete messages, in batches, soon."""
        for holder in holders:
            if holder not in self._undeleted:
                self._undeleted[holder] = None
                self._undeleted_characters += len(holder.message.body)
            self._to_delete.append(holder)
        if self._to_delete and self._delete_due is None:
            self._delete_due = now + DELETE_LINGER_S

    def give_back(self, holder: HeldMessage, delay_s: int, *, reason: str) -> None:
        """Abandon a message; it becomes visible again after ``delay_s``.

        Args:
            holder: The message.
            delay_s: Seconds.
            reason: One of ``progress.RETURN_REASONS``.
        """
        if holder.fate is Fate.HELD:
            holder.return_reason = reason  # told to those that hear of its end
        if self._ledger.abandon(holder):
            self._to_return.append((holder, delay_s))

    def drain(self, holder: HeldMessage) -> None:
        """Abandon a message as the worker drains: to its successor, or to the queue."""
        if not self.has_successor:
            self.give_back(holder, 0, reason="drain")
        elif self._ledger.abandon(holder, is_left=True):
            self._left.append(holder)

    def return_left(self) -> None:
        """Make visible at once what was left to a successor that will not come."""
        self.has_successor = False
        for holder in self._left:
            holder.return_reason = "drain"
            self._to_return.append((holder, 0))
        self._left.clear()

    def adopt(self, handles: Iterable[tuple[str, str]], now: float) -> None:
        """Give back what workers held that are dead, visible at once.

        Args:
            handles: Message ids and receipt handles.
            now: Monotonic instant.
        """
        for id_, handle in handles:
            holder = HeldMessage(Message(id_, handle, ""), now, now)
            holder.fate, holder.return_reason = Fate.ABANDONED, "predecessor"
            self._to_return.append((holder, 0))

    def look_at_once(self) -> None:
        """See with the next step what is to be extended."""
        self._scan_due = 0.0

    def step(self, now: float, *, at_once: bool) -> None:
        """Order what is due.

        Args:
            now: Monotonic instant.
            at_once: Do not wait for a batch to fill (while draining).
        """
        if now >= self._deletes.not_before:
            self._order_deletes(now, at_once=at_once)
        if now >= self._changes.not_before:
            while self._to_return:
                batch = list(itertools.islice(self._to_return, BATCH_MESSAGES))
                for _ in batch:
                    self._to_return.popleft()
                self._order_changes(batch, is_return=True)
        if now >= self._scan_due:
            self._scan_due = now + SCAN_S
            self._extend(now)

    def on_deleted(self, event: Deleted, now: float) -> list[HeldMessage]:
        """Count what is gone; order again what may still go.

        Returns:
            The messages that nothing more can be done for.
        """
        self._calls_under_way -= 1
        self._progress.sqs_requests.add("delete")
        failed = {failure.message.id: failure for failure in event.failures}
        gone, again = [], []
        for holder in event.holders:
            failure = failed.get(holder.message.id)
            if failure is not None and not failure.handle_lost:
                again.append(holder)
                continue
            gone.append(holder)
            if holder in self._undeleted:
                del self._undeleted[holder]
                self._undeleted_characters -= len(holder.message.body)
            if failure is None:
                self._progress.messages_deleted += 1
            else:
                self._progress.messages_lost += 1
                _warn_lost(holder, failure)
        if again:
            self._delete_again(again, event.failures[0].sentence, now)
        else:
            self._deletes.succeeded()
        return gone

    def on_delete_failed(self, event: DeleteFailed, now: float) -> None:
        """Order all of it again, a little later."""
        self._calls_under_way -= 1
        self._progress.sqs_failures.add("delete")
        self._delete_again(event.holders, str(event.error), now)

    def on_visibility_changed(self, event: VisibilityChanged, now: float) -> None:
        """Stop working on messages whose receipt handle is lost; retry the others."""
        self._calls_under_way -= 1
        failed = {failure.message.id: failure for failure in event.failures}
        calls = self._progress.sqs_requests
        reason = ""
        if event.error is not None:
            calls, reason = self._progress.sqs_failures, str(event.error)
        calls.add("change_visibility")
        for holder, timeout_s in event.changes:
            failure = failed.get(holder.message.id)
            if event.error is None and failure is None:
                self._count_change(holder, is_return=event.is_return)
            elif failure is not None and failure.handle_lost:
                self._lose(holder, failure)
            else:
                reason = reason or (failure.sentence if failure else "")
                self._change_again(holder, timeout_s, event, now)
        if reason:
            self._changes.failed(reason, now)
        else:
            self._changes.succeeded()

    def _count_change(self, holder: HeldMessage, *, is_return: bool) -> None:
        if is_return:
            self._progress.messages_returned.add(holder.return_reason)
        else:
            holder.is_hidden = True
            self._progress.messages_extended += 1

    def _delete_again(
        self, holders: Sequence[HeldMessage], reason: str, now: float
    ) -> None:
        self._to_delete.extend(holders)
        self._deletes.failed(reason, now)
        self._delete_due = self._deletes.not_before

    def _change_again(
        self, holder: HeldMessage, timeout_s: int, event: VisibilityChanged, now: float
    ) -> None:
        if event.is_return:
            self._to_return.append((holder, timeout_s))
        else:
            holder.extend_at = now

    def _lose(self, holder: HeldMessage, failure: Failure) -> None:
        # What was inherited may be deleted, or somebody else's, since long ago.
        if self._ledger.abandon(holder) and holder.is_hidden:
            self._progress.messages_lost += 1
            _warn_lost(holder, failure)

    def _order_deletes(self, now: float, *, at_once: bool) -> None:
        is_due = at_once or (self._delete_due is not None and now >= self._delete_due)
        while len(self._to_delete) >= BATCH_MESSAGES or (self._to_delete and is_due):
            count = min(len(self._to_delete), BATCH_MESSAGES)
            batch = [self._to_delete.popleft() for _ in range(count)]
            self._calls_under_way += 1
            self._calls.delete(batch)
        if not self._to_delete:
            self._delete_due = None

    def _order_changes(
        self, changes: Sequence[tuple[HeldMessage, int]], *, is_return: bool
    ) -> None:
        self._calls_under_way += 1
        self._calls.change_visibility(changes, is_return=is_return)

    def _extend(self, now: float) -> None:
        """Extend what is held, and what is complete but could not be deleted yet."""
        due: list[tuple[HeldMessage, int]] = []
        for holder in (*self._ledger.held, *self._undeleted):
            if now < holder.extend_at:
                continue
            end = holder.received_at + MAX_HELD_S
            if now >= end:
                self._give_up(holder)
            elif now >= self._changes.not_before:
                holder.extend_at = min(now + self._timeout_s / 3, end)
                due.append((holder, min(self._timeout_s, max(int(end - now), 1))))
        for start in range(0, len(due), BATCH_MESSAGES):
            self._order_changes(due[start : start + BATCH_MESSAGES], is_return=False)

    def _give_up(self, holder: HeldMessage) -> None:
        holder.extend_at = float("inf")
        if self._ledger.abandon(holder):
            self._progress.messages_lost += 1
            logger.warning(
                "message was held for 12 hours, SQS's limit; it will come again",
                extra={"message_id": holder.message.id},
            )


class _Retry:
    """One kind of call that fails now and then: when it is made again."""

    def __init__(self, doing: str, jitter: Callable[[], float]) -> None:
        self._doing = doing
        self._jitter = jitter
        self._backoff = Backoff()
        self._complaint = Complaint(logger, over=f"can {doing} again")
        self.not_before = 0.0

    def succeeded(self) -> None:
        self._backoff.reset()
        self._complaint.settled()

    def failed(self, reason: str, now: float) -> None:
        if now < self.not_before:
            return  # another call of the same step
        self.not_before = now + self._backoff.next_delay_s(self._jitter())
        self._complaint.raised(f"cannot {self._doing}: {reason}", now)


def _warn_lost(holder: HeldMessage, failure: Failure) -> None:
    logger.warning(
        "receipt handle lost (%s): the message will be delivered again",
        failure.code,
        extra={"message_id": holder.message.id},
    )
