"""Asks now and then how many messages the queue holds, for those who watch."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from worker.deliver.aws_state import AwsState
from worker.deliver.complaint import Complaint
from worker.deliver.progress import UNKNOWN

if TYPE_CHECKING:
    from worker.deliver.calls import QueueCalls
    from worker.deliver.inbox import DepthSampled
    from worker.deliver.progress import Progress

logger = logging.getLogger(__name__)

EVERY_S = 30.0


class DepthGauge:
    """One worker of a pool has it.

    Args:
        calls: The threads that call SQS.
        progress: Takes the numbers.
    """

    def __init__(self, calls: QueueCalls, progress: Progress) -> None:
        self._calls = calls
        self._progress = progress
        self._due = 0.0
        self._complaint = Complaint(logger, over="the queue's depth is known again")

    def due(self) -> float:
        """The next monotonic instant at which :meth:`step` asks."""
        return self._due

    def step(self, now: float) -> None:
        """Ask if it is time; the answer comes later, or never."""
        if now >= self._due:
            self._due = now + EVERY_S
            self._calls.sample_depth()

    def on_sampled(self, event: DepthSampled, now: float) -> None:
        """Show what SQS said; nothing while it says nothing."""
        progress, depth = self._progress, event.depth
        if depth is None:
            progress.sqs_failures.add("depth")
            progress.queue_visible = progress.queue_in_flight = UNKNOWN
            progress.queue_delayed = UNKNOWN
            self._complaint.raised(f"the queue's depth is unknown: {event.error}", now)
            return
        self._complaint.settled()
        progress.sqs_requests.add("depth")
        progress.queue_visible = depth.visible
        progress.queue_in_flight = depth.in_flight
        progress.queue_delayed = depth.delayed
        if progress.sqs_state == AwsState.UNTRIED:
            progress.sqs_state = AwsState.WORKS
