"""Objects on their way from S3: admitted by the budget, retried, or given up."""

from __future__ import annotations

import heapq
import itertools
import logging
from collections import deque
from typing import TYPE_CHECKING

from worker.deliver.aws_state import AwsState, common_state_of
from worker.deliver.budget import estimate_bytes, held_bytes
from worker.deliver.complaint import Complaint
from worker.errors import (
    MissingObjectError,
    PermanentError,
    RetriableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.deliver.budget import Budget
    from worker.deliver.calls import Downloads
    from worker.deliver.chronicle import Chronicle
    from worker.deliver.failing import Failing
    from worker.deliver.inbox import Downloaded, DownloadFailed
    from worker.deliver.ledger import HeldObject
    from worker.deliver.progress import Progress

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
"""Failed reads of one object, while others can be read, after which SQS has it back."""

FIRST_RETRY_S = 0.5
MAX_RETRY_S = 30.0
SUSPICIOUS_FAILURES = 8
"""Failed reads in a row, of whichever objects, that stop the receiving."""


def retry_delay_s(attempts: int, jitter: float) -> float:
    """How long to wait after so many failed reads.

    Args:
        attempts: One at least.
        jitter: Uniform in 0..1.
    """
    delay_s = min(FIRST_RETRY_S * 2.0 ** min(attempts, 10), MAX_RETRY_S)
    return delay_s * (0.5 + jitter / 2)


class Fetching:
    """Everything between a held object and its body.

    A read that fails is tried again. It goes back to SQS only when another object could
    be read meanwhile: otherwise the fault may be S3's, and giving messages back would
    push a whole queue into its dead-letter queue.

    Args:
        downloads: The threads that read from S3.
        budget: Charged for each object from here on.
        failing: Takes objects that cannot be read.
        progress: Counted up here.
        chronicle: Told when what happens.
        jitter: Uniform in 0..1; spreads the retries.
    """

    def __init__(
        self,
        *,
        downloads: Downloads,
        budget: Budget,
        failing: Failing,
        progress: Progress,
        chronicle: Chronicle,
        jitter: Callable[[], float],
    ) -> None:
        self._downloads = downloads
        self._budget = budget
        self._failing = failing
        self._progress = progress
        self._chronicle = chronicle
        self._jitter = jitter
        self._waiting: deque[HeldObject] = deque()
        self._retries: list[tuple[float, int, HeldObject]] = []
        self._tie = itertools.count()
        self._successes = 0
        self._failures_in_a_row = 0
        self._complaint = Complaint(logger, over="objects can be read again")

    @property
    def backlog(self) -> int:
        """Objects that wait for their body."""
        return len(self._waiting) + len(self._retries) + self._downloads.under_way

    @property
    def is_open(self) -> bool:
        """False while everything that is tried fails: receiving more is no use."""
        return self._failures_in_a_row < SUSPICIOUS_FAILURES or not self._retries

    def due(self) -> float | None:
        """The next instant at which :meth:`step` can do what it cannot now."""
        return self._retries[0][0] if self._retries else None

    def fileno(self) -> int | None:
        """Readable when :meth:`service` has something to do; None: never."""
        return self._downloads.fileno()

    def service(self) -> Iterator[Downloaded]:
        """Give the bodies that did not come through the inbox."""
        return self._downloads.service()

    def want(self, item: HeldObject) -> None:
        """Take an object on."""
        self._waiting.append(item)

    def step(self, now: float) -> None:
        """Start as many downloads as there is room for."""
        while self._retries and self._retries[0][0] <= now:
            self._waiting.append(heapq.heappop(self._retries)[2])
        while self._waiting and self._downloads.has_room:
            item = self._waiting[0]
            if item.is_wanted:
                size_bytes = estimate_bytes(item.ref.size_bytes)
                if not self._budget.admits(size_bytes):
                    return
                self._budget.charge(item, size_bytes)
                self._downloads.start(item)
                self._chronicle.fetching(item, now)
            self._waiting.popleft()

    def on_downloaded(self, event: Downloaded, now: float) -> None:
        """A body has come."""
        self._downloads.ended()
        if self._failures_in_a_row >= SUSPICIOUS_FAILURES:
            self._hurry(now)
        self._successes += 1
        self._failures_in_a_row = 0
        if not self._retries:
            self._complaint.settled()
        self._progress.s3_state = AwsState.WORKS
        self._chronicle.fetched(event.item, event.body.size_bytes, now)
        self._budget.charge(event.item, held_bytes(event.body))

    def _hurry(self, now: float) -> None:
        """S3 is back: nothing that failed meanwhile need wait for its turn."""
        self._retries = [
            (min(due, now + self._jitter()), tie, item)
            for due, tie, item in self._retries
        ]
        heapq.heapify(self._retries)

    def on_failed(self, event: DownloadFailed, now: float) -> None:
        """Try again, or leave it to others, by the kind of failure."""
        self._downloads.ended()
        item, error = event.item, event.error
        self._progress.downloads_failed += 1
        self._progress.s3_state = common_state_of(error)
        self._budget.release(item)
        if not item.is_wanted:
            return
        match error:
            case MissingObjectError():
                self._failing.on_missing_object(item, error)
            case PermanentError():
                self._failing.on_bad_object(item, error, None)
            case RetriableError():
                self._failures_in_a_row += 1
                self._try_again(item, error, now)
            case _:
                raise error

    def _try_again(self, item: HeldObject, error: RetriableError, now: float) -> None:
        if not item.attempts:
            item.successes_before = self._successes
        item.attempts += 1
        if item.attempts >= MAX_ATTEMPTS and self._successes > item.successes_before:
            self._failing.on_unreadable_object(item, error)
            return
        delay_s = retry_delay_s(item.attempts, self._jitter())
        heapq.heappush(self._retries, (now + delay_s, next(self._tie), item))
        self._complaint.raised(
            f"{error}; trying again",
            now,
            kind=error.code,
            extra={
                "bucket": item.ref.bucket,
                "key": item.ref.key,
                "message_id": item.holder.message.id,
            },
        )
