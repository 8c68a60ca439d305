"""Makes a worker's loop of its parts, after the fork."""

from __future__ import annotations

import logging
import os
import random
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_bridge.forward.backoff import Backoff
from plugin_bridge.receivers import encoder_for, max_entry_bytes
from worker.decode.limits import DecodeLimits
from worker.deliver.adoption import Adoption
from worker.deliver.budget import Budget
from worker.deliver.calls import BlockReads, Downloads, QueueCalls
from worker.deliver.chronicle import Chronicle
from worker.deliver.chunks import ChunkBuilder
from worker.deliver.depth_gauge import DepthGauge
from worker.deliver.disk import JournalCalls, QuarantineCalls
from worker.deliver.emission import Emission
from worker.deliver.failing import Failing
from worker.deliver.fetching import Fetching
from worker.deliver.inbox import Inbox
from worker.deliver.intake import Intake
from worker.deliver.journal import FILE_NAME, Journal, fingerprint_of
from worker.deliver.journaling import Journaling
from worker.deliver.ledger import Ledger
from worker.deliver.loop import DeliveryLoop
from worker.deliver.outcomes import Outcomes
from worker.deliver.progress import Progress
from worker.deliver.quarantine import Quarantine
from worker.deliver.receiver import make_client
from worker.deliver.segments import Segmenter
from worker.deliver.settlement import Settlement
from worker.deliver.streaming import Streaming
from worker.deliver.threads import Threads
from worker.deliver.transform_counts import TransformCounts
from worker.errors import ConfigError
from worker.source.lean_sqs import LeanSqs
from worker.source.objects import WHOLE_BYTES, ObjectReader
from worker.source.queue import Queue
from worker.source.quick_gets import QuickGets
from worker.source.run_key import run_key
from worker.source.selection import Selection
from worker.source.sessions import AwsSession
from worker.source.sns_certificates import CertifiedQueue
from worker.source.sns_certificates import fetch as fetch_certificate
from worker.transform.transformation import build as build_transformation

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugin_bridge.client import ForwardClient
    from plugin_bridge.forward.encoder import Encoder
    from worker.config.model import Config
    from worker.deliver.calls import ObjectSource, QuickSource, SourceQueue
    from worker.deliver.ledger import HeldObject
    from worker.deliver.progress import Control
    from worker.source.sns_signatures import SnsSignatures
    from worker.transform.transformation import Transformation

    Order = Callable[[Callable[[], None]], None]
    """Makes a thread do something that may take its time."""

logger = logging.getLogger(__name__)

BACKLOG_PER_DOWNLOAD = 4
"""Objects that wait for their first record, for each download that may run."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a worker is, to the journal.

    Attributes:
        run: Names the supervisor's life; another one's claims are nobody's any more.
        slot: The worker's place in the pool.
        pid: Of its process.
    """

    run: str
    slot: int
    pid: int

    @property
    def owner(self) -> str:
        """What its claims are under."""
        return f"{self.run}:{self.slot}:{self.pid}"


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """The loop, and what must be closed after it.

    Attributes:
        transformation: Counts by rule what was filtered and redacted.
    """

    loop: DeliveryLoop
    client: ForwardClient
    calls: QueueCalls
    downloads: Downloads
    journal_calls: JournalCalls | None
    quarantine_calls: QuarantineCalls | None
    transformation: Transformation

    def close(self) -> None:
        """Make the calls that are still ordered, and let go of the receiver."""
        if self.quarantine_calls is not None:
            self.quarantine_calls.close()
        self.calls.close()
        self.downloads.close()
        if self.journal_calls is not None:
            self.journal_calls.close()
        self.client.close()


