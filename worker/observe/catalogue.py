"""Every metric of trailfeed: its name, what it means, and where its number comes from.

README's table is made of this, and the dashboard and the alerts are checked against it.
Names follow Prometheus: base units, ``_total`` for what only grows, no other suffix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One family.

    Attributes:
        name: As it is exposed, with its suffix.
        help: One sentence, without a full stop.
        source: The field of ``Progress`` that it is; empty: see ``exposition``.
        label: What tells the samples of one worker apart, one word or more; empty:
            there is one.
        names: Values of the label, where they are not the keys of a tally: fields of
            ``Progress`` by the label's value.
        per_worker: Whether there is a sample for each slot, with the label ``worker``.
    """

    name: str
    kind: Kind
    help: str
    source: str = ""
    label: str = ""
    names: tuple[tuple[str, str], ...] = ()
    per_worker: bool = True

    @property
    def labels(self) -> tuple[str, ...]:
        worker = ("worker",) if self.per_worker else ()
        return (*worker, *self.label.split())


def _counter(
    name: str, help_: str, source: str = "", *, label: str = "", **names: str
) -> Metric:
    return Metric(
        f"trailfeed_{name}_total", "counter", help_, source, label, tuple(names.items())
    )


def _gauge(
    name: str,
    help_: str,
    source: str = "",
    *,
    label: str = "",
    per_worker: bool = True,
    **names: str,
) -> Metric:
    return Metric(
        f"trailfeed_{name}",
        "gauge",
        help_,
        source,
        label,
        tuple(names.items()),
        per_worker,
    )


def _histogram(
    name: str, help_: str, source: str = "", *, label: str = "", **names: str
) -> Metric:
    return Metric(
        f"trailfeed_{name}",
        "histogram",
        help_,
        source,
        label,
        tuple(names.items()),
        per_worker=False,
    )


