"""Blocking calls to SQS and S3, in threads beside the loop."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from worker.deliver.inbox import (
    BlockFailed,
    BlockRead,
    Deleted,
    DeleteFailed,
    DepthFailed,
    DepthSampled,
    DepthTaken,
    Downloaded,
    DownloadFailed,
    Received,
    ReceiveFailed,
    VisibilityChanged,
)
from worker.deliver.threads import Threads
from worker.errors import DownloadError, TrailfeedError, is_bug
from worker.source.object_faults import READER_BUG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from typing_extensions import Buffer

    from worker.deliver.feed import Feed
    from worker.deliver.inbox import Inbox
    from worker.deliver.ledger import HeldMessage, HeldObject
    from worker.source.messages import Message
    from worker.source.notifications import ObjectRef
    from worker.source.objects import Body
    from worker.source.queue import Depth, Failure

logger = logging.getLogger(__name__)

BLOCK_THREADS = 2
RECEIVE_THREADS = 2
DELETE_THREADS = 2


class SourceQueue(Protocol):
    """What the loop needs of SQS: :class:`worker.source.queue.Queue`."""

    def receive(
        self, *, max_messages: int, wait_s: int, visibility_timeout_s: int
    ) -> list[Message]: ...

    def delete(self, messages: Sequence[Message]) -> tuple[Failure, ...]: ...

    def change_visibility(
        self, changes: Sequence[tuple[Message, int]]
    ) -> tuple[Failure, ...]: ...

    def depth(self) -> Depth: ...


class ObjectSource(Protocol):
    """What the loop needs of S3; :class:`worker.source.objects.ObjectReader`."""

    def read(self, ref: ObjectRef) -> Body: ...

    def read_more(self, ref: ObjectRef, body: Body, begin: int) -> Buffer: ...


class QueueCalls:
    """Receive, delete and visibility calls, each kind with threads of its own.

    A long poll holds its thread for up to 20 s, so it must not share one with deletes.
    """

    def __init__(
        self, source: SourceQueue, inbox: Inbox, clock: Callable[[], float]
    ) -> None:
        self._source = source
        self._inbox = inbox
        self._clock = clock
        self._receiving = Threads("sqs-receive", RECEIVE_THREADS, inbox)
        self._deleting = Threads("sqs-delete", DELETE_THREADS, inbox)
        # One: an extension must not overtake the giving back of the same message.
        self._changing = Threads("sqs-visibility", 1, inbox)
        self._sampling: Threads | None = None

    def receive(
        self, *, max_messages: int, wait_s: int, visibility_timeout_s: int
    ) -> None:
        """Order a receive: :class:`Received` or :class:`ReceiveFailed` follows."""

        def call() -> None:
            began_at = self._clock()
            try:
                messages = self._source.receive(
                    max_messages=max_messages,
                    wait_s=wait_s,
                    visibility_timeout_s=visibility_timeout_s,
                )
            except TrailfeedError as error:
                self._inbox.put(ReceiveFailed(error))
            else:
                self._inbox.put(Received(messages, began_at))

        self._receiving.order(call)

    def take_depth(self) -> None:
        """Order the queue's depth: :class:`DepthTaken` or :class:`DepthFailed`."""

        def call() -> None:
            try:
                depth = self._source.depth()
            except TrailfeedError as error:
                self._inbox.put(DepthFailed(error))
            else:
                self._inbox.put(DepthTaken(depth))

        self._receiving.order(call)

    def sample_depth(self) -> None:
        """Order the queue's depth beside all else: :class:`DepthSampled` follows."""

        def call() -> None:
            try:
                depth = self._source.depth()
            except TrailfeedError as error:
                self._inbox.put(DepthSampled(None, error))
            else:
                self._inbox.put(DepthSampled(depth))

        if self._sampling is None:  # most workers never ask
            self._sampling = Threads("sqs-depth", 1, self._inbox)
        self._sampling.order(call)

    def delete(self, holders: Sequence[HeldMessage]) -> None:
        """Order a delete: :class:`Deleted` or :class:`DeleteFailed` follows."""

        def call() -> None:
            try:
                failures = self._source.delete([h.message for h in holders])
            except TrailfeedError as error:
                self._inbox.put(DeleteFailed(holders, error))
            else:
                self._inbox.put(Deleted(holders, failures))

        self._deleting.order(call)

    def change_visibility(
        self, changes: Sequence[tuple[HeldMessage, int]], *, is_return: bool
    ) -> None:
        """Order timeouts in seconds; :class:`VisibilityChanged` follows."""

        def call() -> None:
            try:
                failures = self._source.change_visibility(
                    [(holder.message, timeout_s) for holder, timeout_s in changes]
                )
            except TrailfeedError as error:
                self._inbox.put(VisibilityChanged(changes, is_return, (), error))
            else:
                self._inbox.put(VisibilityChanged(changes, is_return, failures))

        self._changing.order(call)

    def close(self) -> None:
        """Make the deletes and visibility changes that are still ordered."""
        self._deleting.close()
        self._changing.close()