def build_loop(
    config: Config,
    *,
    identity: Identity,
    control: Control,
    address: str,
    until_empty: bool,
    make_queue: Callable[[], SourceQueue] | None = None,
) -> WorkerParts:
    """Make the AWS clients, the connection, the journal and the loop of one worker.

    Args:
        config: The whole configuration.
        identity: The worker's own.
        control: The process around the loop.
        address: Where the receiver listens.
        until_empty: Report when the queue is seen empty.
        make_queue: Makes another queue than SQS's; None: the configured one.

    Raises:
        ConfigError: The AWS session cannot be made as configured.
    """
    session = AwsSession(config.source)
    max_bytes = config.decode.max_object_bytes
    objects = ObjectReader(
        session, config.source, max_bytes=max_bytes, whole_bytes=WHOLE_BYTES
    )

    def quick(order: Order) -> QuickGets[HeldObject]:
        return QuickGets(
            session,
            region_of=objects.region_of,
            order=order,
            max_bytes=max_bytes,
            limit=config.pool.downloads_per_worker,
            clock=time.monotonic,
            now=_now,
        )

    signatures = None
    if config.source.verify_sns and make_queue is None:
        # cryptography is an extra, and takes its time to import.
        from worker.source.sns_signatures import SnsSignatures  # noqa: PLC0415

        signatures = SnsSignatures(fetch_certificate, _now)
    queue: SourceQueue = _queue(config, session) if make_queue is None else make_queue()
    if signatures is not None:
        queue = CertifiedQueue(queue, signatures, config.source.region)
    return assemble(
        config,
        queue=queue,
        signatures=signatures,
        objects=objects,
        quick=None if config.source.expected_bucket_owner else quick,
        client=make_client(config.output, address),
        encoder=encoder_for(
            config.output.receiver, config.output.scheme, config.output.encoding
        ),
        open_journal=journal_opener(config, identity),
        is_gauging=bool(config.status.listen) and identity.slot == 0,
        control=control,
        until_empty=until_empty,
        run_key=_run_key(config) if make_queue is None else None,
    )


def _run_key(config: Config) -> bytes | None:
    """Without a state directory no run id matters, unless it stands for a signature."""
    if not config.state.dir:
        return os.urandom(32) if config.source.verify_sns else None
    try:
        return run_key(Path(config.state.dir))
    except ConfigError as error:
        logger.warning("%s; until then no backfill's run id is honored", error)
        return os.urandom(32)


def _queue(config: Config, session: AwsSession) -> Queue:
    client = session.sqs_client()
    return Queue(client, config.source.queue_url, LeanSqs.of(session, client))


def journal_opener(config: Config, identity: Identity) -> Callable[[], Journal] | None:
    """What opens the journal, or None where the configuration wants none."""
    if not config.state.dir or not config.state.dedupe_window_s:
        return None
    return partial(
        Journal,
        Path(config.state.dir) / FILE_NAME,
        owner=identity.owner,
        slot=identity.slot,
        fingerprint=fingerprint_of(config.decode),
        window_s=config.state.dedupe_window_s,
    )


