"""When to receive, how much, and what the received messages name."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from worker.deliver.settlement import retry_delay_s
from worker.errors import UnknownMessageError
from worker.source.notifications import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugin_bridge.forward.backoff import Backoff
    from worker.config.model import SourceConfig
    from worker.deliver.calls import QueueCalls
    from worker.deliver.inbox import DepthTaken, Received, ReceiveFailed
    from worker.deliver.ledger import HeldObject, Ledger
    from worker.deliver.progress import Progress
    from worker.deliver.settlement import Settlement
    from worker.source.queue import Message
    from worker.source.selection import Selection

logger = logging.getLogger(__name__)

MAX_RECEIVE_MESSAGES = 10
"""Of one ReceiveMessage (SQS API)."""

UNTIL_EMPTY_WAIT_S = 1
"""Long polls are cut short when the end of the queue is what is waited for."""

EMPTY_PAUSE_S = 0.2
"""Between looks at an empty queue whose long polls return at once."""


class Intake:
    """Asks SQS for as many messages as there is room for, and no more.

    A receive is ordered only when a whole batch fits, so that calls come back full; a
    second one runs beside it only while they do.

    Args:
        source: The section ``[source]``.
        selection: Which buckets and keys are wanted.
        calls: The threads that call SQS.
        ledger: Takes what is received.
        settlement: Takes what needs no work, or cannot be worked on.
        progress: Counted up here.
        backoff: Delays after failed calls.
        jitter: Uniform in 0..1; spreads the delays.
        backlog_objects: How many objects may wait here before their first record is
            emitted.
        until_empty: Watch out for the queue's end.
    """

    def __init__(
        self,
        source: SourceConfig,
        selection: Selection,
        *,
        calls: QueueCalls,
        ledger: Ledger,
        settlement: Settlement,
        progress: Progress,
        backoff: Backoff,
        jitter: Callable[[], float],
        backlog_objects: int,
        until_empty: bool,
    ) -> None:
        self._source = source
        self._selection = selection
        self._calls = calls
        self._ledger = ledger
        self._settlement = settlement
        self._progress = progress
        self._backoff = backoff
        self._jitter = jitter
        self._backlog_objects = max(backlog_objects, MAX_RECEIVE_MESSAGES)
        self._until_empty = until_empty
        self._under_way = 0
        self._was_full = False
        self._not_before = 0.0
        self._is_closed = False

    @property
    def is_idle(self) -> bool:
        """Whether no receive is under way."""
        return self._under_way == 0

    def due(self, now: float) -> float | None:
        """When :meth:`step` may order again, if a pause is all that keeps it."""
        return self._not_before if self._not_before > now else None

    def close(self) -> None:
        """Order no more receives; what one under way brings is given back."""
        self._is_closed = True

    def step(self, now: float, *, has_room: bool, backlog: int) -> None:
        """Order a receive where that is right.

        Args:
            now: Monotonic instant.
            has_room: The budget is not full and the receiver takes records.
            backlog: Objects that wait here for their first record to be emitted.
        """
        if self._is_closed or not has_room or now < self._not_before:
            return
        if self._under_way and not (self._was_full and self._under_way == 1):
            return
        coming = self._under_way * MAX_RECEIVE_MESSAGES
        if self._backlog_objects - backlog - coming < MAX_RECEIVE_MESSAGES:
            return
        self._under_way += 1
        self._calls.receive(
            max_messages=MAX_RECEIVE_MESSAGES,
            wait_s=min(self._source.wait_time_s, UNTIL_EMPTY_WAIT_S)
            if self._until_empty
            else self._source.wait_time_s,
            visibility_timeout_s=self._source.visibility_timeout_s,
        )

    def on_received(
        self, event: Received, now: float, *, want: Callable[[HeldObject], None]
    ) -> None:
        """Hold the messages and pass their objects on to ``want``."""
        self._under_way -= 1
        self._backoff.reset()
        self._was_full = len(event.messages) == MAX_RECEIVE_MESSAGES
        self._progress.messages_received += len(event.messages)
        for message in event.messages:
            self._take(message, event.began_at, now, want)
        if event.messages:
            self._progress.empty_since = 0.0
        elif not self._is_closed:
            self._not_before = now + EMPTY_PAUSE_S
            if self._until_empty and self._is_alone():
                self._under_way += 1
                self._calls.take_depth()

    def on_depth(self, event: DepthTaken, now: float) -> None:
        """Note since when the queue is empty and nothing is held."""
        self._under_way -= 1
        if event.depth.total or not self._is_alone():
            self._progress.empty_since = 0.0
        elif not self._progress.empty_since:
            self._progress.empty_since = now

    def on_failed(self, event: ReceiveFailed, now: float) -> None:
        """Back off: nothing is lost, and SQS is not hammered."""
        self._under_way -= 1
        self._was_full = False
        delay_s = self._backoff.next_delay_s(self._jitter())
        self._not_before = now + delay_s
        logger.error("cannot receive: %s; next try in %.1f s", event.error, delay_s)

    def _is_alone(self) -> bool:
        """Whether nothing is held and no call under way could change that."""
        return (
            self._ledger.held_count == 0
            and self._under_way == 0
            and self._settlement.is_idle
        )

    def _take(
        self,
        message: Message,
        began_at: float,
        now: float,
        want: Callable[[HeldObject], None],
    ) -> None:
        try:
            notification = self._selection.select(
                parse(message.body, uses_sns=self._source.uses_sns)
            )
        except UnknownMessageError as error:
            self._on_unknown(message, error, began_at, now)
            return
        holder = self._ledger.hold(
            message,
            notification.objects,
            received_at=began_at,
            extend_at=self._settlement.extend_at(began_at),
        )
        for reason in notification.ignored:
            logger.info(
                "message needs no download: %s",
                reason,
                extra={"message_id": message.id},
            )
        if self._is_closed:
            self._settlement.give_back(holder, 0)
        elif holder.objects:
            for item in holder.objects:
                want(item)
        else:
            self._ledger.complete(holder)
            self._settlement.delete((holder,), now)

    def _on_unknown(
        self, message: Message, error: UnknownMessageError, began_at: float, now: float
    ) -> None:
        """Act by ``source.on_unknown_message``."""
        holder = self._ledger.hold(
            message, (), received_at=began_at, extend_at=began_at
        )
        extra = {"message_id": message.id}
        if self._source.on_unknown_message == "delete":
            logger.warning("deleting a message: %s", error, extra=extra)
            self._ledger.complete(holder)
            self._settlement.delete((holder,), now)
        else:
            delay_s = retry_delay_s(message.receive_count)
            self._progress.objects_failed += 1
            logger.error("%s; back to the queue for %d s", error, delay_s, extra=extra)
            self._settlement.give_back(holder, delay_s)
