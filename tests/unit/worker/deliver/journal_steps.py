"""What a worker notes in its journal, one commit each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.deliver.journal import Batch, Journal, ObjectKey
from worker.source.messages import Message

if TYPE_CHECKING:
    from worker.deliver.journal import Standing


DAY_S = 86_400
KEY = ObjectKey("bucket", "a/b.json.gz", "e:1")
OTHER = ObjectKey("bucket", "c.json.gz", "e:1")


def begin(
    journal: Journal, claimant: str = "m", *, key: ObjectKey = KEY, now_s: float = 0.0
) -> Standing:
    batch = Batch()
    batch.begin(key, claimant)
    return journal.commit(batch, now_s)[key]


def advance(journal: Journal, records: int, *, now_s: float = 0.0) -> None:
    batch = Batch()
    batch.advance(KEY, records)
    journal.commit(batch, now_s)


def finish(journal: Journal, records: int = 9, *, now_s: float = 0.0) -> None:
    batch = Batch()
    batch.finish(KEY, records)
    journal.commit(batch, now_s)


def release(journal: Journal) -> None:
    batch = Batch()
    batch.release(KEY)
    journal.commit(batch, 0.0)


def message(id_: str, handle: str = "h", body: str = "{}") -> Message:
    return Message(id_, handle, body)


def hold(journal: Journal, *messages: tuple[str, str]) -> None:
    batch = Batch()
    for message_id, handle in messages:
        batch.hold(message(message_id, handle))
    journal.commit(batch, 0.0)


def take_over(journal: Journal, now_s: float = 0.0) -> list[tuple[str, str]]:
    """Ids and receipt handles of the messages that a journal inherits."""
    inherited = [one.message for one in journal.take_over(now_s)]
    return sorted((one.id, one.receipt_handle) for one in inherited)
