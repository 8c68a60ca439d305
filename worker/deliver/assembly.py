"""Makes a worker's loop of its parts, after the fork."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from plugin_bridge.addresses import UnixAddress, parse_address
from plugin_bridge.client import ForwardClient
from plugin_bridge.forward.backoff import Backoff
from plugin_bridge.receivers import encoder_for
from plugin_bridge.transport import TcpConnector, UnixConnector
from worker.deliver.budget import Budget
from worker.deliver.calls import Downloads, QueueCalls
from worker.deliver.chunks import ChunkBuilder
from worker.deliver.emission import Emission
from worker.deliver.fetching import Fetching
from worker.deliver.inbox import Inbox
from worker.deliver.intake import Intake
from worker.deliver.ledger import Ledger
from worker.deliver.loop import DeliveryLoop
from worker.deliver.progress import Progress
from worker.deliver.segments import Segmenter
from worker.deliver.settlement import Settlement
from worker.source.objects import ObjectReader
from worker.source.queue import Queue
from worker.source.selection import Selection
from worker.source.sessions import AwsSession

if TYPE_CHECKING:
    from plugin_bridge.forward.entries import Encoder
    from plugin_bridge.transport import Connector
    from worker.config.model import Config
    from worker.deliver.calls import ObjectSource, SourceQueue
    from worker.deliver.progress import Control

BACKLOG_PER_DOWNLOAD = 4
"""Objects that wait for their first record, for each download that may run."""


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """The loop, and what must be closed after it."""

    loop: DeliveryLoop
    client: ForwardClient
    calls: QueueCalls

    def close(self) -> None:
        """Make the calls that are still ordered, and let go of the receiver."""
        self.calls.close()
        self.client.close()


def build_loop(
    config: Config, *, control: Control, address: str, until_empty: bool
) -> WorkerParts:
    """Make the AWS clients, the connection and the loop of one worker.

    Args:
        config: The whole configuration.
        control: The process around the loop.
        address: Where the receiver listens.
        until_empty: Report when the queue is seen empty.

    Raises:
        ConfigError: The AWS session cannot be made as configured.
    """
    session = AwsSession(config.source)
    is_stdout = config.output.scheme == "stdout"
    return assemble(
        config,
        queue=Queue(session.sqs_client(), config.source.queue_url),
        objects=ObjectReader(session, config.source),
        client=ForwardClient(
            _connector(address),
            window_chunks=config.output.window_chunks,
            window_bytes=config.output.window_bytes,
            # trailfeed's own writer acknowledges what it has written.
            require_ack=config.output.require_ack or is_stdout,
            ack_timeout_s=config.output.ack_timeout_s,
            jitter=random.random,
        ),
        encoder=encoder_for(
            config.output.receiver, config.output.scheme, config.output.encoding
        ),
        control=control,
        until_empty=until_empty,
    )


def assemble(
    config: Config,
    *,
    queue: SourceQueue,
    objects: ObjectSource,
    client: ForwardClient,
    encoder: Encoder,
    control: Control,
    until_empty: bool,
) -> WorkerParts:
    """Wire the parts together; what they talk to is given."""
    clock = time.monotonic
    inbox, ledger, progress = Inbox(), Ledger(), Progress()
    budget = Budget(config.pool.inflight_bytes)
    calls = QueueCalls(queue, inbox, clock)
    settlement = Settlement(
        calls,
        ledger,
        progress,
        visibility_timeout_s=config.source.visibility_timeout_s,
    )
    fetching = Fetching(
        config.source,
        downloads=Downloads(
            objects, inbox, concurrency=config.pool.downloads_per_worker
        ),
        budget=budget,
        ledger=ledger,
        settlement=settlement,
        progress=progress,
        backoff=Backoff(),
        jitter=random.random,
    )
    emission = Emission(
        client,
        segmenter=Segmenter(
            config.decode,
            encoder,
            segment_bytes=config.output.chunk_bytes,
            now=lambda: datetime.now(UTC).timestamp(),
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
        settlement=settlement,
        progress=progress,
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
        settlement=settlement,
        progress=progress,
        backoff=Backoff(),
        jitter=random.random,
        backlog_objects=BACKLOG_PER_DOWNLOAD * config.pool.downloads_per_worker,
        until_empty=until_empty,
    )
    loop = DeliveryLoop(
        client=client,
        inbox=inbox,
        intake=intake,
        fetching=fetching,
        emission=emission,
        settlement=settlement,
        ledger=ledger,
        budget=budget,
        progress=progress,
        control=control,
        clock=clock,
    )
    return WorkerParts(loop, client, calls)


def _connector(text: str) -> Connector:
    address = parse_address(text)
    if isinstance(address, UnixAddress):
        return UnixConnector(address)
    return TcpConnector(address)
