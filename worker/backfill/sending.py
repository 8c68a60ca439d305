"""A backfill through the queue: its objects announced, batch after batch."""

from __future__ import annotations

import threading
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from plugin_bridge.forward.backoff import Backoff
from worker.backfill.pacing import BATCH
from worker.errors import AwsError, RetriableError
from worker.source.announcing import announcement
from worker.source.faults import (
    CLOCK_SKEW,
    CREDENTIALS_REFUSED,
    NO_CREDENTIALS,
    ROLE_REFUSED,
)
from worker.source.notifications import ObjectRef
from worker.source.queue import ACCESS_DENIED, NO_QUEUE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from worker.backfill.listing import Found
    from worker.backfill.pacing import Pacer
    from worker.backfill.run import Run
    from worker.backfill.walk import Leg
    from worker.source.queue import Depth

Answer = TypeVar("Answer")

BATCHES_AT_ONCE: Final = 4
"""Also the most that is sent twice when the process is killed."""

GIVE_UP_S: Final = 120.0
"""For so long a call that fails is tried again."""

_HOPELESS: Final = (
    ACCESS_DENIED,
    NO_QUEUE,
    NO_CREDENTIALS,
    CREDENTIALS_REFUSED,
    ROLE_REFUSED,
    CLOCK_SKEW,
)


class TargetQueue(Protocol):
    """What is needed of SQS: :class:`worker.source.queue.Queue`."""

    def send_batch(self, bodies: Sequence[str]) -> dict[int, str]: ...

    def depth(self) -> Depth: ...


class Watcher(Protocol):
    """Shows how far it came."""

    def look(
        self, objects: int, size_bytes: int, *, waiting_depth: int | None = None
    ) -> None:
        """Called often.

        Args:
            objects: Dealt with, those left out among them.
            size_bytes: Of those that were not.
            waiting_depth: Messages in the queue, while these are waited for.
        """


@dataclass(frozen=True, slots=True)
class Batch:
    """Objects that go with one call, and what is dealt with once they are sent."""

    objects: list[Found]
    left_out: Counter[str]
    cursor: str

    @property
    def size_bytes(self) -> int:
        return sum(one.size_bytes for one in self.objects)


def refs_of(
    objects: Sequence[Found], *, bucket: str, region: str | None, run_id: str
) -> list[ObjectRef]:
    """Objects as notifications of a run name them."""
    return [
        ObjectRef(
            bucket=bucket,
            key=one.key,
            version_id=one.version_id,
            etag=one.etag or None,
            size_bytes=one.size_bytes,
            region=region,
            event_time=one.modified.timestamp(),
            run_id=run_id,
        )
        for one in objects
    ]


def batches(legs: Iterator[Leg], size: int = BATCH) -> Iterator[Batch]:
    """Cut the way into full batches; the last one may be smaller.

    What a leg left out goes with the batch that ends it, or with a later one.
    """
    waiting: deque[Found] = deque()
    left_out: Counter[str] = Counter()
    last_key = ""
    for leg in legs:
        waiting.extend(leg.objects)
        last_key = leg.last_key
        while len(waiting) > size:
            objects = [waiting.popleft() for _ in range(size)]
            # The former legs are done with: less than a batch of them was waiting.
            yield Batch(objects, left_out, objects[-1].key)
            left_out = Counter()
        left_out += leg.left_out
        if len(waiting) == size or (left_out and not waiting):
            yield Batch([*waiting], left_out, last_key)
            waiting.clear()
            left_out = Counter()
    if waiting:
        yield Batch([*waiting], left_out, last_key)


