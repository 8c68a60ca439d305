"""Objects on their way from S3: admitted by the budget, retried, or given up."""

from __future__ import annotations

import logging
from collections import Counter, deque
from typing import TYPE_CHECKING

from worker.deliver.aws_state import AwsState, state_of
from worker.deliver.budget import estimate_bytes, held_bytes
from worker.deliver.complaint import Complaint
from worker.deliver.postponed import Postponed
from worker.deliver.scopes import Scopes, is_common
from worker.errors import (
    MissingObjectError,
    PermanentError,
    RetriableError,
)
from worker.source.object_faults import OWN_FAULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.deliver.budget import Budget
    from worker.deliver.calls import Downloads
    from worker.deliver.chronicle import Chronicle
    from worker.deliver.failing import Failing
    from worker.deliver.inbox import Downloaded, DownloadFailed
    from worker.deliver.ledger import HeldObject
    from worker.deliver.progress import Progress
    from worker.deliver.scopes import Scope

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
"""Failed reads of one object, while others of its bucket can be read, after which SQS
has it back."""

FIRST_RETRY_S = 0.5
MAX_RETRY_S = 30.0

FIRST_LOOK_S = 0.25
MAX_LOOK_S = 60.0
"""While nothing can be read, how long after one receive the next may follow."""

QUICK_LOOKS = 30
"""Receives at the first of these intervals, where it is buckets that fail, although
there is no room for more of what fails: what these bring is left to SQS for long."""

KEPT_SHARE = 8
"""Of the downloads one in so many, and one at least, is no single bucket's."""

