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
from typing import TYPE_CHECKING, Protocol

from worker.deliver.journal_batch import claimant_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plugin_bridge.client import Chunk
    from worker.deliver.budget import Budget
    from worker.deliver.journal_batch import ObjectKey
    from worker.source.messages import Message
    from worker.source.notifications import ObjectRef


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
        claimant: Tells apart all objects that a worker ever held.
        key: What the journal knows it by, once that is known.
        acked_records: Source records acknowledged without a gap from the first.
        total_records: Source records in the object, once it was read to its end.
        open_segments: Segments emitted and not yet acknowledged.
        decoding_began: Whether it was begun to take it apart.
        has_begun: Whether a record of it was handed to the bridge.
        is_emitted: Whether its last record was.
        is_skipped: Its last record was not, and will not be.
        is_reading: Whether its download began, and has not failed since.
        is_postponed: Whether it waits for S3 to give it, or its neighbours.
        attempts: Downloads that failed so far.
        successes_before: The worker's successful downloads at the first of these.
    """

    ref: ObjectRef
    holder: HeldMessage
    claimant: str
    key: ObjectKey | None = None
    acked_records: int = 0
    total_records: int = 0
    open_segments: int = 0
    decoding_began: bool = False
    has_begun: bool = False
    is_emitted: bool = False
    is_skipped: bool = False
    is_reading: bool = False
    is_postponed: bool = False
    attempts: int = 0
    successes_before: int = 0
    _out_of_order: dict[int, int] = field(default_factory=dict)

    @property
    def is_wanted(self) -> bool:
        """Whether there is still a point in working on it."""
        return self.holder.fate is Fate.HELD

    @property
    def message_bytes(self) -> int:
        """Its part of its message's body, which is held for its sake."""
        holder = self.holder
        return len(holder.message.body) // max(holder.objects_named, 1)

    def advance(self, first: int, end: int) -> bool:
        """Count the source records ``first`` to ``end`` (exclusive) as acknowledged.

        Returns:
            Whether :attr:`acked_records` has grown.
        """
        self._out_of_order[first] = end
        before = self.acked_records
        while (until := self._out_of_order.pop(self.acked_records, None)) is not None:
            self.acked_records = until
        return self.acked_records > before


@dataclass(eq=False, slots=True)
class HeldMessage:
    """A received message, until it is deleted or given back.

    Attributes:
        received_at: Monotonic instant before the receive call that brought it.
        extend_at: Monotonic instant at which its visibility is extended next.
        objects_named: How many objects there are, or were.
        unfinished: Objects not yet emitted and acknowledged to the end.
        return_reason: Why it goes back to the queue, if it does.
        is_inherited: A worker that died had received it, and its journal's note of it
            stays.
        is_hidden: Whether SQS is known to keep it from others. Of what was inherited
            it is not, before its visibility was extended for the first time.
    """

    message: Message
    received_at: float
    extend_at: float
    objects: tuple[HeldObject, ...] = ()
    objects_named: int = 0
    unfinished: int = 0
    fate: Fate = Fate.HELD
    return_reason: str = ""
    is_inherited: bool = False
    is_hidden: bool = True
    held_bytes: int = 0

    @property
    def has_begun(self) -> bool:
        """Whether a record of any of its objects was handed to the bridge."""
        return any(item.has_begun for item in self.objects)

    @property
    def is_being_decoded(self) -> bool:
        """Whether any of its objects is taken apart, and not to its end yet."""
        return any(one.decoding_began and not one.is_emitted for one in self.objects)

    @property
    def is_emitted(self) -> bool:
        """Whether nothing but acknowledgements is left to come."""
        return bool(self.objects) and all(one.is_emitted for one in self.objects)


@dataclass(frozen=True, slots=True)
class Span:
    """Source records of one object that a chunk carries, in decode order.

    Attributes:
        first: Index of the first of them.
        end: Index after the last.
        entries: How many of them are in the chunk; filters may have left some out.
        indices: Of those that are in the chunk; None: all are.
    """

    item: HeldObject
    first: int
    end: int
    entries: int
    indices: tuple[int, ...] | None = None

    @property
    def first_entry(self) -> int:
        """Index of the first record that is in the chunk."""
        return self.first if self.indices is None else self.indices[0]

    def cut(self, entries: int) -> tuple[Span, Span]:
        """Take apart after so many entries, at least one before and one behind."""
        if self.indices is None:
            middle = self.first + entries
            return (
                Span(self.item, self.first, middle, entries),
                Span(self.item, middle, self.end, self.entries - entries),
            )
        middle = self.indices[entries]
        return (
            Span(self.item, self.first, middle, entries, self.indices[:entries]),
            Span(
                self.item,
                middle,
                self.end,
                self.entries - entries,
                self.indices[entries:],
            ),
        )


class Witness(Protocol):
    """Who is told what the ledger sees: the journal's side of the worker."""

    def on_held(self, holder: HeldMessage) -> None:
        """A message is held from now on."""
        ...

    def on_advanced(self, item: HeldObject) -> None:
        """More source records of an object are acknowledged without a gap."""
        ...

    def on_finished(self, item: HeldObject) -> None:
        """All of an object is acknowledged."""
        ...

    def on_dropped(self, item: HeldObject) -> None:
        """An object will not be finished, and nothing of it is under way any more."""
        ...

    def on_abandoned(self, holder: HeldMessage) -> None:
        """A message is not held any more, and will not be deleted."""
        ...


