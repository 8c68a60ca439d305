"""The worker's loop: one thread that owns all state and waits in one place."""

from __future__ import annotations

import logging
import select
from collections import Counter
from typing import TYPE_CHECKING, assert_never

from plugin_bridge.client import Acked, Connected, Disconnected, Poisoned
from worker.deliver.aws_state import AwsState
from worker.deliver.complaint import Complaint
from worker.deliver.draining import Draining
from worker.deliver.inbox import (
    BlockFailed,
    BlockRead,
    CommitFailed,
    Committed,
    Deleted,
    DeleteFailed,
    DepthFailed,
    DepthSampled,
    DepthTaken,
    Downloaded,
    DownloadFailed,
    JournalOpened,
    Quarantined,
    QuarantineFailed,
    Received,
    ReceiveFailed,
    ThreadCrashed,
    VisibilityChanged,
)
from worker.deliver.shortage import Shortage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugin_bridge.client import Event as BridgeEvent
    from plugin_bridge.client import ForwardClient
    from worker.deliver.adoption import Adoption
    from worker.deliver.budget import Budget
    from worker.deliver.decisions import Decisions
    from worker.deliver.depth_gauge import DepthGauge
    from worker.deliver.emission import Emission
    from worker.deliver.failing import Failing
    from worker.deliver.fetching import Fetching
    from worker.deliver.inbox import DiskEvent, Event, Inbox, QueueEvent
    from worker.deliver.intake import Intake
    from worker.deliver.journaling import Journaling
    from worker.deliver.ledger import HeldObject, Ledger
    from worker.deliver.progress import Control, Progress
    from worker.deliver.settlement import Settlement
    from worker.deliver.streaming import Streaming
    from worker.deliver.transform_counts import TransformCounts

logger = logging.getLogger(__name__)

BEAT_S = 1.0
"""The longest wait: the heart beats at least this often."""

DETAIL_S = 0.25
"""How often the numbers are looked up that nobody but people needs."""


