"""When to receive, how much, and what the received messages name."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugin_bridge.forward.backoff import Backoff
from worker.deliver.aws_state import AwsState, state_of
from worker.deliver.complaint import Complaint
from worker.deliver.ledger import Fate
from worker.errors import RetriableError, UnknownMessageError, is_bug
from worker.source.notifications import Mapping, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.config.model import SourceConfig
    from worker.deliver.calls import QueueCalls
    from worker.deliver.failing import Failing
    from worker.deliver.inbox import DepthFailed, DepthTaken, Received, ReceiveFailed
    from worker.deliver.journaling import Journaling
    from worker.deliver.ledger import HeldMessage, Ledger
    from worker.deliver.progress import Progress
    from worker.deliver.settlement import Settlement
    from worker.source.messages import Message
    from worker.source.notifications import Notification, ObjectRef
    from worker.source.selection import Selection
    from worker.source.sns_signatures import SnsSignatures

logger = logging.getLogger(__name__)

MAX_RECEIVE_MESSAGES = 10
"""Of one ReceiveMessage (SQS API)."""

UNTIL_EMPTY_WAIT_S = 1
"""Long polls are cut short when the end of the queue is what is waited for."""

EMPTY_PAUSE_S = 0.2
"""Between looks at an empty queue whose long polls return at once."""


LONG_BATCH_CHARACTERS = 1 << 20
"""Of messages that came together: no second receive goes on beside one of these."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that is held, and what was read in it.

    Attributes:
        unknown: Why it is no notification; None: it is one.
        reasons: Codes of the parts that need no download.
    """

    holder: HeldMessage
    unknown: UnknownMessageError | None
    reasons: tuple[str, ...]


class Intake:
    """Asks SQS for as many messages as there is room for, and no more.

    A receive is ordered only when a whole batch fits, so that calls come back full; a
    second one runs beside it only while they do.

    Args:
        source: The section ``[source]``.
        selection: Which buckets and keys are wanted.
        calls: The threads that call SQS.
        ledger: Takes what is received.
        journaling: Takes the objects to work on, and messages without any.
        failing: Takes what is no notification.
        settlement: Takes what comes too late.
        progress: Counted up here.
        backoff: Delays after failed calls.
        jitter: Uniform in 0..1; spreads the delays.
        backlog_objects: How many objects may wait here before their first record is
            emitted.
        until_empty: Watch out for the queue's end.
        run_key: Proves that a run id may be honored; None: no proof is asked for.
        signatures: Of SNS, which all but one's own runs must have; None: nobody asks.

    Attributes:
        reasons: How many parts of messages needed no download, and how many messages
            were no notification, by their reason.
    """

    def __init__(
        self,
        source: SourceConfig,
        selection: Selection,
        *,
        calls: QueueCalls,
        ledger: Ledger,
        journaling: Journaling,
        failing: Failing,
        settlement: Settlement,
        progress: Progress,
        backoff: Backoff,
        jitter: Callable[[], float],
        backlog_objects: int,
        until_empty: bool,
        run_key: bytes | None = None,
        signatures: SnsSignatures | None = None,
    ) -> None:
        self._source = source
        self._run_key = run_key
        self._signatures = signatures
        self._is_unproven_said = False
        self._mapping = Mapping.of(source.mapping.bucket, source.mapping.keys)
        self._selection = selection
        self._calls = calls
        self._ledger = ledger
        self._journaling = journaling
        self._failing = failing
        self._settlement = settlement
        self._progress = progress
        self._backoff = backoff
        self._jitter = jitter
        self._backlog_objects = max(backlog_objects, MAX_RECEIVE_MESSAGES)
        self._until_empty = until_empty
        self._under_way = 0
        self._was_full = False
        self._not_before = 0.0
        self._complaint = Complaint(logger, over="receiving again")
        self._depth_backoff = Backoff()
        self._depth_complaint = Complaint(logger, over="the queue's depth is known")
        self._depth_not_before = 0.0
        self._is_closed = False
        self.reasons: Counter[str] = Counter()

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
        if self.reasons:
            logger.info(
                "not read, by reason: %s",
                ", ".join(f"{n} {reason}" for reason, n in self.reasons.most_common()),
            )

    def has_room(self, backlog: int) -> bool:
        """Whether a whole batch more may come.

        Args:
            backlog: Objects that wait here for their first record to be emitted.
        """
        coming = self._under_way * MAX_RECEIVE_MESSAGES
        return self._backlog_objects - backlog - coming >= MAX_RECEIVE_MESSAGES

    def step(self, now: float, *, has_room: bool, backlog: int) -> bool:
        """Order a receive where that is right, and say whether it was.

        Args:
            now: Monotonic instant.
            has_room: The budget is not full and the receiver takes records.
            backlog: Objects that wait here for their first record to be emitted.
        """
        if not has_room:
            self._progress.empty_since = 0.0  # nobody looks
        if self._is_closed or not has_room or now < self._not_before:
            return False
        if self._under_way and not (self._was_full and self._under_way == 1):
            return False
        if not self.has_room(backlog):
            return False
        self._under_way += 1
        self._calls.receive(
            max_messages=MAX_RECEIVE_MESSAGES,
            wait_s=min(self._source.wait_time_s, UNTIL_EMPTY_WAIT_S)
            if self._until_empty
            else self._source.wait_time_s,
            visibility_timeout_s=self._source.visibility_timeout_s,
        )
        return True

    def on_received(self, event: Received, now: float) -> None:
        """Hold the messages and begin with their objects."""
        self._under_way -= 1
        self._backoff.reset()
        self._complaint.settled()
        self._was_full = (
            len(event.messages) == MAX_RECEIVE_MESSAGES
            and sum(len(message.body) for message in event.messages)
            < LONG_BATCH_CHARACTERS
        )
        self._progress.messages_received += len(event.messages)
        self._progress.sqs_requests.add("receive")
        self._progress.sqs_state = AwsState.WORKS
        for message in event.messages:
            extend_at = self._settlement.extend_at(event.began_at)
            self.work_on(
                self.hold(message, received_at=event.began_at, extend_at=extend_at)
            )
        if event.messages:
            self._progress.empty_since = 0.0
        elif not self._is_closed:
            self._not_before = now + EMPTY_PAUSE_S
            if self._until_empty and now >= self._depth_not_before and self._is_alone():
                self._under_way += 1
                self._calls.take_depth()

    def on_depth(self, event: DepthTaken, now: float) -> None:
        """Note since when the queue is empty and nothing is held."""
        self._under_way -= 1
        self._depth_backoff.reset()
        self._depth_complaint.settled()
        self._progress.sqs_requests.add("depth")
        if event.depth.total or not self._is_alone():
            self._progress.empty_since = 0.0
        elif not self._progress.empty_since:
            self._progress.empty_since = now

    def on_depth_failed(self, event: DepthFailed, now: float) -> None:
        """Back off likewise: messages are received all the same."""
        self._under_way -= 1
        self._progress.sqs_failures.add("depth")
        self._progress.empty_since = 0.0
        self._depth_not_before = now + self._depth_backoff.next_delay_s(self._jitter())
        self._depth_complaint.raised(
            f"cannot tell whether the queue is empty: {event.error}", now
        )

    def on_failed(self, event: ReceiveFailed, now: float) -> None:
        """Back off: nothing is lost, and SQS is not hammered."""
        self._under_way -= 1
        self._was_full = False
        self._progress.empty_since = 0.0
        self._not_before = now + self._backoff.next_delay_s(self._jitter())
        self._complaint.raised(str(event.error), now)
        self._progress.sqs_failures.add("receive")
        self._progress.sqs_state = state_of(event.error)

    def _is_alone(self) -> bool:
        """Whether nothing is held and no call under way could change that."""
        return (
            self._ledger.held_count == 0
            and self._under_way == 0
            and self._settlement.is_idle
            and self._journaling.is_idle
        )

    def _read(self, message: Message) -> Notification:
        """What a message names of what is wanted.

        Raises:
            UnknownMessageError: It is no notification, or a bug is met in reading it.
        """
        try:
            found = parse(
                message.body,
                uses_sns=self._source.uses_sns,
                mapping=self._mapping,
                sent_at=message.sent_at.timestamp() if message.sent_at else None,
                run_key=self._run_key,
            )
            is_own = any(ref.run_id for ref in found.objects)
            if self._signatures is not None and not is_own:
                self._signatures.check(message.body)
            return self._selection.select(found)
        except RetriableError as error:
            raise UnknownMessageError(error.code, str(error)) from error
        except BaseException as error:
            if not is_bug(error):
                raise
            logger.exception("a bug kept a message from being read")
            raise UnknownMessageError(
                "parser_bug", f"reading the message failed by a bug ({error!r:.200})"
            ) from error

    def hold(
        self,
        message: Message,
        *,
        received_at: float,
        extend_at: float,
        is_inherited: bool = False,
    ) -> Taken:
        """Hold a message, and read what it names; :meth:`work_on` begins with that.

        Args:
            message: To be given back at once where nothing is begun any more.
            received_at: As in :class:`HeldMessage`, and so are the others.
            extend_at: When its visibility is extended first.
            is_inherited: A worker that died had received it.
        """
        refs: tuple[ObjectRef, ...] = ()
        unknown: UnknownMessageError | None = None
        reasons: list[str] = []
        try:
            notification = self._read(message)
        except UnknownMessageError as error:
            unknown = error
            reasons.append(error.code)
        else:
            refs = _distinct(notification.objects)
            if notification.unproven_run_id:
                self._say_unproven(message, notification.unproven_run_id)
            for part in notification.ignored:
                reasons.append(part.reason)
                place = {"bucket": part.bucket, "key": part.key} if part.key else {}
                logger.info(
                    "message part needs no download: %s",
                    part.reason,
                    extra={"message_id": message.id, **place},
                )
        holder = self._ledger.hold(
            message,
            refs,
            received_at=received_at,
            extend_at=extend_at,
            is_inherited=is_inherited,
        )
        if self._is_closed:
            self._settlement.drain(holder)
        return Taken(holder, unknown, tuple(reasons))

    def _say_unproven(self, message: Message, run_id: str) -> None:
        """Warn once: a backfill from elsewhere has many of these."""
        if self._is_unproven_said:
            return
        self._is_unproven_said = True
        logger.warning(
            "messages carry the run id %s, and no proof by the run.key of this state "
            "directory: they are read like any other, and what was delivered before is "
            "skipped; if another host sends backfills or replays, copy its run.key to "
            "this one and reload",
            run_id,
            extra={"message_id": message.id},
        )

    def work_on(self, taken: Taken) -> None:
        """Begin with a message's objects, or do what is to be done without any."""
        holder = taken.holder
        if holder.fate is not Fate.HELD:
            return
        self.reasons.update(taken.reasons)
        for reason in taken.reasons:
            ignored = "unknown_message" if taken.unknown is not None else reason
            self._progress.parts_ignored.add(ignored)
        if taken.unknown is not None:
            self._failing.on_unknown_message(holder, taken.unknown)
        elif holder.objects:
            for item in holder.objects:
                self._journaling.begin(item)
        else:
            self._ledger.complete(holder)
            self._journaling.delete_after([holder])


def _distinct(refs: Sequence[ObjectRef]) -> tuple[ObjectRef, ...]:
    """Each object once that a message names several times, in order."""
    if len(refs) == 1:
        return tuple(refs)
    first: dict[tuple[str, str, str | None, str | None], ObjectRef] = {}
    for ref in refs:
        first.setdefault((ref.bucket, ref.key, ref.version_id, ref.etag), ref)
    return tuple(first.values())
