"""Objects on their way from S3: admitted by the budget, retried, or given up."""

from __future__ import annotations

import heapq
import itertools
import logging
from collections import deque
from typing import TYPE_CHECKING

from worker.deliver.budget import estimate_bytes
from worker.deliver.settlement import retry_delay_s
from worker.errors import CommonFaultError, MissingObjectError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugin_bridge.forward.backoff import Backoff
    from worker.config.model import SourceConfig
    from worker.deliver.budget import Budget
    from worker.deliver.calls import Downloads
    from worker.deliver.inbox import DownloadFailed
    from worker.deliver.ledger import HeldMessage, HeldObject, Ledger
    from worker.deliver.progress import Progress
    from worker.deliver.settlement import Settlement

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
FIRST_RETRY_S = 0.5


class Fetching:
    """Everything between a held object and its body.

    Args:
        source: The section ``[source]``.
        downloads: The threads that read from S3.
        budget: Charged for each object from here on.
        ledger: Told of messages that are to be deleted without their object.
        settlement: Takes messages whose object cannot be read.
        progress: Counted up here.
        backoff: Delays while S3 as a whole is not to be had.
        jitter: Uniform in 0..1; spreads the retries.
    """

    def __init__(
        self,
        source: SourceConfig,
        *,
        downloads: Downloads,
        budget: Budget,
        ledger: Ledger,
        settlement: Settlement,
        progress: Progress,
        backoff: Backoff,
        jitter: Callable[[], float],
    ) -> None:
        self._source = source
        self._downloads = downloads
        self._budget = budget
        self._ledger = ledger
        self._settlement = settlement
        self._progress = progress
        self._backoff = backoff
        self._jitter = jitter
        self._waiting: deque[HeldObject] = deque()
        self._retries: list[tuple[float, int, HeldObject]] = []
        self._tie = itertools.count()
        self._closed_until = 0.0

    @property
    def backlog(self) -> int:
        """Objects that wait for their body."""
        return len(self._waiting) + len(self._retries) + self._downloads.under_way

    def is_open(self, now: float) -> bool:
        """False while a fault that all objects share keeps S3 out of reach."""
        return now >= self._closed_until

    def due(self, now: float) -> float | None:
        """The next instant at which :meth:`step` can do what it cannot now."""
        instants = [self._retries[0][0]] if self._retries else []
        if self._waiting and not self.is_open(now):
            instants.append(self._closed_until)
        return min(instants, default=None)

    def want(self, item: HeldObject) -> None:
        """Take an object on."""
        self._waiting.append(item)

    def step(self, now: float) -> None:
        """Start as many downloads as there is room for."""
        while self._retries and self._retries[0][0] <= now:
            self._waiting.append(heapq.heappop(self._retries)[2])
        while self._waiting and self._downloads.has_room and self.is_open(now):
            item = self._waiting[0]
            if item.is_wanted:
                size_bytes = estimate_bytes(item.ref.size_bytes)
                if not self._budget.admits(size_bytes):
                    return
                self._budget.charge(item, size_bytes)
                self._downloads.start(item)
            self._waiting.popleft()

    def on_downloaded(self) -> None:
        """A body has come."""
        self._downloads.ended()
        self._backoff.reset()

    def on_failed(self, event: DownloadFailed, now: float) -> None:
        """Try again here, leave the message to SQS, or give it up: by the kind."""
        self._downloads.ended()
        item, error = event.item, event.error
        self._budget.release(item)
        if not item.is_wanted:
            return
        extra = {
            "bucket": item.ref.bucket,
            "key": item.ref.key,
            "message_id": item.holder.message.id,
        }
        if isinstance(error, CommonFaultError):
            self._waiting.append(item)
            if self.is_open(now):
                delay_s = self._backoff.next_delay_s(self._jitter())
                self._closed_until = now + delay_s
                logger.error(
                    "%s; its message is held, next try in %.1f s",
                    error,
                    delay_s,
                    extra=extra,
                )
            return
        if isinstance(error, MissingObjectError):
            self._on_missing(item, error, now, extra)
            return
        item.attempts += 1
        if item.attempts < MAX_ATTEMPTS and not isinstance(error, PermanentError):
            delay_s = FIRST_RETRY_S * 2**item.attempts * (0.5 + self._jitter() / 2)
            heapq.heappush(self._retries, (now + delay_s, next(self._tie), item))
            logger.warning("%s; next try in %.1f s", error, delay_s, extra=extra)
            return
        self._leave(item.holder, error, extra)

    def _on_missing(
        self,
        item: HeldObject,
        error: MissingObjectError,
        now: float,
        extra: dict[str, str],
    ) -> None:
        """Act by ``source.on_missing_object``."""
        if self._source.on_missing_object == "delete":
            logger.warning("%s; going on without it", error, extra=extra)
            complete = self._ledger.finish(item)
            if complete is not None:
                self._settlement.delete((complete,), now)
        else:
            self._leave(item.holder, error, extra)

    def _leave(
        self, holder: HeldMessage, error: Exception, extra: dict[str, str]
    ) -> None:
        delay_s = retry_delay_s(holder.message.receive_count)
        logger.error("%s; back to the queue for %d s", error, delay_s, extra=extra)
        self._settlement.give_back(holder, delay_s)
