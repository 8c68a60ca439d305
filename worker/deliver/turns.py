"""Whose turn it is to be decoded.

One object at a time, in the order in which they came, with three exceptions:

- A large one steps back whenever its next block is not here yet, and after each block
  where others wait: many small ones need not wait for the end of it.
- No more large ones are begun at once than keep the decoder busy.
- One that turns out to need more memory than there is lets all others go before it, and
  then runs alone.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.decode.limits import MAX_STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.deliver.feed import Feed
    from worker.deliver.inbox import Downloaded
    from worker.deliver.ledger import HeldObject
    from worker.deliver.outcomes import Before
    from worker.deliver.segments import Segment
    from worker.source.objects import Body


@dataclass(eq=False, slots=True)
class Decoding:
    """An object whose decoding was begun.

    Attributes:
        body: Without its bytes where they come through ``feed``.
        feed: Of a large object.
        segments: What is still to come out of it.
        charged_bytes: What it holds, by itself.
        before: What was counted when it was begun.
        least_bytes: What it is charged for at least: the whole budget, so that nothing
            else is begun, once it had to let others go before it.
        turn_began_at: How many blocks its feed had given when its turn began.
        emitted: Records that came out of it.
    """

    item: HeldObject
    body: Body
    feed: Feed | None
    segments: Iterator[Segment]
    charged_bytes: int
    before: Before
    least_bytes: int = 0
    turn_began_at: int = 0
    emitted: int = 0


class Turns:
    """The objects whose last record was not emitted yet, but for the current one."""

    def __init__(self) -> None:
        self._queue: deque[Downloaded | Decoding] = deque()
        self._large: deque[Downloaded] = deque()
        self._waiting: list[Decoding] = []
        self._parked: deque[Decoding] = deque()
        self._streams = 0

    def __len__(self) -> int:
        return (
            len(self._queue) + len(self._large) + len(self._waiting) + len(self._parked)
        )

    @property
    def has_next(self) -> bool:
        """Whether there is one that a turn is of use to."""
        return bool(self._queue or self._parked) or any(
            _is_ready(work) for work in self._waiting
        )

    @property
    def has_others(self) -> bool:
        """Whether one can go on that did not have to let others go before it."""
        return bool(self._queue)

    def go_before(self, work: Decoding) -> bool:
        """Whether any may go before one that needs more memory than there is."""
        return self.has_others or bool(self._parked and not work.least_bytes)

    def add(self, event: Downloaded) -> None:
        """Put a body at the end."""
        if event.body.is_whole:
            self._queue.append(event)
        elif self._streams < MAX_STREAMS:
            self._streams += 1
            self._queue.append(event)
        else:
            self._large.append(event)

    def next(self) -> Downloaded | Decoding | None:
        """Take out the next one; None where there is none that can go on."""
        if self._waiting:
            ready = [work for work in self._waiting if _is_ready(work)]
            self._waiting = [work for work in self._waiting if not _is_ready(work)]
            self._queue.extendleft(ready)
        if self._queue:
            return self._queue.popleft()
        return self._parked.popleft() if self._parked else None

    def wait(self, work: Decoding) -> None:
        """Put one aside until its next block is here."""
        self._waiting.append(work)

    def step_back(self, work: Decoding) -> None:
        """Put one at the end."""
        self._queue.append(work)

    def park(self, work: Decoding) -> None:
        """Put one aside until no other can go on."""
        if work.least_bytes:  # it was parked before, and is the first of these
            self._parked.appendleft(work)
        else:
            self._parked.append(work)

    def large_ended(self) -> None:
        """A large object will have no more turns: another one may be begun."""
        if self._large:
            self._queue.append(self._large.popleft())
        else:
            self._streams -= 1


def _is_ready(work: Decoding) -> bool:
    return work.feed is None or not work.feed.is_waiting
