"""How the threads that call AWS hand their results to the worker's loop."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker.deliver.ledger import HeldMessage, HeldObject
    from worker.errors import TrailfeedError
    from worker.source.objects import Body
    from worker.source.queue import Depth, Failure, Message


@dataclass(frozen=True, slots=True)
class Received:
    """A receive call brought messages, or none."""

    messages: Sequence[Message]
    began_at: float


@dataclass(frozen=True, slots=True)
class ReceiveFailed:
    """A receive call, or the question for the queue's depth, failed."""

    error: TrailfeedError


@dataclass(frozen=True, slots=True)
class DepthTaken:
    """The queue said how many messages it has."""

    depth: Depth


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
    """A change of visibility ended, as an extension or a giving back."""

    holders: Sequence[HeldMessage]
    failures: Sequence[Failure]
    error: TrailfeedError | None = None


@dataclass(frozen=True, slots=True)
class ThreadCrashed:
    """A fault of trailfeed's own in one of its threads: the worker ends by it."""

    error: BaseException


Event = (
    Received
    | ReceiveFailed
    | DepthTaken
    | Downloaded
    | DownloadFailed
    | Deleted
    | DeleteFailed
    | VisibilityChanged
    | ThreadCrashed
)


class Inbox:
    """Events from any thread, for one loop that polls :meth:`fileno`."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._read_fd, self._write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        os.set_blocking(self._write_fd, False)

    def fileno(self) -> int:
        """Readable when there are events."""
        return self._read_fd

    def put(self, event: Event) -> None:
        """Append from any thread and wake the loop."""
        self._events.append(event)
        # A full pipe wakes the loop as well as one more byte would.
        with contextlib.suppress(BlockingIOError):
            os.write(self._write_fd, b"\0")

    def take(self) -> Iterator[Event]:
        """Yield what has come in, oldest first."""
        # Emptied before the events are read: one put in between wakes the loop again.
        with contextlib.suppress(BlockingIOError):
            os.read(self._read_fd, 65_536)
        while self._events:
            yield self._events.popleft()

    def close(self) -> None:
        os.close(self._read_fd)
        os.close(self._write_fd)
