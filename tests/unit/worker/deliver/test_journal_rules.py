"""The journal against a plain model: any owners, batches, deaths and hours."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.unit.worker.deliver.journal_steps import take_over
from worker.deliver.journal import Batch, Claimed, Finished, Journal, Mine, ObjectKey
from worker.source.messages import Message

if TYPE_CHECKING:
    from worker.deliver.journal import Standing

WINDOW_S = 100
SLOTS = 2
KEYS = [ObjectKey("b", "x", "e:1"), ObjectKey("b", "x", "e:2")]
KINDS = ["begin", "begin", "advance", "advance", "finish", "release", "release_all"]

slots = st.integers(0, SLOTS - 1)
operations = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.sampled_from(KEYS),
        st.sampled_from(["c1", "c2"]),
        st.integers(0, 9),
    ),
    max_size=5,
)
messages = st.lists(st.tuples(st.sampled_from(["m1", "m2"]), st.booleans()), max_size=3)


@dataclass(frozen=True)
class Owner:
    """A worker process, dead or alive."""

    name: str
    fingerprint: str
    journal: Journal


@dataclass
class Known:
    """What was told of one object, in the plainest way.

    ``counts`` and ``finished`` are by fingerprint; ``told`` is the one told of last.
    """

    counts: dict[str, int] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    told: str = ""
    told_s: int = 0
    claim: tuple[str, str] | None = None

    def forget(self, fingerprint: str) -> None:
        self.counts.pop(fingerprint, None)
        self.finished.discard(fingerprint)

    def is_claimed_by(self, owner: Owner) -> bool:
        return self.claim is not None and self.claim[0] == owner.name

    def begin(self, owner: Owner, claimant: str, now_s: int) -> Standing:
        is_old = self.claim is None and now_s - self.told_s >= WINDOW_S
        is_current = self.told == owner.fingerprint and not is_old
        if is_current and owner.fingerprint in self.finished:
            return Finished()
        if self.claim not in (None, (owner.name, claimant)):
            return Claimed()
        self.claim = (owner.name, claimant)
        if not is_current:
            self.forget(owner.fingerprint)
            if self.told:
                self.told, self.told_s = owner.fingerprint, now_s
        return Mine(self.counts.get(owner.fingerprint, 0))

    def progress(
        self, owner: Owner, records: int, now_s: int, *, is_last: bool
    ) -> None:
        if self.told not in ("", owner.fingerprint):
            if not self.is_claimed_by(owner):
                return
            self.forget(owner.fingerprint)
        self.told, self.told_s = owner.fingerprint, now_s
        former = self.counts.get(owner.fingerprint, 0)
        self.counts[owner.fingerprint] = max(former, records)
        if is_last:
            self.finished.add(owner.fingerprint)


class JournalMachine(RuleBasedStateMachine):
    """Workers in slots that commit batches, die and are replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.opened: list[Journal] = []
        self.run = 0
        self.now_s = 1_000
        self.known = {key: Known() for key in KEYS}
        self.held: dict[str, tuple[str, str]] = {}
        self.owners: list[Owner] = []
        self.start_run("f")

    def teardown(self) -> None:
        for journal in self.opened:
            journal.close()
        self.directory.cleanup()

    def start_run(self, fingerprint: str) -> None:
        self.run += 1
        self.owners = [self.spawn(slot, fingerprint) for slot in range(SLOTS)]

    def spawn(self, slot: int, fingerprint: str) -> Owner:
        name = f"run{self.run}:{slot}:{len(self.opened)}"
        journal = Journal(
            Path(self.directory.name) / "journal.sqlite3",
            owner=name,
            slot=slot,
            fingerprint=fingerprint,
            window_s=WINDOW_S,
        )
        self.opened.append(journal)
        return Owner(name, fingerprint, journal)

    @rule(slot=slots, operations=operations, messages=messages)
    def commit(
        self,
        slot: int,
        operations: list[tuple[str, ObjectKey, str, int]],
        messages: list[tuple[str, bool]],
    ) -> None:
        owner = self.owners[slot]
        batch = Batch()
        expected: dict[ObjectKey, Standing] = {}
        for kind, key, claimant, records in operations:
            if kind == "begin" and key not in expected:
                batch.begin(key, claimant)
                expected[key] = self.known[key].begin(owner, claimant, self.now_s)
            elif kind in {"advance", "finish"}:
                self.progress(owner, batch, key, records, is_last=kind == "finish")
            elif kind == "release":
                batch.release(key)
                self.release(owner, key)
            elif kind == "release_all":
                batch.release_all()
                self.release(owner, *KEYS)
        for number, (message, is_held) in enumerate(messages):
            if is_held:
                handle = f"{owner.name} {self.now_s} {number}"
                batch.hold(Message(message, handle, "{}"))
                self.held[message] = (owner.name, handle)
            else:
                batch.let_go(message)
                if self.held.get(message, ("", ""))[0] == owner.name:
                    del self.held[message]
        assert owner.journal.commit(batch, float(self.now_s)) == expected

    def progress(
        self, owner: Owner, batch: Batch, key: ObjectKey, records: int, *, is_last: bool
    ) -> None:
        self.known[key].progress(owner, records, self.now_s, is_last=is_last)
        if is_last:
            batch.finish(key, records)
            self.release(owner, key)
        else:
            batch.advance(key, records)

    def release(self, owner: Owner, *keys: ObjectKey) -> None:
        for key in keys:
            if self.known[key].is_claimed_by(owner):
                self.known[key].claim = None

    @rule(slot=slots)
    def die_and_be_replaced(self, slot: int) -> None:
        dead = self.owners[slot]
        self.owners[slot] = self.spawn(slot, dead.fingerprint)
        self.take_over(self.owners[slot], {dead.name})

    @rule(first=slots, fingerprint=st.sampled_from("fg"))
    def die_all_and_start_anew(self, first: int, fingerprint: str) -> None:
        dead = {owner.name for owner in self.owners}
        self.start_run(fingerprint)
        self.take_over(self.owners[first], dead)
        for owner in self.owners:
            self.take_over(owner, set())

    def take_over(self, successor: Owner, dead: set[str]) -> None:
        expected = [
            (message, handle)
            for message, (owner, handle) in self.held.items()
            if owner in dead
        ]
        assert take_over(successor.journal, self.now_s) == sorted(expected)
        for message, handle in expected:
            self.held[message] = (successor.name, handle)
        for known in self.known.values():
            if known.claim is not None and known.claim[0] in dead:
                known.claim = None
                known.told_s = self.now_s

    @rule(seconds=st.integers(1, WINDOW_S))
    def wait(self, seconds: int) -> None:
        self.now_s += seconds

    @rule(slot=slots)
    def expire(self, slot: int) -> None:
        old = [
            known
            for known in self.known.values()
            if known.told
            and known.claim is None
            and self.now_s - known.told_s >= WINDOW_S
        ]
        assert self.owners[slot].journal.expire(float(self.now_s)) == len(old)
        for known in old:
            known.counts, known.finished, known.told = {}, set(), ""

    @invariant()
    def what_is_claimed_belongs_to_the_living(self) -> None:
        living = {owner.name for owner in self.owners}
        for known in self.known.values():
            assert known.claim is None or known.claim[0] in living


TestJournalMachine = JournalMachine.TestCase
TestJournalMachine.settings = settings(max_examples=100, stateful_step_count=30)
