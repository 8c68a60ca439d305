"""What a worker notes in its journal, one commit each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.deliver.journal import Batch, Journal, ObjectKey

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


def hold(journal: Journal, *messages: tuple[str, str]) -> None:
    batch = Batch()
    for message_id, handle in messages:
        batch.hold(message_id, handle)
    journal.commit(batch, 0.0)
