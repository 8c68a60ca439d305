"""The journal's rules for one object, whatever it is kept in.

- A count belongs to a fingerprint of ``[decode]``; under it, it only grows. A begin
  under another fingerprint starts the object again.
- A claim is dropped by its owner, or by a successor of the owner, by nobody else.
- An owner without the claim may still advance or finish an object (acks that come in
  after the claim was lost), where that does not contradict another fingerprint.
- What is not claimed and older than the window is as good as absent.
"""

from __future__ import annotations

from dataclasses import dataclass

from worker.deliver.journal_batch import Claimed, Finished, Mine, Progress, Standing


@dataclass(frozen=True, slots=True)
class Asker:
    """Who reads and writes the journal.

    Attributes:
        owner: Names this worker process among all that ever were.
        fingerprint: Of the configuration that it decodes under.
        window_s: For how long it trusts what nobody claims, in seconds.
    """

    owner: str
    fingerprint: str
    window_s: int


@dataclass(slots=True)
class Entry:
    """What the journal knows of an object, as a transaction finds and leaves it.

    Attributes:
        id: The object's digest.
        fingerprint: None where nothing of it was acknowledged yet.
        updated_s: When the count was written last, in epoch seconds.
        owner: Whose claim it is; None, as is ``claimant``: nobody's.
        has_progressed: Whether the first four changed.
        has_changed_hands: Whether the claim did.
    """

    id: bytes
    fingerprint: str | None
    records: int
    is_finished: bool
    updated_s: int
    owner: str | None
    claimant: str | None
    has_progressed: bool = False
    has_changed_hands: bool = False

    def begin(self, claimant: str, asker: Asker, now_s: int) -> Standing:
        """Claim the object if it is free and not finished."""
        is_known = self.fingerprint == asker.fingerprint and (
            self.owner is not None or self.updated_s > now_s - asker.window_s
        )
        if is_known and self.is_finished:
            return Finished()
        if self.owner is None:
            self.owner, self.claimant = asker.owner, claimant
            self.has_changed_hands = True
        elif (self.owner, self.claimant) != (asker.owner, claimant):
            return Claimed()
        if self.fingerprint is not None and not is_known:
            self._record(asker, 0, is_finished=False, now_s=now_s)
        return Mine(self.records)

    def progress(self, step: Progress, asker: Asker, now_s: int) -> None:
        """Raise the count, and note the end."""
        if self.fingerprint == asker.fingerprint:
            self._record(
                asker,
                max(self.records, step.records),
                is_finished=self.is_finished or step.is_finished,
                now_s=now_s,
            )
        elif self.fingerprint is None or self.owner == asker.owner:
            self._record(asker, step.records, is_finished=step.is_finished, now_s=now_s)
        if step.is_finished:
            self.release(asker)

    def release(self, asker: Asker) -> None:
        """Drop the claim if it is the asker's."""
        if self.owner == asker.owner:
            self.owner = self.claimant = None
            self.has_changed_hands = True

    def _record(
        self, asker: Asker, records: int, *, is_finished: bool, now_s: int
    ) -> None:
        self.fingerprint = asker.fingerprint
        self.records = records
        self.is_finished = is_finished
        self.updated_s = now_s
        self.has_progressed = True