class DeliveryLoop:
    """Receives, fetches, emits and settles, until it is told to drain.

    Each part has a ``step`` that does what can be done without waiting and a ``due``
    that names the instant of its next turn. The loop waits for the first of these, for
    the receiver's socket, for the results of AWS calls, or for a command.
    """

    def __init__(
        self,
        *,
        client: ForwardClient,
        inbox: Inbox,
        intake: Intake,
        adoption: Adoption,
        journaling: Journaling,
        failing: Failing,
        fetching: Fetching,
        streaming: Streaming,
        emission: Emission,
        settlement: Settlement,
        ledger: Ledger,
        budget: Budget,
        progress: Progress,
        gauge: DepthGauge | None,
        counts: TransformCounts,
        control: Control,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._inbox = inbox
        self._intake = intake
        self._adoption = adoption
        self._journaling = journaling
        self._failing = failing
        self._fetching = fetching
        self._streaming = streaming
        self._emission = emission
        self._settlement = settlement
        self._ledger = ledger
        self._budget = budget
        self._progress = progress
        self._gauge = gauge
        self._counts = counts
        self._shortage = Shortage(
            progress.waited_s,
            client=client,
            fetching=fetching,
            settlement=settlement,
            budget=budget,
            intake=intake,
        )
        self._control = control
        self._draining = Draining(
            control,
            intake=intake,
            journaling=journaling,
            settlement=settlement,
            ledger=ledger,
        )
        self._clock = clock
        self._detail_due = 0.0
        self._steps: float = 0
        self._complaint = Complaint(logger, over="the receiver acknowledges again")
        self._connected_level = logging.INFO  # the first time; then the complaint tells

    def run(self) -> None:
        """Work until drained."""
        while True:
            self._wait()
            now = self._clock()
            for bridge_event in self._client.service(now):
                self._on_bridge(bridge_event)
            for event in self._inbox.take():
                self._on_call(event, now)
            for body in self._fetching.service():
                self._on_call(body, now)
            self._draining.obey(now)
            self._step(now)
            self._report(now)
            if self._draining.is_over(now):
                self._detail(self._progress, now)  # the last word
                self._draining.leave()
                return

    def _step(self, now: float) -> None:
        self._adoption.step(now)
        self._journaling.step(now)
        while decisions := self._journaling.take():
            self._follow(decisions, now)
        self._fetching.step(now)
        self._emission.step(now, at_once=self._draining.has_begun)
        self._streaming.step(now)
        self._settlement.step(now, at_once=self._draining.has_begun)
        backlog = self._backlog
        self._shortage.look(now, backlog)
        is_receiving = self._intake.step(
            now,
            has_room=self._client.is_connected
            and self._adoption.is_over
            and self._fetching.may_receive(now)
            and self._settlement.has_room
            and not self._budget.is_full,
            backlog=backlog,
        )
        if is_receiving:
            self._fetching.on_receive(now)
        if self._gauge is not None and not self._draining.has_begun:
            self._gauge.step(now)

    @property
    def _backlog(self) -> int:
        """Objects that wait here for their first record to be emitted."""
        return (
            self._journaling.backlog + self._fetching.backlog + self._emission.backlog
        )

    def _follow(self, decisions: Decisions, now: float) -> None:
        for item in decisions.fetch:
            self._fetching.want(item)
        for event in decisions.emit:
            self._emission.on_body(event)
        self._failing.on_shared(decisions.leave)
        for item in decisions.skip:
            self._progress.count_object("skipped", item.ref.size_bytes)
            complete = self._ledger.skip(item)
            if complete is not None:
                self._journaling.delete_after([complete])
        self._settlement.delete(decisions.delete, now)
        _log_skipped(decisions.skip)

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._inbox.fileno(), select.POLLIN)
        poll.register(self._control.fileno(), select.POLLIN)
        bodies_fd = self._fetching.fileno()
        if bodies_fd is not None:
            poll.register(bodies_fd, select.POLLIN)
        client_fd = self._client.fileno()
        if client_fd is not None:
            mask = select.POLLIN | (select.POLLOUT if self._client.wants_write else 0)
            poll.register(client_fd, mask)
        poll.poll(self._timeout_s(self._clock()) * 1000)

    def _timeout_s(self, now: float) -> float:
        if self._emission.can_go_on:
            return 0.0
        instants = (
            self._client.deadline(),
            self._intake.due(now),
            self._journaling.due(),
            self._fetching.due(),
            self._fetching.look_due(now),
            self._streaming.due(),
            self._emission.due(),
            self._settlement.due(),
            self._draining.deadline,
            now + BEAT_S,
        )
        first = min(instant for instant in instants if instant is not None)
        return max(first - now, 0.0)

    def _on_bridge(self, event: BridgeEvent) -> None:
        match event:
            case Acked():
                self._complaint.settled()
                self._emission.on_acked(event.chunk_id)
            case Poisoned():
                self._emission.on_poisoned(event.chunk_id)
            case Connected():
                self._progress.connects += 1
                logger.log(self._connected_level, "connected to %s", event.address)
                self._connected_level = logging.DEBUG
            case Disconnected():
                self._progress.disconnects += 1
                if event.attempt:  # else it left by itself, to begin anew
                    self._complaint.raised(event.reason, self._clock())
            case _:
                assert_never(event)

    def _on_call(self, event: Event, now: float) -> None:
        match event:
            case Downloaded():
                self._fetching.on_downloaded(event, now)
                self._journaling.on_body(event)
            case DownloadFailed():
                self._fetching.on_failed(event, now)
            case BlockRead():
                self._streaming.on_block(event)
            case BlockFailed():
                self._streaming.on_failed(event, now)
            case (
                JournalOpened()
                | Committed()
                | CommitFailed()
                | Quarantined()
                | QuarantineFailed()
            ):
                self._on_disk(event, now)
            case ThreadCrashed():
                raise event.error
            case _:
                self._on_queue(event, now)

    def _on_queue(self, event: QueueEvent, now: float) -> None:
        match event:
            case Received():
                self._intake.on_received(event, now)
            case ReceiveFailed():
                self._intake.on_failed(event, now)
            case DepthTaken():
                self._intake.on_depth(event, now)
            case DepthFailed():
                self._intake.on_depth_failed(event, now)
            case DepthSampled():
                if self._gauge is not None:
                    self._gauge.on_sampled(event, now)
            case Deleted():
                self._journaling.on_deleted(self._settlement.on_deleted(event, now))
            case DeleteFailed():
                self._settlement.on_delete_failed(event, now)
            case VisibilityChanged():
                self._settlement.on_visibility_changed(event, now)
            case _:
                assert_never(event)

    def _on_disk(self, event: DiskEvent, now: float) -> None:
        match event:
            case JournalOpened():
                self._adoption.on_opened(event.inherited, now)
            case Committed():
                self._journaling.on_committed(event)
            case CommitFailed():
                self._journaling.on_commit_failed(event, now)
                self._adoption.on_journal_failed()
            case Quarantined():
                self._failing.on_quarantined(event)
            case QuarantineFailed():
                self._failing.on_quarantine_failed(event)
            case _:
                assert_never(event)

    def _report(self, now: float) -> None:
        progress = self._progress
        progress.held = self._ledger.held_count
        progress.unacked_chunks = self._client.unacked_chunks
        progress.objects_done = self._ledger.objects_done
        if now >= self._detail_due:
            self._detail_due = now + DETAIL_S
            self._detail(progress, now)
        self._control.report(progress)

    def _detail(self, progress: Progress, now: float) -> None:
        """Bring up to date what only those who watch look at."""
        oldest = next(iter(self._ledger.held), None)
        sent_at = None if oldest is None else oldest.message.sent_at
        progress.oldest_sent_at = 0.0 if sent_at is None else sent_at.timestamp()
        self._counts.look()
        progress.unacked_bytes = self._client.unacked_bytes
        progress.chunks_resent = self._client.resent_chunks
        progress.is_connected = self._client.is_connected
        progress.budget_used_bytes = self._budget.used_bytes
        progress.backlog_objects = self._backlog
        self._fetching.report()
        is_reading = self._fetching.is_reading or self._streaming.is_active
        if not is_reading and progress.s3_state != AwsState.WORKS:
            progress.s3_state = AwsState.UNTRIED  # nothing is left that could tell
        steps = (
            progress.chunks_acked
            + progress.messages_deleted
            + progress.downloads_done
            + progress.messages_returned.total
        )
        if not self._ledger.held_count or steps != self._steps:
            self._steps = steps
            progress.progressed_at = now


def _log_skipped(items: Sequence[HeldObject]) -> None:
    """Say what was delivered before, in one line for each object."""
    counts = Counter((item.ref.bucket, item.ref.key) for item in items)
    for (bucket, key), count in counts.items():
        messages = "its message needs" if count == 1 else f"{count} messages need"
        logger.info(
            "delivered before; %s no download",
            messages,
            extra={"bucket": bucket, "key": key},
        )
