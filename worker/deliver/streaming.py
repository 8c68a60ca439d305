"""Large objects while they are decoded: blocks read ahead, retried, or given up."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from worker.deliver.aws_state import AwsState, state_of
from worker.deliver.complaint import Complaint
from worker.deliver.feed import Feed
from worker.deliver.fetching import MAX_ATTEMPTS, retry_delay_s
from worker.deliver.scopes import is_common
from worker.errors import MissingObjectError, OverwrittenError, RetriableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.deliver.calls import BlockReads
    from worker.deliver.failing import Failing
    from worker.deliver.fetching import Fetching
    from worker.deliver.inbox import BlockFailed, BlockRead
    from worker.deliver.ledger import HeldObject
    from worker.deliver.progress import Progress
    from worker.source.objects import Body

logger = logging.getLogger(__name__)


class Streaming:
    """Keeps a few blocks ahead of the decoder for each object that it is at work on.

    Each block is a request of its own, so that nothing is held open while the receiver
    takes its time. A read that fails is tried again from where the last one ended;
    what is delivered by then does not matter.

    Args:
        reads: The threads that read blocks.
        fetching: Takes objects that have to be read from their begin.
        failing: Takes objects that cannot be read to their end.
        progress: Counted up here.
        jitter: Uniform in 0..1; spreads the retries.
    """

    def __init__(
        self,
        *,
        reads: BlockReads,
        fetching: Fetching,
        failing: Failing,
        progress: Progress,
        jitter: Callable[[], float],
    ) -> None:
        self._reads = reads
        self._fetching = fetching
        self._failing = failing
        self._progress = progress
        self._jitter = jitter
        self._feeds: dict[HeldObject, Feed] = {}
        self._blocks_read = 0
        self._complaint = Complaint(logger, over="large objects can be read again")

    @property
    def is_active(self) -> bool:
        """Whether there is any large object in work."""
        return bool(self._feeds)

    def due(self) -> float | None:
        """The next instant at which :meth:`step` can do what it cannot now."""
        return min(
            (
                feed.retry_at
                for feed in self._feeds.values()
                if feed.attempts and feed.wants_block
            ),
            default=None,
        )

    def open(self, item: HeldObject, body: Body) -> Feed:
        """Begin to read ahead."""
        feed = self._feeds[item] = Feed(item, body)
        return feed

    def close(self, feed: Feed) -> None:
        """Read no more; what is under way is not waited for."""
        self._feeds.pop(feed.item, None)

    def step(self, now: float) -> None:
        """Order the next blocks."""
        for feed in self._feeds.values():
            if feed.wants_block and now >= feed.retry_at:
                feed.is_reading = True
                self._reads.start(feed)

    def on_block(self, event: BlockRead) -> None:
        """A block has come."""
        feed = event.feed
        feed.is_reading = False
        feed.attempts = 0
        feed.put(event.data)
        self._blocks_read += 1
        self._progress.s3_state = AwsState.WORKS
        if not any(other.attempts for other in self._feeds.values()):
            self._complaint.settled()

    def on_failed(self, event: BlockFailed, now: float) -> None:
        """Try again, or let the object end here, by the kind of failure."""
        feed, error = event.feed, event.error
        feed.is_reading = False
        self._progress.downloads_failed += 1
        if not isinstance(error, RetriableError):
            raise error
        if is_common(error):
            self._progress.s3_state = state_of(error)
        if not feed.attempts:
            feed.item.successes_before = self._successes
        feed.attempts += 1
        if isinstance(error, (MissingObjectError, OverwrittenError)) or (
            feed.attempts >= MAX_ATTEMPTS
            and self._successes > feed.item.successes_before
        ):
            feed.failure = error
            return
        feed.retry_at = now + retry_delay_s(feed.attempts, self._jitter())
        self._complaint.raised(
            f"{error}; trying again from byte {feed.read_bytes}",
            now,
            kind=error.code,
            extra={
                "bucket": feed.item.ref.bucket,
                "key": feed.item.ref.key,
                "message_id": feed.item.holder.message.id,
            },
        )

    def give_up(self, feed: Feed) -> None:
        """Do what is to be done with an object whose next block will not come."""
        item, error = feed.item, feed.failure
        if not item.is_wanted:
            return
        match error:
            case OverwrittenError() if not item.has_begun:
                self._fetching.want(item)  # nothing of the former one went out
            case MissingObjectError():
                self._failing.on_missing_object(item, error)
            case RetriableError():
                self._failing.on_unreadable_object(item, error)
            case None:
                pass  # more will come

    @property
    def _successes(self) -> int:
        """Reads of any object that worked: S3 is not all down."""
        return self._progress.downloads_done + self._blocks_read