CROWDED_S = 0.1
READ_LATELY_S = 5.0
"""A bucket of which something was read since then is merely busy."""


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

    A read that fails is tried again. What it says of others is for :class:`Scopes`: the
    objects of a bucket or folder that cannot be read wait, hidden from other receivers,
    and all others go on. As many wait as :class:`Postponed` has room for; the rest is
    left to SQS for a long while, so that an outage does not push a whole queue into its
    dead-letter queue. An object goes back for its own sake only when others of its
    bucket can be read.

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
        self._postponed = Postponed(budget.limit_bytes)
        self._scopes = Scopes()
        self._successes: Counter[str] = Counter()
        self._slots: Counter[str] = Counter()
        self._read_at: dict[str, float] = {}
        self._look_at = 0.0
        self._looks = 0
        self._look_s = FIRST_LOOK_S
        self._complaint = Complaint(logger, over="objects can be read again")

    @property
    def backlog(self) -> int:
        """Objects that wait for their body; those that cannot be read are none."""
        return len(self._waiting) + self._downloads.under_way

    @property
    def is_reading(self) -> bool:
        """Whether there is an object whose body is wanted."""
        return bool(self.backlog or self._postponed)

    def may_receive(self, now: float) -> bool:
        """False while nothing can be read, but for a look now and then."""
        is_shut = self._scopes.everything is not None and len(self._postponed) > 0
        return not is_shut or now >= self._look_at

    def look_due(self, now: float) -> float | None:
        """When a receive may be ordered, if a pause is all that keeps it."""
        return None if self.may_receive(now) else self._look_at

    def on_receive(self, now: float) -> None:
        """A receive was ordered: where nothing can be read, the next one has time.

        As long as it is the buckets that fail and not what they have in common, the
        messages behind are looked at quickly for a while: they may be of another one.
        """
        if self._scopes.everything is None:
            return
        self._look_at = now + self._look_s
        self._looks += self._postponed.is_full
        if self._scopes.is_common or self._looks > QUICK_LOOKS:
            self._look_s = min(2 * self._look_s, MAX_LOOK_S)

    def due(self) -> float | None:
        """The next instant at which :meth:`step` can do what it cannot now."""
        return self._postponed.due()

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
        while (late := self._postponed.pop(now)) is not None:
            if late.is_wanted and not self._is_postponed(late, now):
                self._waiting.append(late)
        while self._waiting and self._downloads.has_room:
            item = self._waiting[0]
            if item.is_wanted and not self._is_postponed(item, now):
                is_crowded = self._is_crowded(item.ref.bucket)
                if is_crowded and not self._is_set_aside(item, now):
                    return
                if not is_crowded and not self._is_started(item, now):
                    return
            self._waiting.popleft()

    def _is_started(self, item: HeldObject, now: float) -> bool:
        """Start a download if the budget admits it."""
        size_bytes = estimate_bytes(item.ref.size_bytes)
        if not self._budget.admits(size_bytes):
            return False
        self._budget.charge(item, size_bytes)
        item.is_reading = True
        self._slots[item.ref.bucket] += 1
        self._downloads.start(item)
        self._chronicle.fetching(item, now)
        return True

    def _is_crowded(self, bucket: str) -> bool:
        """Whether a bucket has as many downloads as one may have.

        A few are kept for others, so that a bucket that does not answer takes not all.
        """
        most = self._downloads.concurrency
        most -= max(most // KEPT_SHARE, 1) if most > 1 else 0
        return self._slots[bucket] >= most

    def _is_set_aside(self, item: HeldObject, now: float) -> bool:
        """Let an object wait where it is no backlog, if its bucket gives nothing."""
        read_at = self._read_at.get(item.ref.bucket)
        if read_at is not None and now - read_at < READ_LATELY_S:
            return False  # the bucket is merely busy
        if not self._postponed.admits(item):
            return False
        self._postponed.add(item, now + CROWDED_S)
        return True

    def _free_slot(self, bucket: str) -> None:
        self._downloads.ended()
        self._slots[bucket] -= 1
        if not self._slots[bucket]:
            del self._slots[bucket]

    def on_downloaded(self, event: Downloaded, now: float) -> None:
        """A body has come."""
        ref = event.item.ref
        self._free_slot(ref.bucket)
        self._read_at[ref.bucket] = now
        was_shut = self._scopes.everything is not None
        cleared = self._scopes.read(ref, now)
        if cleared or was_shut:
            self._look_s, self._looks = FIRST_LOOK_S, 0
            self._postponed.hurry(now + self._jitter())
            for scope in cleared:
                if scope.is_reported:
                    logger.info("%s: objects can be read again", scope.url)
        self._successes[ref.bucket] += 1
        if not self._postponed:
            self._complaint.settled()
        self._progress.s3_state = AwsState.WORKS
        self._chronicle.fetched(event.item, event.body.size_bytes, now)
        self._budget.charge(event.item, held_bytes(event.body))

    def on_failed(self, event: DownloadFailed, now: float) -> None:
        """Try again, or leave it to others, by the kind of failure."""
        item, error = event.item, event.error
        self._free_slot(item.ref.bucket)
        item.is_reading = False
        self._progress.downloads_failed += 1
        self._budget.release(item)
        if isinstance(error, RetriableError) and is_common(error):
            self._progress.s3_state = state_of(error)
        elif self._scopes.everything is None:
            self._progress.s3_state = AwsState.WORKS
        match error:
            case MissingObjectError() | PermanentError():
                self._scopes.undecided(item, now)
                self._end(item, error)
            case RetriableError():
                self._try_again(item, error, now)
            case _:
                raise error

    def report(self) -> None:
        """Say in the progress which buckets fail."""
        self._progress.failing_buckets.set(
            (bucket, state_of(scope.error), self._postponed.by_bucket[bucket])
            for bucket, scope in self._scopes.failing_buckets().items()
        )

    def _end(
        self, item: HeldObject, error: MissingObjectError | PermanentError
    ) -> None:
        if not item.is_wanted:
            return
        if isinstance(error, MissingObjectError):
            self._failing.on_missing_object(item, error)
        else:
            self._failing.on_bad_object(item, error, None)

    def _try_again(self, item: HeldObject, error: RetriableError, now: float) -> None:
        bucket = item.ref.bucket
        if not item.attempts:
            item.successes_before = self._successes[bucket]
        item.attempts += 1
        is_own = error.code in OWN_FAULTS
        is_alone = (
            self._successes[bucket] > item.successes_before
            and self._scopes.suspended(item.ref) is None
        )
        if item.attempts >= MAX_ATTEMPTS and (is_own or is_alone):
            self._scopes.undecided(item, now)
            if item.is_wanted:
                self._failing.on_unreadable_object(item, error)
            return
        if not is_own:
            self._scopes.failed(item, error, now)
        if (everything := self._scopes.everything) is not None:
            self._progress.s3_state = state_of(everything.error)
        if not item.is_wanted:
            return
        scope = self._scopes.suspended(item.ref)
        if scope is not None:
            self._postpone(item, scope, now)
            return
        self._postponed.add(item, now + retry_delay_s(item.attempts, self._jitter()))
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

    def _is_postponed(self, item: HeldObject, now: float) -> bool:
        """Put an object aside whose bucket or folder cannot be read."""
        scope = self._scopes.suspended(item.ref)
        if scope is None or scope.lets_try(item, now):
            return False
        self._postpone(item, scope, now)
        return True

    def _postpone(self, item: HeldObject, scope: Scope, now: float) -> None:
        if not scope.is_reported:
            scope.is_reported = True
            logger.error(
                "%s: its objects cannot be read: %s; they wait, one of them at a time "
                "is tried, and all others go on",
                scope.url,
                scope.error,
            )
        if self._postponed.admits(item):
            self._postponed.add(item, max(scope.try_at, now + FIRST_RETRY_S))
        else:
            self._leave(item, scope, now)

    def _leave(self, item: HeldObject, scope: Scope, now: float) -> None:
        delay_s = self._failing.on_no_room(item)
        if count := scope.leave(now):
            logger.warning(
                "%s: as many of its objects are held as there is room for; %d more "
                "were left to the queue, the last of them for %d s",
                scope.url,
                count,
                delay_s,
            )
