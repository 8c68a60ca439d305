"""Bodies become records, records become chunks, chunks go to the receiver."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

from worker.deliver.budget import held_bytes
from worker.deliver.turns import Decoding, Turns
from worker.errors import BadObjectError, is_bug

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugin_bridge.client import Chunk, ForwardClient
    from worker.deliver.budget import Budget
    from worker.deliver.chronicle import Chronicle
    from worker.deliver.chunks import ChunkBuilder
    from worker.deliver.failing import Failing
    from worker.deliver.inbox import Downloaded
    from worker.deliver.journaling import Journaling
    from worker.deliver.ledger import Ledger
    from worker.deliver.outcomes import Outcomes
    from worker.deliver.progress import Progress
    from worker.deliver.segments import Segmenter
    from worker.deliver.streaming import Streaming

logger = logging.getLogger(__name__)

SLICE_S = 0.02
"""The loop looks at its sockets and its inbox this often while it decodes."""


class Emission:
    """Decodes one object at a time, and only while the receiver has room.

    So that a slow receiver costs no more memory than the bodies that wait, and the
    records of an object go out in their order.

    Args:
        client: The connection to the receiver.
        streaming: Reads the rest of large objects.
        segmenter: Takes a body apart.
        builder: Gathers segments into chunks.
        budget: Charged for bodies, documents and chunks.
        ledger: Told what was emitted and what was acknowledged.
        journaling: Takes complete messages.
        failing: Takes objects that cannot be decoded.
        progress: Counted up here.
        chronicle: Told when what happens.
        window_chunks: What a kill may repeat, at the most.
        clock: Monotonic time.
    """

    def __init__(
        self,
        client: ForwardClient,
        *,
        streaming: Streaming,
        segmenter: Segmenter,
        builder: ChunkBuilder,
        budget: Budget,
        ledger: Ledger,
        journaling: Journaling,
        failing: Failing,
        progress: Progress,
        chronicle: Chronicle,
        outcomes: Outcomes,
        window_chunks: int,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._window_chunks = window_chunks
        self._streaming = streaming
        self._segmenter = segmenter
        self._builder = builder
        self._budget = budget
        self._ledger = ledger
        self._journaling = journaling
        self._failing = failing
        self._progress = progress
        self._chronicle = chronicle
        self._outcomes = outcomes
        self._clock = clock
        self._turns = Turns()
        self._current: Decoding | None = None
        self._sealed: deque[Chunk] = deque()
        self._chunks: dict[str, Chunk] = {}

    @property
    def backlog(self) -> int:
        """Objects here whose last record was not emitted yet."""
        return len(self._turns) + (self._current is not None)

    @property
    def _has_room(self) -> bool:
        """Whether one more chunk may be under way.

        What is acknowledged and not yet noted counts too: a kill repeats both, and no
        more than one window.
        """
        if not self._client.has_room:
            return False
        unnoted = self._journaling.unnoted_acks
        pending = self._client.unacked_chunks + unnoted
        return not unnoted or pending < self._window_chunks

    @property
    def can_go_on(self) -> bool:
        """Whether :meth:`step` would get anything done now, whatever the time."""
        if not self._has_room:
            return False
        return bool(self._sealed or self._can_decode)

    @property
    def _can_decode(self) -> bool:
        return self._current is not None or self._turns.has_next

    def due(self) -> float | None:
        """When the open chunk has lingered enough."""
        return self._builder.due if self._has_room else None

    def on_body(self, event: Downloaded) -> None:
        """Queue a body for decoding."""
        self._turns.add(event)

    def step(self, now: float, *, at_once: bool) -> None:
        """Decode and hand over as much as the receiver has room for, for a while.

        Args:
            now: Monotonic instant.
            at_once: Send the open chunk as soon as nothing waits to join it.
        """
        end = now + SLICE_S
        self._hand_over(now)
        while self._has_room and self._can_decode:
            self._emit_segment(now)
            self._hand_over(now)
            if self._clock() >= end:
                return
        due = self._builder.due
        if due is not None and (now >= due or (at_once and not self.backlog)):
            self._seal()
            self._hand_over(now)

    def on_acked(self, chunk_id: str) -> None:
        """Settle a chunk; delete the messages that are complete by it."""
        self._budget.release(chunk_id)
        chunk = self._chunks.pop(chunk_id)
        self._progress.records_delivered += chunk.count
        self._chronicle.acked(chunk_id, len(chunk.payload))
        self._journaling.on_acked()
        self._journaling.delete_after(self._ledger.acknowledge(chunk_id))

    def on_poisoned(self, chunk_id: str) -> None:
        """Send a chunk again as two, or give up the one record that is left of it."""
        self._budget.release(chunk_id)
        self._chronicle.poisoned(chunk_id)
        chunk = self._chunks.pop(chunk_id)
        if chunk.count == 1:
            (span,) = self._ledger.spans_of(chunk_id)
            self._failing.on_poison_record(chunk, span)
            return
        if chunk.half_of is None:  # once for all that comes of it
            logger.warning(
                "the receiver refuses a chunk of %d records, the first of %s; "
                "sending it in halves, for all but the refused records to arrive",
                chunk.count,
                self._ledger.spans_of(chunk_id)[0].item.ref.url,
            )
        halves = chunk.halve(self._builder.new_id(), self._builder.new_id())
        self._ledger.halve(chunk_id, *halves)
        for half in halves:
            self._take(half)

    def _emit_segment(self, now: float) -> None:
        work = self._current or self._begin_turn()
        if work is None:
            return
        item = work.item
        if not item.is_wanted:
            self._let_go(work)
            return
        began_at = self._clock()
        try:
            segment = next(work.segments, None)
        except BaseException as error:  # noqa: BLE001 - told, or raised again
            self._let_go(work)
            undecodable = _undecodable(item.ref.url, error)
            self._failing.on_bad_object(item, undecodable, work.body)
            return
        self._chronicle.decoded(item, self._clock() - began_at)
        if segment is None:
            self._end(work, now)
            return
        if segment.parts:
            if not self._builder.fits(segment):
                self._seal()
            self._builder.add(segment, now)
            self._ledger.emit(item)
            work.emitted += segment.count
            if self._builder.is_full:
                self._seal()
            if work.feed is None:
                return
        self._make_way(work)

    def _begin_turn(self) -> Decoding | None:
        turn = self._turns.next()
        if turn is None:
            return None
        self._current = work = turn if isinstance(turn, Decoding) else self._begin(turn)
        if work.feed is not None:
            work.turn_began_at = work.feed.taken_blocks
        return work

    def _begin(self, event: Downloaded) -> Decoding:
        item, body = event.item, event.body
        item.decoding_began = True
        feed = None
        if not body.is_whole:
            feed = self._streaming.open(item, body)
            body = feed.body
        work = Decoding(
            item, body, feed, iter(()), held_bytes(body), self._outcomes.begun()
        )

        def charge(size_bytes: int) -> None:
            work.charged_bytes = size_bytes
            self._budget.charge(item, max(size_bytes, work.least_bytes))

        work.segments = self._segmenter.segments(
            item,
            body,
            charge=charge,
            room=lambda: self._builder.room_bytes,
            feed=feed,
        )
        return work

    def _make_way(self, work: Decoding) -> None:
        """Let others have their turn, where that is right."""
        feed, turns, budget = work.feed, self._turns, self._budget
        if feed is not None and feed.is_empty and feed.failure is not None:
            self._let_go(work)
            self._streaming.give_up(feed)
        elif feed is not None and feed.is_waiting:
            self._current = None
            turns.wait(work)
        elif budget.used_bytes > budget.limit_bytes and turns.go_before(work):
            self._current = None
            turns.park(work)
            work.least_bytes = budget.limit_bytes
            budget.charge(work.item, max(work.charged_bytes, work.least_bytes))
        elif (
            feed is not None
            and turns.has_others
            and feed.taken_blocks > work.turn_began_at
            and work.charged_bytes == held_bytes(work.body)  # else it only grows so
        ):
            self._current = None
            turns.step_back(work)

    def _let_go(self, work: Decoding) -> None:
        self._current = None
        self._budget.release(work.item)
        if work.feed is not None:
            self._streaming.close(work.feed)
            self._turns.large_ended()

    def _end(self, work: Decoding, now: float) -> None:
        self._let_go(work)
        self._outcomes.ended(
            work.item,
            work.before,
            size_bytes=work.body.size_bytes,
            emitted=work.emitted,
            now=now,
        )
        self._chronicle.emitted(work.item)
        complete = self._ledger.finish(work.item)
        if complete is not None:
            self._journaling.delete_after([complete])

    def _seal(self) -> None:
        chunk, spans = self._builder.seal()
        self._ledger.seal(chunk.id, spans)
        self._take(chunk)

    def _take(self, chunk: Chunk) -> None:
        self._budget.charge(chunk.id, len(chunk.payload))
        self._chunks[chunk.id] = chunk
        self._sealed.append(chunk)

    def _hand_over(self, now: float) -> None:
        while self._sealed and self._has_room:
            chunk = self._sealed.popleft()
            self._chronicle.sent(chunk.id, now)
            self._client.send(chunk, now)


def _undecodable(url: str, error: BaseException) -> BadObjectError:
    """What decoding raised, as a fault of that one object, where that is what it is."""
    if isinstance(error, BadObjectError):
        return BadObjectError(error.code, f"{url}: {error}")
    if not is_bug(error):
        raise error
    logger.error("a bug kept an object from being decoded", exc_info=error)
    return BadObjectError(
        "decoder_bug", f"{url}: decoding failed by a bug ({error!r:.200})"
    )
