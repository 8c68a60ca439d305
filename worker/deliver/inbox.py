"""How the threads that call AWS hand their results to the worker's loop."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from typing_extensions import Buffer

    from worker.deliver.feed import Feed
    from worker.deliver.inheritance import Inherited
    from worker.deliver.journal_batch import ObjectKey, Standing
    from worker.deliver.ledger import HeldMessage, HeldObject
    from worker.errors import PermanentError, RetriableError, TrailfeedError
    from worker.source.messages import Message
    from worker.source.objects import Body
    from worker.source.queue import Depth, Failure


@dataclass(frozen=True, slots=True)
class Received:
    """A receive call brought messages, or none."""

    messages: Sequence[Message]
    began_at: float


@dataclass(frozen=True, slots=True)
class ReceiveFailed:
    """A receive call failed."""

    error: TrailfeedError


@dataclass(frozen=True, slots=True)
class DepthTaken:
    """The queue said how many messages it has."""

    depth: Depth


@dataclass(frozen=True, slots=True)
class DepthFailed:
    """It did not."""

    error: TrailfeedError


@dataclass(frozen=True, slots=True)
class DepthSampled:
    """The same, asked for its own sake; None with the error that kept SQS from it."""

    depth: Depth | None
    error: TrailfeedError | None = None


@dataclass(frozen=True, slots=True)
class Downloaded:
    """An object's body is here."""

    item: HeldObject
    body: Body


@dataclass(frozen=True, slots=True)
class DownloadFailed:
    """An object could not be read."""

    item: HeldObject
    error: TrailfeedError


@dataclass(frozen=True, slots=True)
class BlockRead:
    """The next block of a large object is here."""

    feed: Feed
    data: Buffer


@dataclass(frozen=True, slots=True)
class BlockFailed:
    """It could not be read."""

    feed: Feed
    error: TrailfeedError


@dataclass(frozen=True, slots=True)
class Deleted:
    """A delete call ended; ``failures`` names the messages that it did not delete."""

    holders: Sequence[HeldMessage]
    failures: Sequence[Failure]


@dataclass(frozen=True, slots=True)
class DeleteFailed:
    """A delete call failed as a whole."""

    holders: Sequence[HeldMessage]
    error: TrailfeedError


@dataclass(frozen=True, slots=True)
class VisibilityChanged:
    """A change of visibility ended.

    Attributes:
        changes: Messages, each with the seconds that it was to stay hidden.
        is_return: They were given back; else, extended.
        failures: Those that SQS refused.
        error: The call failed as a whole.
    """

    changes: Sequence[tuple[HeldMessage, int]]
    is_return: bool
    failures: Sequence[Failure] = ()
    error: TrailfeedError | None = None


@dataclass(frozen=True, slots=True)
class JournalOpened:
    """The journal is open, and says what earlier workers held."""

    inherited: Sequence[Inherited]


@dataclass(frozen=True, slots=True)
class Committed:
    """The journal has noted a batch, and says how the objects stand."""

    standings: Mapping[ObjectKey, Standing]


@dataclass(frozen=True, slots=True)
class CommitFailed:
    """The journal noted nothing of a batch."""

    error: TrailfeedError


@dataclass(frozen=True, slots=True)
class QuarantineCase:
    """What is to be quarantined, and why.

    Attributes:
        item: The object at fault; None: the whole message.
        stored: The object as stored; what is missing of it is read again.
        body: With a chunk, of the one record in it.
        chunk_id: Of a chunk with a single record that the receiver refuses.
        record_index: That record's place in the object.
    """

    holder: HeldMessage
    item: HeldObject | None
    error: PermanentError | RetriableError
    stored: Body | None = None
    body: Buffer | None = None
    chunk_id: str | None = None
    record_index: int | None = None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A copy is safe on disk."""

    case: QuarantineCase
    quarantine_id: str


@dataclass(frozen=True, slots=True)
class QuarantineFailed:
    """It is not."""

    case: QuarantineCase
    failure: TrailfeedError


@dataclass(frozen=True, slots=True)
class ThreadCrashed:
    """A fault of trailfeed's own in one of its threads: the worker ends by it."""

    error: BaseException


QueueEvent = (
    Received
    | ReceiveFailed
    | DepthTaken
    | DepthFailed
    | DepthSampled
    | Deleted
    | DeleteFailed
    | VisibilityChanged
)
DiskEvent = JournalOpened | Committed | CommitFailed | Quarantined | QuarantineFailed
BlockEvent = BlockRead | BlockFailed
Event = (
    QueueEvent | DiskEvent | BlockEvent | Downloaded | DownloadFailed | ThreadCrashed
)


class Inbox:
    """Events from any thread, for one loop that polls :meth:`fileno`."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._is_signalled = False
        self._read_fd, self._write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        os.set_blocking(self._write_fd, False)

    def fileno(self) -> int:
        """Readable when there are events."""
        return self._read_fd

    def put(self, event: Event) -> None:
        """Append from any thread and wake the loop."""
        self._events.append(event)
        # A byte that waits in the pipe wakes it as well as one more would. Two threads
        # that get here at once may both write: that does no harm.
        if not self._is_signalled:
            self._is_signalled = True
            with contextlib.suppress(BlockingIOError):
                os.write(self._write_fd, b"\0")

    def take(self) -> Iterator[Event]:
        """Yield what has come in, oldest first."""
        # Emptied before the events are read: one put in between wakes the loop again.
        with contextlib.suppress(BlockingIOError):
            os.read(self._read_fd, 65_536)
        self._is_signalled = False
        while self._events:
            yield self._events.popleft()

    def close(self) -> None:
        os.close(self._read_fd)
        os.close(self._write_fd)
