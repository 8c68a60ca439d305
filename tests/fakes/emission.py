"""An emission with everything around it, for tests; nothing in it waits."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, cast

import msgpack

from plugin_bridge.forward.entries import EventEncoder
from tests.fakes.calls import (
    RecordedBlockReads,
    RecordedCommits,
    RecordedQueueCalls,
    make_message,
)
from worker.config.model import DecodeConfig, SourceConfig
from worker.deliver.budget import Budget, held_bytes
from worker.deliver.chronicle import Chronicle
from worker.deliver.chunks import ChunkBuilder
from worker.deliver.emission import Emission
from worker.deliver.failing import Failing
from worker.deliver.inbox import BlockFailed, BlockRead, Downloaded
from worker.deliver.journaling import Journaling
from worker.deliver.ledger import HeldObject, Ledger
from worker.deliver.outcomes import Outcomes
from worker.deliver.progress import Progress
from worker.deliver.segments import Segmenter
from worker.deliver.settlement import Settlement
from worker.deliver.streaming import Streaming
from worker.source.notifications import ObjectRef
from worker.source.objects import Body
from worker.transform.transformation import Transformation

if TYPE_CHECKING:
    from plugin_bridge.client import Chunk, ForwardClient
    from worker.deliver.calls import BlockReads, QueueCalls
    from worker.deliver.disk import JournalCalls
    from worker.deliver.fetching import Fetching
    from worker.errors import TrailfeedError
    from worker.transform.transformation import Transform

CHUNK_BYTES = 1000
LINGER_S = 0.1
MAX_ENTRY_BYTES = 5_000
WINDOW_CHUNKS = 8


class Window:
    """In place of the client: takes chunks while it has room."""

    def __init__(self) -> None:
        self.room = 100
        self.acked = 0
        self.chunks: list[Chunk] = []

    @property
    def has_room(self) -> bool:
        return self.room > 0

    @property
    def unacked_chunks(self) -> int:
        return len(self.chunks) - self.acked

    def send(self, chunk: Chunk, now: float) -> None:
        del now
        assert self.has_room
        self.room -= 1
        self.chunks.append(chunk)

    def ids(self) -> list[str]:
        """The records' ids, in the order in which they were sent."""
        found: list[str] = []
        for chunk in self.chunks:
            unpacker = msgpack.Unpacker()
            unpacker.feed(chunk.payload)
            entries = [record["eventID"] for _, record in unpacker]
            assert len(entries) == chunk.count
            found += entries
        return found


class Scene:
    """An emission with everything around it; time stands still unless it is moved."""

    def __init__(
        self,
        commits: RecordedCommits | None = None,
        transform: Transform | None = None,
        *,
        decode: DecodeConfig | None = None,
        limit_bytes: int = 10**9,
        max_entry_bytes: int = MAX_ENTRY_BYTES,
    ) -> None:
        self.window = Window()
        self.calls = RecordedQueueCalls()
        self.reads = RecordedBlockReads()
        self.budget = Budget(limit_bytes)
        self.journaling = Journaling(self.budget, cast("JournalCalls", commits))
        self.progress = Progress()
        self.now = 0.0
        self.chronicle = Chronicle(
            self.journaling,
            self.progress,
            clock=lambda: self.now,
            wall_clock=lambda: 1e9,
        )
        self.ledger = Ledger(self.chronicle)
        self.settlement = Settlement(
            cast("QueueCalls", self.calls),
            self.ledger,
            self.progress,
            visibility_timeout_s=600,
            jitter=lambda: 1.0,
        )
        encoder = EventEncoder()
        numbers = iter(range(10**6))
        self.failing = Failing(
            SourceConfig.model_validate(
                {
                    "queue_url": "https://sqs.us-east-1.amazonaws.com/123456789012/q",
                    "region": "us-east-1",
                }
            ),
            ledger=self.ledger,
            journaling=self.journaling,
            settlement=self.settlement,
            progress=self.progress,
            quarantine=None,
        )
        self.stored: dict[HeldObject, bytes] = {}
        self.wanted: list[HeldObject] = []
        self.streaming = Streaming(
            reads=cast("BlockReads", self.reads),
            fetching=cast("Fetching", self),
            failing=self.failing,
            progress=self.progress,
            jitter=lambda: 1.0,
        )
        self.emission = Emission(
            cast("ForwardClient", self.window),
            streaming=self.streaming,
            segmenter=Segmenter(
                decode or DecodeConfig(),
                encoder,
                segment_bytes=CHUNK_BYTES,
                max_entry_bytes=max_entry_bytes,
                now=lambda: 1e9,
                progress=self.progress,
                transformation=Transformation(transform),
            ),
            builder=ChunkBuilder(
                encoder,
                tag="aws.cloudtrail",
                chunk_bytes=CHUNK_BYTES,
                linger_s=LINGER_S,
                random_bytes=lambda count: next(numbers).to_bytes(count, "big"),
            ),
            budget=self.budget,
            ledger=self.ledger,
            journaling=self.journaling,
            failing=self.failing,
            progress=self.progress,
            chronicle=self.chronicle,
            outcomes=Outcomes(decode or DecodeConfig(), self.progress),
            window_chunks=WINDOW_CHUNKS,
            clock=lambda: 0.0,
        )

    def want(self, item: HeldObject) -> None:
        """In place of the fetching: an object is to be read again from its begin."""
        self.wanted.append(item)

    def bring(self, number: int, body: bytes, block_bytes: int = 1 << 30) -> HeldObject:
        """An object's body arrives, or the first block of it."""
        holder = self.ledger.hold(
            make_message(number),
            [ObjectRef("bucket", f"key-{number}")],
            received_at=0.0,
            extend_at=200.0,
        )
        (item,) = holder.objects
        self.stored[item] = body
        event = Downloaded(item, Body(body[:block_bytes], len(body), "etag", None))
        self.budget.charge(item, held_bytes(event.body))
        self.emission.on_body(event)
        return item

    def read(self, block_bytes: int) -> int:
        """Let the blocks come that were ordered; return how many."""
        feeds, self.reads.started = self.reads.started, []
        for feed in feeds:
            begin = feed.read_bytes
            block = self.stored[feed.item][begin : begin + block_bytes]
            self.streaming.on_block(BlockRead(feed, block))
        return len(feeds)

    def fail(self, error: TrailfeedError, now: float = 0.0) -> None:
        """Let the one block fail that was ordered."""
        (feed,), self.reads.started = self.reads.started, []
        self.streaming.on_failed(BlockFailed(feed, error), now)

    def step(self, now: float = 0.0, *, at_once: bool = False) -> None:
        self.emission.step(now, at_once=at_once)
        self.streaming.step(now)

    def settle(self) -> None:
        """Delete and give back what is due."""
        self.journaling.step(1.0)
        self.settlement.delete(self.journaling.take().delete, 1.0)
        self.settlement.step(1.0, at_once=True)

    def acknowledge_all(self) -> None:
        for chunk in self.window.chunks:
            self.emission.on_acked(chunk.id)


def log_file(prefix: str, count: int, *, padding: int = 0) -> bytes:
    records = [
        {
            "eventID": f"{prefix}-{n}",
            "eventTime": "2023-07-10T12:05:01Z",
            "x": "x" * padding,
        }
        for n in range(count)
    ]
    return gzip.compress(json.dumps({"Records": records}).encode())
