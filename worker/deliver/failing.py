"""What becomes of messages and objects that cannot be handled (``source.on_…``)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from worker.deliver.inbox import QuarantineCase
from worker.deliver.inheritance import GUILTY_DEATHS
from worker.deliver.ledger import Fate
from worker.deliver.settlement import outage_delay_s, retry_delay_s
from worker.errors import (
    BadObjectError,
    MissingObjectError,
    PermanentError,
    UnknownMessageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plugin_bridge.client import Chunk
    from worker.config.model import SourceConfig
    from worker.deliver.disk import QuarantineCalls
    from worker.deliver.inbox import Quarantined, QuarantineFailed
    from worker.deliver.journaling import Journaling
    from worker.deliver.ledger import HeldMessage, HeldObject, Ledger, Span
    from worker.deliver.progress import Progress
    from worker.deliver.settlement import Settlement
    from worker.errors import RetriableError
    from worker.source.objects import Body

    Policy = Literal["retry", "quarantine", "delete"]

logger = logging.getLogger(__name__)


class Failing:
    """Leaves a message to SQS, puts it into the quarantine, or passes over it.

    Args:
        source: The section ``[source]``, for its ``on_…`` keys.
        ledger: Told of what is done with.
        journaling: Takes messages that are to be deleted.
        settlement: Takes messages that go back.
        progress: Counted up here.
        quarantine: The thread that writes there; None: there is none.
    """

    def __init__(
        self,
        source: SourceConfig,
        *,
        ledger: Ledger,
        journaling: Journaling,
        settlement: Settlement,
        progress: Progress,
        quarantine: QuarantineCalls | None,
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._journaling = journaling
        self._settlement = settlement
        self._progress = progress
        self._quarantine = quarantine

    def on_unknown_message(self, holder: HeldMessage, error: PermanentError) -> None:
        """A message is no notification."""
        self._act(self._source.on_unknown_message, QuarantineCase(holder, None, error))

    def on_missing_object(self, item: HeldObject, error: RetriableError) -> None:
        """S3 says that an object is not there."""
        self._act(
            self._source.on_missing_object, QuarantineCase(item.holder, item, error)
        )

    def on_bad_object(
        self, item: HeldObject, error: PermanentError, body: Body | None
    ) -> None:
        """An object is not what the configuration says."""
        self._act(
            self._source.on_bad_object, QuarantineCase(item.holder, item, error, body)
        )

    def on_deadly_message(self, holder: HeldMessage) -> None:
        """Workers died with a message, and the last one was at work on nothing else."""
        items = holder.objects
        name = items[0].ref.url if items else f"message {holder.message.id}"
        more = f" (and {len(items) - 1} more)" if len(items) > 1 else ""
        error = BadObjectError(
            "kills_workers",
            f"{name}{more}: {GUILTY_DEATHS} workers ended over its message, the last "
            "one while it was at work on nothing else",
        )
        item = items[0] if len(items) == 1 else None
        self._act(self._source.on_bad_object, QuarantineCase(holder, item, error))

    def on_unreadable_object(self, item: HeldObject, error: RetriableError) -> None:
        """An object could not be read, though others can."""
        self._leave(QuarantineCase(item.holder, item, error))

    def on_shared(self, items: Iterable[tuple[HeldObject, str]]) -> None:
        """Objects share the fate of another message's, or there is no room for them.

        Args:
            items: With one of ``progress.RETURN_REASONS`` each.
        """
        for item, reason in items:
            self._progress.count_object("returned", item.ref.size_bytes)
            delay_s = retry_delay_s(item.holder.message.receive_count)
            self._settlement.give_back(item.holder, delay_s, reason=reason)

    def on_no_room(self, item: HeldObject) -> int:
        """An object is of a bucket that fails, and too many of it are held already.

        Returns:
            Seconds until SQS may deliver its message again.
        """
        delay_s = outage_delay_s(item.holder.message.receive_count)
        self._progress.count_object("returned", item.ref.size_bytes)
        self._settlement.give_back(item.holder, delay_s, reason="failing_bucket")
        return delay_s

    def on_poison_record(self, chunk: Chunk, span: Span) -> None:
        """The receiver refuses a record, alone, and takes others."""
        item = span.item
        error = BadObjectError(
            "poison_record",
            f"{item.ref.url}: the receiver refuses its record {span.first_entry}",
        )
        case = QuarantineCase(
            item.holder,
            item,
            error,
            body=chunk.payload,
            chunk_id=chunk.id,
            record_index=span.first_entry,
        )
        if self._quarantine is None or not item.is_wanted:
            self._leave(case)
        else:
            self._quarantine.put(case)

    def on_quarantined(self, event: Quarantined) -> None:
        """The copy is on disk: its message need not wait for it any more."""
        case = event.case
        logger.error(
            "%s; quarantined as %s",
            case.error,
            event.quarantine_id,
            extra=_fields(case),
        )
        self._progress.objects_failed += 1
        if case.chunk_id is None:
            self._count(case, "quarantined")
        else:
            self._progress.records_quarantined += 1
        self._pass_over(case)

    def on_quarantine_failed(self, event: QuarantineFailed) -> None:
        """There is no copy, so the message stays."""
        logger.error("cannot quarantine: %s", event.failure, extra=_fields(event.case))
        self._leave(event.case, reason="quarantine_failed")

    def _act(self, policy: Policy, case: QuarantineCase) -> None:
        if policy == "delete":
            logger.warning("%s; passing over it", case.error, extra=_fields(case))
            self._count(case, "dropped")
            self._pass_over(case)
        elif policy == "quarantine" and self._quarantine is not None:
            self._quarantine.put(case)
        else:
            self._leave(case)

    def _pass_over(self, case: QuarantineCase) -> None:
        """Owe nothing more of a message, of an object, or of one record."""
        if case.chunk_id is not None:
            complete = self._ledger.acknowledge(case.chunk_id)
        elif case.holder.fate is not Fate.HELD:
            return
        elif case.item is None:
            self._ledger.complete(case.holder)
            complete = [case.holder]
        else:
            holder = self._ledger.skip(case.item)
            complete = [holder] if holder is not None else []
        self._journaling.delete_after(complete)

    def _leave(self, case: QuarantineCase, *, reason: str = "") -> None:
        """Give a message back to SQS, hidden for longer with each receive."""
        delay_s = retry_delay_s(case.holder.message.receive_count)
        self._progress.objects_failed += 1
        logger.error(
            "%s; back to the queue for %d s", case.error, delay_s, extra=_fields(case)
        )
        self._count(case, "returned")
        self._settlement.give_back(case.holder, delay_s, reason=reason or _kind(case))
        if case.chunk_id is not None:
            self._ledger.drop(case.chunk_id)

    def _count(self, case: QuarantineCase, outcome: str) -> None:
        if case.item is not None:
            self._progress.count_object(outcome, case.item.ref.size_bytes)


def _kind(case: QuarantineCase) -> str:
    """Which of ``progress.RETURN_REASONS`` it is."""
    if isinstance(case.error, UnknownMessageError):
        return "unknown_message"
    if case.chunk_id is not None:
        return "poison_record"
    if isinstance(case.error, MissingObjectError):
        return "missing_object"
    is_bad = isinstance(case.error, PermanentError)
    return "bad_object" if is_bad else "unreadable_object"


def _fields(case: QuarantineCase) -> dict[str, str]:
    fields = {"message_id": case.holder.message.id}
    if case.item is not None:
        fields |= {"bucket": case.item.ref.bucket, "key": case.item.ref.key}
    return fields
