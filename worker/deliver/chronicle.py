"""How long objects and chunks take on their way, and a line for each object."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.deliver.ledger import HeldMessage, HeldObject, Witness
    from worker.deliver.progress import Progress

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Journey:
    """Monotonic instants of an object on its way."""

    began_at: float
    fetched_at: float = 0.0
    emitted_at: float = 0.0
    decode_s: float = 0.0
    size_bytes: int = 0


class Chronicle:
    """Stands between the ledger and its witness, and looks at the clock.

    Args:
        witness: Told all that the ledger sees, in its turn.
        progress: Takes what is measured.
        clock: Monotonic time.
        wall_clock: Epoch seconds, for what others have dated.
    """

    def __init__(
        self,
        witness: Witness,
        progress: Progress,
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        self._witness = witness
        self._progress = progress
        self._clock = clock
        self._wall_clock = wall_clock
        self._journeys: dict[HeldObject, _Journey] = {}
        self._sent: dict[str, float] = {}

    # Objects ----------------------------------------------------------------------

    def fetching(self, item: HeldObject, now: float) -> None:
        """Its download begins, for the first time or again."""
        if item not in self._journeys:
            self._journeys[item] = _Journey(now)

    def fetched(self, item: HeldObject, size_bytes: int, now: float) -> None:
        """Its body is here."""
        self._progress.downloads_done += 1
        journey = self._journeys.get(item)
        if journey is not None:
            journey.fetched_at, journey.size_bytes = now, size_bytes

    def decoded(self, item: HeldObject, seconds: float) -> None:
        """A segment of its records was made, or there are no more."""
        journey = self._journeys.get(item)
        if journey is not None:
            journey.decode_s += seconds

    def emitted(self, item: HeldObject) -> None:
        """Its last record was handed to the bridge."""
        journey = self._journeys.get(item)
        if journey is not None:
            journey.emitted_at = self._clock()

    # Chunks -----------------------------------------------------------------------

    def sent(self, chunk_id: str, now: float) -> None:
        """A chunk was handed to the client."""
        self._sent[chunk_id] = now

    def acked(self, chunk_id: str, size_bytes: int) -> None:
        """It was acknowledged."""
        progress = self._progress
        progress.chunks_acked += 1
        progress.delivered_bytes += size_bytes
        sent_at = self._sent.pop(chunk_id, None)
        if sent_at is not None:
            progress.chunk_ack.observe(self._clock() - sent_at)

    def poisoned(self, chunk_id: str) -> None:
        """It will not be."""
        self._progress.chunks_poisoned += 1
        self._sent.pop(chunk_id, None)

    # The ledger's witness ---------------------------------------------------------

    def on_held(self, holder: HeldMessage) -> None:
        self._witness.on_held(holder)

    def on_advanced(self, item: HeldObject) -> None:
        self._witness.on_advanced(item)

    def on_finished(self, item: HeldObject) -> None:
        self._witness.on_finished(item)
        journey = self._journeys.pop(item, None)
        if journey is not None and not item.is_skipped:
            self._conclude(item, journey)

    def on_dropped(self, item: HeldObject) -> None:
        self._journeys.pop(item, None)
        self._witness.on_dropped(item)

    def on_abandoned(self, holder: HeldMessage) -> None:
        self._witness.on_abandoned(holder)

    def _conclude(self, item: HeldObject, journey: _Journey) -> None:
        progress, now, epoch_s = self._progress, self._clock(), self._wall_clock()
        progress.count_object("delivered", journey.size_bytes)
        wait_s = journey.began_at - item.holder.received_at
        download_s = journey.fetched_at - journey.began_at
        emit_s = journey.emitted_at - journey.fetched_at
        ack_s = now - journey.emitted_at
        progress.stage_wait.observe(wait_s)
        progress.stage_download.observe(download_s)
        progress.stage_decode.observe(journey.decode_s)
        progress.stage_emit.observe(emit_s)
        progress.stage_ack.observe(ack_s)
        # Clocks differ: what seems to lie ahead was just now. A backfill's events are
        # as old as they are, and say nothing of how quick delivery is.
        if item.ref.event_time is not None and not item.ref.run_id:
            progress.object_lag.observe(max(epoch_s - item.ref.event_time, 0.0))
        sent_at = item.holder.message.sent_at
        if sent_at is not None:
            progress.message_lag.observe(max(epoch_s - sent_at.timestamp(), 0.0))
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug(
                "delivered",
                extra={
                    "bucket": item.ref.bucket,
                    "key": item.ref.key,
                    "message_id": item.holder.message.id,
                    "records": item.total_records,
                    "bytes": journey.size_bytes,
                    "wait_ms": round(wait_s * 1000),
                    "download_ms": round(download_s * 1000),
                    "decode_ms": round(journey.decode_s * 1000),
                    "emit_ms": round(emit_s * 1000),
                    "ack_ms": round(ack_s * 1000),
                },
            )
