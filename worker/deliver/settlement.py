"""Back to SQS: deletes, extensions of the visibility timeout, messages given back."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.deliver.calls import QueueCalls
    from worker.deliver.inbox import Deleted, DeleteFailed, VisibilityChanged
    from worker.deliver.ledger import HeldMessage, Ledger
    from worker.deliver.progress import Progress
    from worker.source.queue import Failure

logger = logging.getLogger(__name__)

BATCH_MESSAGES = 10
"""Entries of one DeleteMessageBatch or ChangeMessageVisibilityBatch (SQS API)."""

DELETE_LINGER_S = 0.1
RETRY_S = 1.0
SCAN_S = 1.0

MAX_HELD_S = 43_200 - 120
"""A message stays hidden for 12 hours from its receipt at the most (SQS API,
ChangeMessageVisibility), less a margin for the call that would come too late."""

FIRST_DELAY_S = 10
MAX_DELAY_S = 900


def retry_delay_s(receive_count: int) -> int:
    """How long a failed message stays hidden: doubled with each receive."""
    return int(min(FIRST_DELAY_S * 2 ** min(receive_count - 1, 10), MAX_DELAY_S))


class Settlement:
    """Owns every message from its hold to the end of its last call.

    Args:
        calls: The threads that call SQS.
        ledger: The held messages.
        progress: Counted up here.
        visibility_timeout_s: Extended by this, at a third of it.
    """

    def __init__(
        self,
        calls: QueueCalls,
        ledger: Ledger,
        progress: Progress,
        *,
        visibility_timeout_s: int,
    ) -> None:
        self._calls = calls
        self._ledger = ledger
        self._progress = progress
        self._timeout_s = visibility_timeout_s
        self._to_delete: deque[HeldMessage] = deque()
        self._to_return: list[tuple[HeldMessage, int]] = []
        self._delete_due: float | None = None
        self._not_before = 0.0
        self._scan_due = 0.0
        self._calls_under_way = 0

    @property
    def is_idle(self) -> bool:
        """Whether every delete and giving back was made."""
        return not (self._to_delete or self._to_return or self._calls_under_way)

    @property
    def pending_count(self) -> int:
        """Complete messages whose delete has not been ordered yet."""
        return len(self._to_delete)

    def due(self) -> float:
        """The next monotonic instant at which :meth:`step` has something to do."""
        if self._delete_due is None:
            return self._scan_due
        return min(max(self._delete_due, self._not_before), self._scan_due)

    def extend_at(self, received_at: float) -> float:
        """When a message received then is extended first."""
        return received_at + self._timeout_s / 3

    def delete(self, holders: Sequence[HeldMessage], now: float) -> None:
        """Delete complete messages, in batches, soon."""
        if holders and self._delete_due is None:
            self._delete_due = now + DELETE_LINGER_S
        self._to_delete.extend(holders)

    def give_back(self, holder: HeldMessage, delay_s: int) -> None:
        """Abandon a message; it becomes visible again after ``delay_s``."""
        if self._ledger.abandon(holder):
            self._to_return.append((holder, delay_s))

    def step(self, now: float, *, at_once: bool) -> None:
        """Order what is due.

        Args:
            now: Monotonic instant.
            at_once: Do not wait for a batch to fill (while draining).
        """
        if now >= self._not_before:
            self._order_deletes(now, at_once=at_once)
        while self._to_return:
            self._order_changes(self._to_return[:BATCH_MESSAGES])
            del self._to_return[:BATCH_MESSAGES]
        if now >= self._scan_due:
            self._scan_due = now + SCAN_S
            self._extend(now)

    def on_deleted(self, event: Deleted, now: float) -> None:
        """Count what is gone; order again what may still go."""
        self._calls_under_way -= 1
        failed = {failure.message.id: failure for failure in event.failures}
        self._progress.messages_deleted += len(event.holders) - len(failed)
        again = []
        for holder in event.holders:
            failure = failed.get(holder.message.id)
            if failure is None:
                continue
            if failure.handle_lost:
                _warn_lost(holder, failure)
            else:
                again.append(holder)
        if again:
            logger.warning(
                "SQS did not delete %d of %d messages (%s); trying again",
                len(again),
                len(event.holders),
                event.failures[0].code,
            )
            self._retry_delete(again, now)

    def on_delete_failed(self, event: DeleteFailed, now: float) -> None:
        """Order all of it again, a little later."""
        self._calls_under_way -= 1
        logger.warning("cannot delete messages: %s", event.error)
        self._retry_delete(event.holders, now)

    def on_visibility_changed(self, event: VisibilityChanged, now: float) -> None:
        """Stop working on messages whose receipt handle is lost."""
        self._calls_under_way -= 1
        if event.error is not None:
            logger.warning("cannot change message visibility: %s", event.error)
            for holder in event.holders:
                holder.extend_at = now + RETRY_S
            return
        failed = {failure.message.id: failure for failure in event.failures}
        for holder in event.holders:
            failure = failed.get(holder.message.id)
            if failure is None:
                continue
            if failure.handle_lost:
                if self._ledger.abandon(holder):
                    _warn_lost(holder, failure)
            else:
                holder.extend_at = now + RETRY_S

    def _retry_delete(self, holders: Sequence[HeldMessage], now: float) -> None:
        self._to_delete.extend(holders)
        self._delete_due = self._not_before = now + RETRY_S

    def _order_deletes(self, now: float, *, at_once: bool) -> None:
        is_due = at_once or (self._delete_due is not None and now >= self._delete_due)
        while len(self._to_delete) >= BATCH_MESSAGES or (self._to_delete and is_due):
            count = min(len(self._to_delete), BATCH_MESSAGES)
            batch = [self._to_delete.popleft() for _ in range(count)]
            self._calls_under_way += 1
            self._calls.delete(batch)
        if not self._to_delete:
            self._delete_due = None

    def _order_changes(self, changes: Sequence[tuple[HeldMessage, int]]) -> None:
        self._calls_under_way += 1
        self._progress.messages_returned += len(changes)
        self._calls.change_visibility(changes)

    def _extend(self, now: float) -> None:
        due: list[tuple[HeldMessage, int]] = []
        for holder in tuple(self._ledger.held):
            if now < holder.extend_at:
                continue
            left_s = int(holder.received_at + MAX_HELD_S - now)
            if left_s <= 0:
                self._ledger.abandon(holder)
                logger.warning(
                    "message was held for 12 hours, SQS's limit; it will come again",
                    extra={"message_id": holder.message.id},
                )
                continue
            holder.extend_at = now + self._timeout_s / 3
            due.append((holder, min(self._timeout_s, left_s)))
        for start in range(0, len(due), BATCH_MESSAGES):
            self._calls_under_way += 1
            self._calls.change_visibility(due[start : start + BATCH_MESSAGES])


def _warn_lost(holder: HeldMessage, failure: Failure) -> None:
    logger.warning(
        "receipt handle lost (%s): the message will be delivered again",
        failure.code,
        extra={"message_id": holder.message.id},
    )
