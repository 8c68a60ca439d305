"""What a worker tells the journal, and what it hears of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.source.messages import Message


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """One state of one object, for one purpose.

    Attributes:
        version: ``v:`` and the version id, or ``e:`` and the ETag.
        run_id: Of the backfill or replay that named it; empty: none.
    """

    bucket: str
    key: str
    version: str
    run_id: str = ""

    @classmethod
    def of(
        cls, bucket: str, key: str, *, version_id: str, etag: str, run_id: str = ""
    ) -> ObjectKey | None:
        """Make the key of an object, or None when neither version nor ETag is known.

        Args:
            bucket: Its bucket.
            key: Its key, decoded.
            version_id: As S3 gives it. Empty or ``null`` says that the object was
                written without versioning, and such a one can be overwritten.
            etag: With or without the quotes that HTTP has around it.
            run_id: Of a backfill or replay.
        """
        if version_id and version_id != "null":
            return cls(bucket, key, f"v:{version_id}", run_id)
        if etag := etag.strip('"'):
            return cls(bucket, key, f"e:{etag}", run_id)
        return None

    def digest(self) -> bytes:
        """The row's id: BLAKE2b, 16 bytes, of the four, NUL between, the key last."""
        text = f"{self.bucket}\0{self.version}\0{self.run_id}\0{self.key}"
        return hashlib.blake2b(
            text.encode("utf-8", "surrogatepass"), digest_size=16
        ).digest()


def claimant_of(message_id: str, number: int) -> str:
    """Name one of the objects that a worker ever held, with its message."""
    return f"{number}:{message_id}"


def message_of(claimant: str) -> str:
    """The id of a claimant's message; empty where it names none."""
    return claimant.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Mine:
    """Claimed for the asker; ``records`` of it are acknowledged already."""

    records: int


@dataclass(frozen=True, slots=True)
class Finished:
    """All of it is acknowledged already."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """Another claimant is at it, here or in another worker."""


Standing = Mine | Finished | Claimed


@dataclass(slots=True)
class Begin:
    """The claim is asked for."""

    key: ObjectKey
    claimant: str


@dataclass(slots=True)
class Progress:
    """The first ``records`` source records are acknowledged."""

    key: ObjectKey
    records: int
    is_finished: bool


@dataclass(slots=True)
class Release:
    """The claim is dropped; on every object where there is no key."""

    key: ObjectKey | None


Step = Begin | Progress | Release


@dataclass(slots=True)
class Batch:
    """Changes for one transaction, made in the order in which they are noted here.

    A batch whose commit failed is as it was: it can be added to and tried again.

    Attributes:
        steps: What concerns objects.
        held: The messages to hold, by their ids.
        freed: The ids of those to let go of then, even if they are in ``held``.
        alone: The id of the one message that is in work from now on; empty: there are
            others, or none; None: as before.
    """

    steps: list[Step] = field(default_factory=list)
    held: dict[str, Message] = field(default_factory=dict)
    freed: set[str] = field(default_factory=set)
    alone: str | None = None
    _latest: dict[ObjectKey, Progress] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.steps or self.held or self.freed or self.alone is not None)

    def begin(self, key: ObjectKey, claimant: str) -> None:
        """Ask for the claim on an object; once an object in one batch.

        Args:
            key: The object.
            claimant: For whom; the answer to the same one may be ``Mine`` again, to
                another one of the same owner it is ``Claimed``.
        """
        self._latest.pop(key, None)
        self.steps.append(Begin(key, claimant))

    def advance(self, key: ObjectKey, records: int) -> None:
        """Note that the object's first ``records`` source records are acknowledged."""
        self._progress(key, records, is_finished=False)

    def finish(self, key: ObjectKey, records: int) -> None:
        """Note that all of the object is acknowledged, and drop the claim."""
        self._progress(key, records, is_finished=True)

    def release(self, key: ObjectKey) -> None:
        """Drop the claim, for whichever claimant it was; keep the count."""
        self._latest.pop(key, None)
        self.steps.append(Release(key))

    def release_all(self) -> None:
        """Drop every claim of this owner, after commits of it were lost."""
        self._latest.clear()
        self.steps.append(Release(None))

    def hold(self, message: Message) -> None:
        """Note a message for the successor, should this worker not come to it."""
        self.held[message.id] = message
        self.freed.discard(message.id)

    def let_go(self, message_id: str) -> None:
        """Forget a message that was deleted, given back or lost."""
        # What is held by this very batch is held first: it may be another worker's.
        self.freed.add(message_id)

    def _progress(self, key: ObjectKey, records: int, *, is_finished: bool) -> None:
        former = self._latest.get(key)
        if former is None:
            step = self._latest[key] = Progress(key, records, is_finished)
            self.steps.append(step)
        else:
            former.records = max(former.records, records)
            former.is_finished |= is_finished