class QuickSource(Protocol):
    """What reads small objects without a thread each.

    In production :class:`worker.source.quick_gets.QuickGets`.
    """

    def fileno(self) -> int: ...

    def start(self, ticket: HeldObject, ref: ObjectRef) -> bool: ...

    def service(self) -> list[tuple[HeldObject, Body | None]]: ...

    def close(self) -> None: ...


class Downloads:
    """Concurrent reads of objects, at most ``concurrency`` at a time.

    Args:
        source: Reads any object, in a thread.
        inbox: Takes what it read.
        concurrency: Of both ways together.
        quick: Reads those that it takes; None: there is no such way.
    """

    def __init__(
        self,
        source: ObjectSource,
        inbox: Inbox,
        *,
        concurrency: int,
        quick: QuickSource | None = None,
    ) -> None:
        self._source = source
        self._inbox = inbox
        self._quick = quick
        self._concurrency = concurrency
        self._under_way = 0
        self._threads = Threads("s3-get", concurrency, inbox)

    @property
    def concurrency(self) -> int:
        """The most reads at a time."""
        return self._concurrency

    @property
    def has_room(self) -> bool:
        return self._under_way < self._concurrency

    @property
    def under_way(self) -> int:
        return self._under_way

    def fileno(self) -> int | None:
        """Readable when :meth:`service` has something to do; None: never."""
        return None if self._quick is None else self._quick.fileno()

    def start(self, item: HeldObject) -> None:
        """Order a read: :class:`Downloaded` or :class:`DownloadFailed` follows."""
        self._under_way += 1
        if self._quick is None or not self._quick.start(item, item.ref):
            self._order(item)

    def service(self) -> Iterator[Downloaded]:
        """Give what came the quick way; what did not is ordered the other way."""
        if self._quick is None:
            return
        for item, body in self._quick.service():
            if body is None:
                self._order(item)
            else:
                yield Downloaded(item, body)

    def close(self) -> None:
        """Let go of the connections."""
        if self._quick is not None:
            self._quick.close()

    def _order(self, item: HeldObject) -> None:
        def call() -> None:
            try:
                body = self._source.read(item.ref)
            except BaseException as error:  # noqa: BLE001 - raised again or told
                self._inbox.put(DownloadFailed(item, _failed_read(item.ref, error)))
            else:
                self._inbox.put(Downloaded(item, body))

        self._threads.order(call)

    def ended(self) -> None:
        """To be called by the loop for each result that it takes from the inbox."""
        self._under_way -= 1


class BlockReads:
    """Reads of further blocks, with threads of their own.

    So that large objects keep no small one waiting, nor the other way round.
    """

    def __init__(self, source: ObjectSource, inbox: Inbox) -> None:
        self._source = source
        self._inbox = inbox
        self._threads: Threads | None = None

    def start(self, feed: Feed) -> None:
        """Order a read: :class:`BlockRead` or :class:`BlockFailed` follows."""
        ref, body, begin = feed.item.ref, feed.body, feed.read_bytes

        def call() -> None:
            try:
                data = self._source.read_more(ref, body, begin)
            except BaseException as error:  # noqa: BLE001 - raised again or told
                self._inbox.put(BlockFailed(feed, _failed_read(ref, error)))
            else:
                self._inbox.put(BlockRead(feed, data))

        if self._threads is None:  # most workers never see a large object
            self._threads = Threads("s3-block", BLOCK_THREADS, self._inbox)
        self._threads.order(call)


def _failed_read(ref: ObjectRef, error: BaseException) -> TrailfeedError:
    """What a read raised, as a failure of that one object, where that is what it is."""
    if isinstance(error, TrailfeedError):
        return error
    if not is_bug(error):
        raise error
    logger.error("a bug kept an object from being read", exc_info=error)
    return DownloadError(
        READER_BUG, f"{ref.url}: reading failed by a bug ({error!r:.200})"
    )