def assemble(
    config: Config,
    *,
    queue: SourceQueue,
    objects: ObjectSource,
    quick: Callable[[Order], QuickSource] | None = None,
    client: ForwardClient,
    encoder: Encoder,
    open_journal: Callable[[], Journal] | None,
    is_gauging: bool,
    control: Control,
    until_empty: bool,
    run_key: bytes | None = None,
    signatures: SnsSignatures | None = None,
) -> WorkerParts:
    """Wire the parts together; what they talk to is given."""
    clock = time.monotonic
    inbox, progress = Inbox(), Progress()
    budget = Budget.of(config.pool.inflight_bytes)
    calls = QueueCalls(queue, inbox, clock)
    journal_calls = None
    if open_journal is not None:
        journal_calls = JournalCalls(open_journal, inbox, wall_clock=_epoch_s)
    quarantine_calls = _quarantine(config, objects, inbox)
    journaling = Journaling(
        budget, journal_calls, urgent_acks=max(config.output.window_chunks // 2, 1)
    )
    chronicle = Chronicle(journaling, progress, clock=clock, wall_clock=_epoch_s)
    ledger = Ledger(chronicle, budget=budget)
    settlement = Settlement(
        calls,
        ledger,
        progress,
        visibility_timeout_s=config.source.visibility_timeout_s,
        jitter=random.random,
    )
    failing = Failing(
        config.source,
        ledger=ledger,
        journaling=journaling,
        settlement=settlement,
        progress=progress,
        quarantine=quarantine_calls,
    )
    downloads = Downloads(
        objects,
        inbox,
        concurrency=config.pool.downloads_per_worker,
        quick=None if quick is None else quick(Threads("s3-connect", 1, inbox).order),
    )
    fetching = Fetching(
        downloads=downloads,
        budget=budget,
        failing=failing,
        progress=progress,
        chronicle=chronicle,
        jitter=random.random,
    )
    streaming = Streaming(
        reads=BlockReads(objects, inbox),
        fetching=fetching,
        failing=failing,
        progress=progress,
        jitter=random.random,
    )
    transformation = build_transformation(config, warn=_warn)
    emission = Emission(
        client,
        streaming=streaming,
        segmenter=Segmenter(
            config.decode,
            encoder,
            segment_bytes=config.output.chunk_bytes,
            max_entry_bytes=max_entry_bytes(config.output.receiver)
            if config.output.scheme != "stdout"
            else sys.maxsize,
            now=_epoch_s,
            progress=progress,
            is_raw=config.output.record == "raw",
            transformation=transformation,
            limits=DecodeLimits.of(config.pool.inflight_bytes),
        ),
        builder=ChunkBuilder(
            encoder,
            tag=config.output.tag,
            chunk_bytes=config.output.chunk_bytes,
            linger_s=config.output.linger_ms / 1000,
            random_bytes=os.urandom,
        ),
        budget=budget,
        ledger=ledger,
        journaling=journaling,
        failing=failing,
        progress=progress,
        chronicle=chronicle,
        outcomes=Outcomes(config.decode, progress),
        window_chunks=config.output.window_chunks,
        clock=clock,
    )
    intake = Intake(
        config.source,
        Selection(
            allowed_buckets=config.source.allowed_buckets,
            include_keys=config.source.include_keys,
            exclude_keys=config.source.exclude_keys,
        ),
        calls=calls,
        ledger=ledger,
        journaling=journaling,
        failing=failing,
        settlement=settlement,
        progress=progress,
        backoff=Backoff(),
        jitter=random.random,
        backlog_objects=BACKLOG_PER_DOWNLOAD * config.pool.downloads_per_worker,
        until_empty=until_empty,
        run_key=run_key,
        signatures=signatures,
    )
    loop = DeliveryLoop(
        client=client,
        inbox=inbox,
        intake=intake,
        adoption=Adoption(
            intake=intake,
            journaling=journaling,
            failing=failing,
            settlement=settlement,
            ledger=ledger,
            progress=progress,
            has_journal=journal_calls is not None,
        ),
        journaling=journaling,
        failing=failing,
        fetching=fetching,
        streaming=streaming,
        emission=emission,
        settlement=settlement,
        ledger=ledger,
        budget=budget,
        progress=progress,
        gauge=DepthGauge(calls, progress) if is_gauging else None,
        counts=TransformCounts(transformation, config.filter, progress),
        control=control,
        clock=clock,
    )
    return WorkerParts(
        loop, client, calls, downloads, journal_calls, quarantine_calls, transformation
    )


def _warn(text: str) -> None:
    logger.warning("%s", text)


def _quarantine(
    config: Config, objects: ObjectSource, inbox: Inbox
) -> QuarantineCalls | None:
    if not config.state.dir:
        return None
    return QuarantineCalls(
        Quarantine(
            Path(config.state.dir) / "quarantine",
            max_bytes=config.state.quarantine_max_bytes,
            when_full=config.state.quarantine_full,
        ),
        objects,
        inbox,
        queue_url=config.source.queue_url,
        now=_now,
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _epoch_s() -> float:
    return _now().timestamp()
