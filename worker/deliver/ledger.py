"""Who still owes what: messages, their objects, and the chunks that carry them.

The ledger decides one thing: when a message may be deleted. That is when every object
that it names was emitted to its end and every segment of each of them was
acknowledged. It knows no queue, no socket and no clock.

A *segment* is a run of encoded records of one object; a chunk carries segments of many
objects, an object's segments may lie in many chunks.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker.source.notifications import ObjectRef
    from worker.source.queue import Message


class Fate(enum.Enum):
    """What becomes of a held message."""

    HELD = "held"
    COMPLETE = "complete"
    """Everything acknowledged: to be deleted."""
    ABANDONED = "abandoned"
    """Not to be deleted: SQS delivers it again."""


@dataclass(eq=False, slots=True)
class HeldObject:
    """One object of a held message, on its way.

    Attributes:
        open_segments: Segments emitted and not yet acknowledged.
        has_begun: Whether a record of it was handed to the bridge.
        is_emitted: Whether its last record was.
        attempts: Downloads that failed so far.
    """

    ref: ObjectRef
    holder: HeldMessage
    open_segments: int = 0
    has_begun: bool = False
    is_emitted: bool = False
    attempts: int = 0

    @property
    def is_wanted(self) -> bool:
        """Whether there is still a point in working on it."""
        return self.holder.fate is Fate.HELD


@dataclass(eq=False, slots=True)
class HeldMessage:
    """A received message, until it is deleted or given back.

    Attributes:
        received_at: Monotonic instant before the receive call that brought it.
        extend_at: Monotonic instant at which its visibility is extended next.
        unfinished: Objects not yet emitted and acknowledged to the end.
    """

    message: Message
    received_at: float
    extend_at: float
    objects: tuple[HeldObject, ...] = ()
    unfinished: int = 0
    fate: Fate = Fate.HELD

    @property
    def has_begun(self) -> bool:
        """Whether a record of any of its objects was handed to the bridge."""
        return any(item.has_begun for item in self.objects)


@dataclass(slots=True)
class Ledger:
    """All held messages of one worker, and the chunks under way.

    Attributes:
        objects_done: Objects emitted and acknowledged to the end, so far.
    """

    objects_done: int = 0
    _held: dict[str, HeldMessage] = field(default_factory=dict)
    _chunks: dict[str, tuple[HeldObject, ...]] = field(default_factory=dict)

    @property
    def held(self) -> Iterable[HeldMessage]:
        """The messages neither complete nor abandoned, oldest first."""
        return self._held.values()

    @property
    def held_count(self) -> int:
        return len(self._held)

    def hold(
        self,
        message: Message,
        refs: Sequence[ObjectRef],
        *,
        received_at: float,
        extend_at: float,
    ) -> HeldMessage:
        """Begin to hold a message that names ``refs``.

        A message received twice replaces its former self: the new receipt handle is
        the one that deletes, and what the old one emitted no longer counts for it.
        """
        former = self._held.get(message.id)
        if former is not None:
            self.abandon(former)
        holder = HeldMessage(message, received_at, extend_at)
        holder.objects = tuple(HeldObject(ref, holder) for ref in refs)
        holder.unfinished = len(holder.objects)
        self._held[message.id] = holder
        return holder

    def emit(self, item: HeldObject) -> None:
        """Count one more segment of ``item`` as emitted."""
        item.has_begun = True
        item.open_segments += 1

    def seal(self, chunk_id: str, items: tuple[HeldObject, ...]) -> None:
        """Name the chunk that carries one emitted segment of each of ``items``."""
        self._chunks[chunk_id] = items

    def acknowledge(self, chunk_id: str) -> list[HeldMessage]:
        """Settle a chunk's segments.

        Returns:
            The messages that are complete by it, to be deleted.
        """
        complete = []
        for item in self._chunks.pop(chunk_id, ()):
            item.open_segments -= 1
            if self._settle(item):
                complete.append(item.holder)
        return complete

    def finish(self, item: HeldObject) -> HeldMessage | None:
        """Note that the last record of ``item`` was emitted.

        Returns:
            Its message, when nothing is owed for that any more.
        """
        item.is_emitted = True
        return item.holder if self._settle(item) else None

    def complete(self, holder: HeldMessage) -> None:
        """Let go of a message that is to be deleted whatever its objects' state."""
        self._let_go(holder, Fate.COMPLETE)

    def abandon(self, holder: HeldMessage) -> bool:
        """Stop working on a message; it will not be deleted.

        Returns:
            False when it was complete or abandoned already.
        """
        if holder.fate is not Fate.HELD:
            return False
        self._let_go(holder, Fate.ABANDONED)
        return True

    def _let_go(self, holder: HeldMessage, fate: Fate) -> None:
        holder.fate = fate
        holder.objects = ()  # breaks the cycle: freed without the garbage collector
        del self._held[holder.message.id]

    def _settle(self, item: HeldObject) -> bool:
        """Whether ``item`` was the last thing its message waited for."""
        if not item.is_emitted or item.open_segments or not item.is_wanted:
            return False
        self.objects_done += 1
        item.holder.unfinished -= 1
        if item.holder.unfinished:
            return False
        self.complete(item.holder)
        return True
