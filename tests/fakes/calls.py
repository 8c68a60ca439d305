"""AWS calls that are only written down; a test answers them itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.source.messages import Message
from worker.source.notifications import ObjectRef
from worker.source.queue import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from worker.deliver.feed import Feed
    from worker.deliver.journal_batch import Batch
    from worker.deliver.ledger import HeldMessage, HeldObject


def make_message(
    number: int,
    body: str = "",
    *,
    receive_count: int = 1,
    handle: str = "handle",
    sent_at: datetime | None = None,
) -> Message:
    return Message(
        id=f"m{number}",
        receipt_handle=handle,
        body=body,
        receive_count=receive_count,
        sent_at=sent_at,
    )


def make_refs(
    count: int, *, size_bytes: int = 1500, bucket: str = "bucket"
) -> list[ObjectRef]:
    return [ObjectRef(bucket, f"key-{n}", size_bytes=size_bytes) for n in range(count)]


def make_failure(holder: HeldMessage, code: str, *, handle_lost: bool) -> Failure:
    return Failure(holder.message, code, "said SQS", handle_lost=handle_lost)


@dataclass
class RecordedQueueCalls:
    """In place of :class:`worker.deliver.calls.QueueCalls`."""

    receives: list[int] = field(default_factory=list)
    depths: int = 0
    deletes: list[list[HeldMessage]] = field(default_factory=list)
    changes: list[list[tuple[HeldMessage, int]]] = field(default_factory=list)
    returns: list[bool] = field(default_factory=list)

    def receive(
        self, *, max_messages: int, wait_s: int, visibility_timeout_s: int
    ) -> None:
        del wait_s, visibility_timeout_s
        self.receives.append(max_messages)

    def take_depth(self) -> None:
        self.depths += 1

    def delete(self, holders: Sequence[HeldMessage]) -> None:
        self.deletes.append(list(holders))

    def change_visibility(
        self, changes: Sequence[tuple[HeldMessage, int]], *, is_return: bool
    ) -> None:
        self.changes.append(list(changes))
        self.returns += [is_return] * len(changes)


@dataclass
class RecordedCommits:
    """In place of :class:`worker.deliver.disk.JournalCalls`."""

    batches: list[Batch] = field(default_factory=list)

    def commit(self, batch: Batch) -> None:
        self.batches.append(batch)


@dataclass
class RecordedDownloads:
    """In place of :class:`worker.deliver.calls.Downloads`."""

    concurrency: int = 16
    started: list[HeldObject] = field(default_factory=list)
    under_way: int = 0

    @property
    def has_room(self) -> bool:
        return self.under_way < self.concurrency

    def start(self, item: HeldObject) -> None:
        self.under_way += 1
        self.started.append(item)

    def ended(self) -> None:
        self.under_way -= 1


@dataclass
class RecordedBlockReads:
    """In place of :class:`worker.deliver.calls.BlockReads`."""

    started: list[Feed] = field(default_factory=list)

    def start(self, feed: Feed) -> None:
        self.started.append(feed)


class SilentWitness:
    """A ledger's witness that notes nothing."""

    def on_held(self, holder: HeldMessage) -> None: ...

    def on_advanced(self, item: HeldObject) -> None: ...

    def on_finished(self, item: HeldObject) -> None: ...

    def on_dropped(self, item: HeldObject) -> None: ...

    def on_abandoned(self, holder: HeldMessage) -> None: ...
