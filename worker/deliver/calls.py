"""The worker's threads: blocking calls to AWS, beside the loop.

Each takes orders from the loop, makes the call and puts what came of it into the
inbox. A thread that meets an error which nobody foresaw says so there too, and the
worker ends by it: no silent half-dead worker.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Protocol

from worker.deliver.inbox import (
    Deleted,
    DeleteFailed,
    DepthTaken,
    Downloaded,
    DownloadFailed,
    Received,
    ReceiveFailed,
    ThreadCrashed,
    VisibilityChanged,
)
from worker.errors import TrailfeedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.deliver.inbox import Inbox
    from worker.deliver.ledger import HeldMessage, HeldObject
    from worker.source.notifications import ObjectRef
    from worker.source.objects import Body
    from worker.source.queue import Depth, Failure, Message

RECEIVE_THREADS = 2
SETTLE_THREADS = 2
CLOSE_TIMEOUT_S = 5.0


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


class _Threads:
    """A few daemon threads that work off one list of orders."""

    def __init__(self, name: str, count: int, inbox: Inbox) -> None:
        self._inbox = inbox
        self._orders: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{n}", daemon=True)
            for n in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def order(self, call: Callable[[], None]) -> None:
        self._orders.put(call)

    def close(self) -> None:
        """Let the threads end after what is ordered; wait for it, not for ever."""
        for _ in self._threads:
            self._orders.put(None)
        for thread in self._threads:
            thread.join(CLOSE_TIMEOUT_S)

    def _work(self) -> None:
        while call := self._orders.get():
            try:
                call()
            except BaseException as error:  # noqa: BLE001 - the loop raises it
                self._inbox.put(ThreadCrashed(error))
                return


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
        self._receiving = _Threads("sqs-receive", RECEIVE_THREADS, inbox)
        self._settling = _Threads("sqs-settle", SETTLE_THREADS, inbox)

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
        """Order the queue's depth: :class:`DepthTaken` or :class:`ReceiveFailed`."""

        def call() -> None:
            try:
                depth = self._source.depth()
            except TrailfeedError as error:
                self._inbox.put(ReceiveFailed(error))
            else:
                self._inbox.put(DepthTaken(depth))

        self._receiving.order(call)

    def delete(self, holders: Sequence[HeldMessage]) -> None:
        """Order a delete: :class:`Deleted` or :class:`DeleteFailed` follows."""

        def call() -> None:
            try:
                failures = self._source.delete([h.message for h in holders])
            except TrailfeedError as error:
                self._inbox.put(DeleteFailed(holders, error))
            else:
                self._inbox.put(Deleted(holders, failures))

        self._settling.order(call)

    def change_visibility(self, changes: Sequence[tuple[HeldMessage, int]]) -> None:
        """Order timeouts in seconds; :class:`VisibilityChanged` follows."""

        def call() -> None:
            holders = [holder for holder, _ in changes]
            try:
                failures = self._source.change_visibility(
                    [(holder.message, timeout_s) for holder, timeout_s in changes]
                )
            except TrailfeedError as error:
                self._inbox.put(VisibilityChanged(holders, (), error))
            else:
                self._inbox.put(VisibilityChanged(holders, failures))

        self._settling.order(call)

    def close(self) -> None:
        """Make the deletes and visibility changes that are still ordered."""
        self._settling.close()


class Downloads:
    """Concurrent reads of objects, at most ``concurrency`` at a time."""

    def __init__(self, source: ObjectSource, inbox: Inbox, *, concurrency: int) -> None:
        self._source = source
        self._inbox = inbox
        self._concurrency = concurrency
        self._under_way = 0
        self._threads = _Threads("s3-get", concurrency, inbox)

    @property
    def has_room(self) -> bool:
        return self._under_way < self._concurrency

    @property
    def under_way(self) -> int:
        return self._under_way

    def start(self, item: HeldObject) -> None:
        """Order a read: :class:`Downloaded` or :class:`DownloadFailed` follows."""
        self._under_way += 1

        def call() -> None:
            try:
                body = self._source.read(item.ref)
            except TrailfeedError as error:
                self._inbox.put(DownloadFailed(item, error))
            else:
                self._inbox.put(Downloaded(item, body))

        self._threads.order(call)

    def ended(self) -> None:
        """To be called by the loop for each result that it takes from the inbox."""
        self._under_way -= 1