CATALOGUE: Final = (
    # The queue.
    _counter(
        "messages_received", "Messages received from the queue", "messages_received"
    ),
    _counter(
        "messages_deleted",
        "Messages deleted, as all they name was acknowledged",
        "messages_deleted",
    ),
    _counter(
        "messages_returned",
        "Messages given back to the queue, by reason",
        "messages_returned",
        label="reason",
    ),
    _counter(
        "messages_extended",
        "Extensions of a message's visibility timeout",
        "messages_extended",
    ),
    _counter(
        "messages_lost",
        "Messages whose receipt handle was lost: SQS delivers them again",
        "messages_lost",
    ),
    _counter(
        "message_parts_ignored",
        "Parts of messages that are not read, by reason",
        "parts_ignored",
        label="reason",
    ),
    _gauge(
        "messages_held", "Messages received and not yet deleted or given back", "held"
    ),
    _gauge(
        "oldest_message_age_seconds",
        "Since the oldest held message was sent to the queue; 0 while none is held",
    ),
    _gauge(
        "queue_messages",
        "Messages in the queue by state, as SQS says every 30 s, approximately",
        label="state",
        per_worker=False,
        visible="queue_visible",
        in_flight="queue_in_flight",
        delayed="queue_delayed",
    ),
    _counter(
        "sqs_requests",
        "Calls to SQS that were answered, by action",
        "sqs_requests",
        label="action",
    ),
    _counter(
        "sqs_request_failures",
        "Calls to SQS that failed, by action",
        "sqs_failures",
        label="action",
    ),
    # Objects.
    _counter(
        "objects", "Objects that are done with, by outcome", "objects", label="outcome"
    ),
    _counter(
        "object_bytes",
        "Bytes as stored of objects that are done with, by outcome",
        "object_bytes",
        label="outcome",
    ),
    _gauge(
        "objects_waiting",
        "Objects that wait for their download, or for their last record to be emitted",
        "backlog_objects",
    ),
    _counter("downloads", "Objects read from S3", "downloads_done"),
    _counter(
        "download_failures",
        "Reads of an object that failed, tried again or not",
        "downloads_failed",
    ),
    _gauge(
        "failing_bucket_objects",
        "Objects held of a bucket that cannot be read, at most eight buckets a worker",
        label="bucket reason",
        per_worker=False,
    ),
    _histogram(
        "object_stage_seconds",
        "What a delivered object spent in each stage; decode is a part of emit",
        label="stage",
        wait="stage_wait",
        download="stage_download",
        decode="stage_decode",
        emit="stage_emit",
        ack="stage_ack",
    ),
    _histogram(
        "object_lag_seconds",
        "From a notification's event to its object's last acknowledgement; backfills"
        " and replays are left out",
        "object_lag",
    ),
    _histogram(
        "message_lag_seconds",
        "From the sending of a message to its object's last acknowledgement",
        "message_lag",
    ),
    # Records and the receiver.
    _counter("records_delivered", "Records acknowledged", "records_delivered"),
    _counter(
        "records_dropped",
        "Records that were not delivered, by reason",
        label="reason",
        quarantined="records_quarantined",
        filtered="records_filtered",
        no_location="records_without_location",
    ),
    _counter(
        "filter_matches",
        "Records that a rule of filter decided about, by the rule's place in its list",
        "filter_matches",
        label="rule",
    ),
    _counter("values_redacted", "Values blanked by redact", "values_redacted"),
    _counter(
        "records_sensitive",
        "Records with values that a preset of redact would blank, which is off",
        "records_sensitive",
        label="preset",
    ),
    _counter(
        "records_without_time",
        "Records delivered with their notification's time, for want of their own",
        "records_without_time",
    ),
    _counter("chunks_acknowledged", "Chunks acknowledged", "chunks_acked"),
    _counter(
        "chunks_resent",
        "Times that a chunk was sent whole again: the most that may have come twice",
        "chunks_resent",
    ),
    _counter(
        "chunks_poisoned",
        "Chunks that the receiver refuses: halved, or a record for the quarantine",
        "chunks_poisoned",
    ),
    _counter(
        "delivered_bytes",
        "Bytes of acknowledged chunks, before compression",
        "delivered_bytes",
    ),
    _gauge(
        "chunks_unacknowledged",
        "Chunks emitted and not yet acknowledged",
        "unacked_chunks",
    ),
    _gauge("unacknowledged_bytes", "Bytes of their frames", "unacked_bytes"),
    _histogram(
        "chunk_ack_seconds",
        "From the handing over of a chunk to its acknowledgement",
        "chunk_ack",
    ),
    _gauge(
        "receiver_connected",
        "1 while there is a connection to the receiver",
        "is_connected",
    ),
    _counter(
        "receiver_connects", "Connections to the receiver that were made", "connects"
    ),
    _counter(
        "receiver_disconnects",
        "Connections to the receiver that were lost or did not come about",
        "disconnects",
    ),
    _counter(
        "backpressure_seconds",
        "Time in which nothing was received for want of room, by where it was short",
        "waited_s",
        label="cause",
    ),
    # The pool.
    _gauge(
        "budget_used_bytes", "What is held of pool.inflight_bytes", "budget_used_bytes"
    ),
    _gauge("budget_limit_bytes", "pool.inflight_bytes", per_worker=False),
    _gauge("worker_up", "1 while a worker runs in this slot"),
    _gauge("worker_heartbeat_age_seconds", "Since the worker's last sign of life"),
    _counter("worker_restarts", "Workers replaced because they died"),
    _counter(
        "worker_replacements",
        "Workers replaced after a drain, for their memory or a new configuration",
    ),
    _gauge("worker_resident_memory_bytes", "Resident memory of the worker"),
    _counter("worker_cpu_seconds", "Processor time of the slot's workers"),
    _gauge("quarantine_items", "Items in the quarantine", per_worker=False),
    _gauge("quarantine_bytes", "What they take on disk", per_worker=False),
    Metric(
        "trailfeed_config_reloads_total",
        "counter",
        "Reloads of the configuration, by outcome",
        label="outcome",
        per_worker=False,
    ),
    _gauge("ready", "1 while /readyz answers 200", per_worker=False),
    _gauge(
        "start_time_seconds",
        "Epoch second at which the supervisor began",
        per_worker=False,
    ),
    _gauge("build_info", "Always 1", label="version", per_worker=False),
)