class Sending:
    """Sends a run's objects, and notes what is sent.

    Args:
        run: Noted as it goes on.
        queue: Where the messages go.
        pacer: How fast.
        region: The bucket's; None: not known.
        in_sns: As for :func:`worker.source.announcing.announcement`.
        run_key: The same.
        watcher: Shows how far it came.
        clock: Monotonic, in seconds.
        jitter: Uniform in 0..1.
    """

    def __init__(
        self,
        run: Run,
        queue: TargetQueue,
        pacer: Pacer,
        *,
        region: str | None,
        in_sns: bool,
        run_key: bytes | None,
        watcher: Watcher,
        clock: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        self._run = run
        self._queue = queue
        self._pacer = pacer
        self._region = region
        self._in_sns = in_sns
        self._run_key = run_key
        self._watcher = watcher
        self._clock = clock
        self._jitter = jitter
        self._stop = threading.Event()

    def send(self, legs: Iterator[Leg]) -> None:
        """Send all of it. What was sent is noted, however this ends.

        Raises:
            RetriableError: S3 or SQS refuses, or fails for long.
        """
        under_way: deque[tuple[Batch, Future[None]]] = deque()
        with ThreadPoolExecutor(BATCHES_AT_ONCE, "sqs-send") as threads:
            try:
                for batch in batches(legs):
                    self._await_leave(len(batch.objects))
                    under_way.append((batch, threads.submit(self._deliver, batch)))
                    while len(under_way) >= BATCHES_AT_ONCE or (
                        under_way and under_way[0][1].done()
                    ):
                        self._note(*under_way[0])
                        under_way.popleft()
                    self._show()
            except BaseException:
                self._stop.set()
                self._note_sent(under_way)
                raise
            while under_way:
                self._note(*under_way[0])
                under_way.popleft()
                self._show()

    def _note_sent(self, under_way: deque[tuple[Batch, Future[None]]]) -> None:
        """Note what was sent without a gap, after a fault."""
        for batch, sent in under_way:
            if sent.exception() is not None:
                break
            self._note(batch, sent)

    def _note(self, batch: Batch, sent: Future[None]) -> None:
        sent.result()
        self._run.standing.add(
            len(batch.objects), batch.size_bytes, batch.left_out, batch.cursor
        )
        self._run.note()

    def _await_leave(self, count: int) -> None:
        """Wait until a batch may go."""
        while count:
            if self._pacer.wants_depth(self._clock()):
                depth = self._ask_depth()
                self._pacer.on_depth(depth, self._clock())
            wait_s = self._pacer.wait_s(count, self._clock())
            if not wait_s:
                self._pacer.sent(count)
                return
            is_too_deep = self._pacer.waits_since is not None
            self._show(self._pacer.depth if is_too_deep else None)
            self._stop.wait(min(wait_s, 1.0))

    def _show(self, waiting_depth: int | None = None) -> None:
        standing = self._run.standing
        self._watcher.look(
            standing.dealt_with, standing.size_bytes, waiting_depth=waiting_depth
        )

    def _ask_depth(self) -> int:
        def ask() -> int:
            depth = self._queue.depth()
            return depth.visible + depth.delayed

        return self._patiently(ask)

    def _deliver(self, batch: Batch) -> None:
        refs = refs_of(
            batch.objects,
            bucket=self._run.request.bucket,
            region=self._region,
            run_id=self._run.run_id,
        )
        bodies = [
            announcement(ref, in_sns=self._in_sns, run_key=self._run_key)
            for ref in refs
        ]

        def send() -> None:
            nonlocal bodies
            refused = self._queue.send_batch(bodies)
            if refused:
                said = next(iter(refused.values()))
                bodies = [bodies[place] for place in sorted(refused)]
                raise AwsError("refused", f"SQS refused {len(bodies)} messages: {said}")

        if bodies:
            self._patiently(send)

    def _patiently(self, call: Callable[[], Answer]) -> Answer:
        """Make a call, again and again where that may help.

        Raises:
            RetriableError: It does not help, or did not for long.
        """
        backoff = Backoff()
        give_up_at = self._clock() + GIVE_UP_S
        while True:
            try:
                return call()
            except RetriableError as error:
                is_over = self._clock() >= give_up_at or self._stop.is_set()
                if error.code in _HOPELESS or is_over:
                    raise
            self._stop.wait(backoff.next_delay_s(self._jitter()))
