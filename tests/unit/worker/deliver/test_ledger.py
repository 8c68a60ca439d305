"""The ledger: no message deleted early, none forgotten, in any order of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
)

from tests.fakes.calls import SilentWitness
from worker.deliver.ledger import Fate, HeldMessage, HeldObject, Ledger, Span
from worker.source.messages import Message
from worker.source.notifications import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Sequence


def message(number: int = 0, *, handle: str = "handle") -> Message:
    return Message(
        id=f"m{number}", receipt_handle=handle, body="", receive_count=1, sent_at=None
    )


def refs(count: int) -> list[ObjectRef]:
    return [ObjectRef("bucket", f"key-{n}") for n in range(count)]


def hold(ledger: Ledger, number: int, objects: int) -> HeldMessage:
    return ledger.hold(message(number), refs(objects), received_at=0.0, extend_at=1.0)


def test_a_message_completes_with_the_last_ack_of_its_last_object() -> None:
    ledger = Ledger(SilentWitness())
    holder = hold(ledger, 0, 2)
    first, second = holder.objects
    for item in (first, first, second):
        ledger.emit(item)
    ledger.seal("a", (Span(first, 0, 1, 1),))
    ledger.seal("b", (Span(first, 1, 2, 1), Span(second, 0, 1, 1)))
    assert ledger.finish(first) is None
    assert ledger.acknowledge("b") == []
    assert ledger.finish(second) is None
    assert ledger.acknowledge("a") == [holder]
    assert holder.fate is Fate.COMPLETE
    assert ledger.held_count == 0
    assert ledger.objects_done == 2


def test_an_object_without_records_completes_when_it_is_finished() -> None:
    ledger = Ledger(SilentWitness())
    holder = hold(ledger, 0, 1)
    assert ledger.finish(holder.objects[0]) is holder


def test_acks_of_an_abandoned_message_complete_nothing() -> None:
    ledger = Ledger(SilentWitness())
    holder = hold(ledger, 0, 1)
    (item,) = holder.objects
    ledger.emit(item)
    ledger.seal("a", (Span(item, 0, 1, 1),))
    ledger.finish(item)
    assert ledger.abandon(holder)
    assert ledger.acknowledge("a") == []
    assert not ledger.abandon(holder)
    assert holder.fate is Fate.ABANDONED


def test_an_unknown_chunk_settles_nothing() -> None:
    assert Ledger(SilentWitness()).acknowledge("never sealed") == []


def test_a_message_received_again_replaces_its_former_self() -> None:
    ledger = Ledger(SilentWitness())
    former = hold(ledger, 0, 1)
    (item,) = former.objects
    ledger.emit(item)
    ledger.seal("a", (Span(item, 0, 1, 1),))
    ledger.finish(item)
    latter = ledger.hold(
        message(0, handle="newer"), refs(1), received_at=5.0, extend_at=6.0
    )
    assert ledger.acknowledge("a") == []
    assert former.fate is Fate.ABANDONED
    assert list(ledger.held) == [latter]


class LedgerMachine(RuleBasedStateMachine):
    """Any interleaving of emissions, acks, losses and abandonments.

    The model keeps, for each message, what it still owes, in the plainest way.
    """

    objects = Bundle("objects")
    chunks = Bundle("chunks")

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(SilentWitness())
        self.numbers = 0
        self.owed: dict[HeldMessage, set[object]] = {}
        self.open: list[HeldObject] = []
        self.deleted: list[HeldMessage] = []

    def _expect(self, complete: Sequence[HeldMessage]) -> None:
        expected = [
            holder
            for holder, owed in self.owed.items()
            if not owed and holder not in self.deleted
        ]
        assert sorted(h.message.id for h in complete) == sorted(
            h.message.id for h in expected
        )
        self.deleted += complete

    @rule(target=objects, count=st.integers(1, 3))
    def receive(self, count: int) -> list[HeldObject]:
        self.numbers += 1
        holder = hold(self.ledger, self.numbers, count)
        self.owed[holder] = {("emit", n) for n in range(count)}
        return list(holder.objects)

    def _index(self, item: HeldObject) -> int:
        return int(item.ref.key.removeprefix("key-"))

    @rule(items=objects, pick=st.integers(0, 2))
    def emit(self, items: list[HeldObject], pick: int) -> None:
        item = items[pick % len(items)]
        if item.is_emitted or not item.is_wanted:
            return
        self.ledger.emit(item)
        self.open.append(item)
        if item.holder in self.owed:
            self.owed[item.holder].add(("segment", len(self.open), id(item)))

    @rule(target=chunks)
    def seal(self) -> str:
        self.numbers += 1
        chunk = f"c{self.numbers}"
        self.ledger.seal(chunk, tuple(Span(item, 0, 1, 1) for item in self.open))
        for position, item in enumerate(self.open, 1):
            owed = self.owed.get(item.holder)
            if owed is not None:
                owed.discard(("segment", position, id(item)))
                owed.add((chunk, position))
        self.open = []
        return chunk

    @rule(items=objects, pick=st.integers(0, 2))
    def finish(self, items: list[HeldObject], pick: int) -> None:
        item = items[pick % len(items)]
        if item.is_emitted or not item.is_wanted:
            return
        complete = self.ledger.finish(item)
        self.owed[item.holder].discard(("emit", self._index(item)))
        self._expect([complete] if complete else [])

    @rule(chunk=consumes(chunks))
    def acknowledge(self, chunk: str) -> None:
        complete = self.ledger.acknowledge(chunk)
        for owed in self.owed.values():
            owed -= {entry for entry in owed if entry[0] == chunk}  # type: ignore[index]
        self._expect(complete)

    @rule(items=objects)
    def abandon(self, items: list[HeldObject]) -> None:
        holder = items[0].holder
        was_held = holder in self.owed and holder not in self.deleted
        assert self.ledger.abandon(holder) is was_held
        self.owed.pop(holder, None)

    @invariant()
    def nothing_is_forgotten(self) -> None:
        assert set(self.ledger.held) == set(self.owed) - set(self.deleted)


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=300, stateful_step_count=40)


@given(st.sets(st.integers(0, 30), min_size=2), st.integers(0, 5), st.data())
def test_a_span_is_cut_where_its_entries_lie(
    chosen: set[int], dropped_behind: int, data: st.DataObject
) -> None:
    ledger = Ledger(SilentWitness())
    (item,) = hold(ledger, 1, 1).objects
    indices = tuple(sorted(chosen))
    whole = Span(item, 0, indices[-1] + 1 + dropped_behind, len(indices), indices)
    entries = data.draw(st.integers(1, len(indices) - 1))
    former, latter = whole.cut(entries)

    assert (former.first, former.end, latter.end) == (0, latter.first, whole.end)
    assert former.indices == indices[:entries]
    assert latter.indices == indices[entries:]
    assert (former.entries, latter.entries) == (entries, len(indices) - entries)
    assert (former.first_entry, latter.first_entry) == (indices[0], indices[entries])
    assert former.end <= latter.first_entry