@dataclass(slots=True)
class Ledger:
    """All held messages of one worker, and the chunks under way.

    Attributes:
        objects_done: Objects emitted and acknowledged to the end, so far.
        budget: Charged for the messages, if any.
    """

    witness: Witness
    objects_done: int = 0
    budget: Budget | None = None
    _held: dict[str, HeldMessage] = field(default_factory=dict)
    _chunks: dict[str, tuple[Span, ...]] = field(default_factory=dict)
    _claimants: int = 0

    @property
    def held(self) -> Iterable[HeldMessage]:
        """The messages neither complete nor abandoned, oldest first."""
        return self._held.values()

    def holds(self, message_id: str) -> bool:
        """Whether a message is held."""
        return message_id in self._held

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
        is_inherited: bool = False,
    ) -> HeldMessage:
        """Begin to hold a message that names ``refs``.

        A message received twice replaces its former self: the new receipt handle is
        the one that deletes, and what the old one emitted no longer counts for it.
        """
        former = self._held.get(message.id)
        if former is not None:
            self.abandon(former)
        holder = HeldMessage(message, received_at, extend_at)
        holder.is_inherited, holder.is_hidden = is_inherited, not is_inherited
        holder.objects = tuple(
            HeldObject(ref, holder, claimant_of(message.id, self._claimants + n))
            for n, ref in enumerate(refs)
        )
        self._claimants += len(refs)
        holder.unfinished = holder.objects_named = len(holder.objects)
        self._held[message.id] = holder
        if self.budget is not None:
            holder.held_bytes = self.budget.hold_message(message.body, len(refs))
        self.witness.on_held(holder)
        return holder

    def emit(self, item: HeldObject) -> None:
        """Count one more segment of ``item`` as emitted."""
        item.has_begun = True
        item.open_segments += 1

    def seal(self, chunk_id: str, spans: tuple[Span, ...]) -> None:
        """Name the chunk that carries emitted segments, one for each of ``spans``."""
        self._chunks[chunk_id] = spans

    def halve(self, chunk_id: str, first: Chunk, second: Chunk) -> None:
        """Put two chunks with the same entries in the place of one."""
        spans: tuple[list[Span], list[Span]] = ([], [])
        left = first.count
        for span in self._chunks.pop(chunk_id):
            if left >= span.entries:
                spans[0].append(span)
            elif left <= 0:
                spans[1].append(span)
            else:
                former, latter = span.cut(left)
                span.item.open_segments += 1
                spans[0].append(former)
                spans[1].append(latter)
            left -= span.entries
        self._chunks[first.id] = tuple(spans[0])
        self._chunks[second.id] = tuple(spans[1])

    def spans_of(self, chunk_id: str) -> tuple[Span, ...]:
        """What a chunk under way carries."""
        return self._chunks[chunk_id]

    def drop(self, chunk_id: str) -> None:
        """Give up a chunk whose message is abandoned: it will not be acknowledged."""
        for span in self._chunks.pop(chunk_id):
            span.item.open_segments -= 1
            self._settle(span.item)

    def acknowledge(self, chunk_id: str) -> list[HeldMessage]:
        """Settle a chunk's segments.

        Returns:
            The messages that are complete by it, to be deleted.
        """
        complete = []
        for span in self._chunks.pop(chunk_id, ()):
            item = span.item
            item.open_segments -= 1
            if span.end > span.first and item.advance(span.first, span.end):
                self.witness.on_advanced(item)
            if self._settle(item):
                complete.append(item.holder)
        return complete

    def skip(self, item: HeldObject) -> HeldMessage | None:
        """Owe nothing of ``item``, as it was delivered before or will not be.

        Returns:
            Its message, when nothing is owed for that any more.
        """
        item.is_skipped = True
        return self.finish(item)

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

    def abandon(self, holder: HeldMessage, *, is_left: bool = False) -> bool:
        """Stop working on a message; it will not be deleted.

        Args:
            holder: The message.
            is_left: The successor goes on with it, so the journal must not forget it.

        Returns:
            False when it was complete or abandoned already.
        """
        if holder.fate is not Fate.HELD:
            return False
        objects = holder.objects
        self._let_go(holder, Fate.ABANDONED)
        if not is_left:
            self.witness.on_abandoned(holder)
        for item in objects:
            if not item.open_segments:
                self.witness.on_dropped(item)
        return True

    def _let_go(self, holder: HeldMessage, fate: Fate) -> None:
        holder.fate = fate
        holder.objects = ()  # breaks the cycle: freed without the garbage collector
        del self._held[holder.message.id]
        if self.budget is not None:
            self.budget.messages_bytes -= holder.held_bytes

    def _settle(self, item: HeldObject) -> bool:
        """Whether ``item`` was the last thing its message waited for."""
        if item.open_segments:
            return False
        if not item.is_wanted:
            self.witness.on_dropped(item)
            return False
        if not item.is_emitted:
            return False
        self.objects_done += not item.is_skipped
        self.witness.on_finished(item)
        item.holder.unfinished -= 1
        if item.holder.unfinished:
            return False
        self.complete(item.holder)
        return True
