"""What a worker tells its supervisor, and what it is told."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Final, Protocol

from worker.deliver.aws_state import AwsState
from worker.deliver.failing_buckets import FailingBuckets
from worker.deliver.numbers import Histogram, Tally
from worker.transform.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Sequence

RETURN_REASONS: Final = (
    "drain",
    "predecessor",
    "unknown_message",
    "missing_object",
    "bad_object",
    "unreadable_object",
    "poison_record",
    "quarantine_failed",
    "failing_bucket",
    "duplicate",
)
IGNORED_REASONS: Final = (
    "test_event",
    "cloudtrail_validation",
    "config_notification",
    "other_event_source",
    "other_event_type",
    "folder_marker",
    "empty_object",
    "no_objects",
    "excluded_key",
    "unknown_message",
)
SQS_ACTIONS: Final = ("receive", "delete", "change_visibility", "depth")
OBJECT_OUTCOMES: Final = ("delivered", "skipped", "quarantined", "returned", "dropped")
WAITS: Final = ("receiver", "s3", "deletes", "budget", "backlog")
NO_RULE: Final = "no include"
"""Where ``filter.include`` has rules, and none of them held."""

MAX_RULES: Final = 32
"""Of ``filter.include`` and of ``filter.exclude`` that are counted by themselves."""

RULES: Final = (
    NO_RULE,
    *(f"{kind} {n + 1}" for kind in ("include", "exclude") for n in range(MAX_RULES)),
)
LATENCY_S: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0),
)
LAG_S: Final = (
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0),
    *(1_800.0, 3_600.0, 14_400.0, 86_400.0, 604_800.0),
)
_Many = Tally | Histogram | FailingBuckets
"""Fields of Progress of several numbers."""

UNKNOWN: Final = -1.0
"""A standing number that nobody has asked for yet."""


@dataclass(slots=True)
class Progress:
    """Running totals of one worker process, and how it stands.

    Attributes:
        messages_lost: Their receipt handle was lost: SQS delivers them again.
        messages_returned: Given back to the queue, by reason.
        parts_ignored: Parts of messages that are not read, by reason.
        sqs_requests: Calls that were answered, by what they do.
        sqs_failures: Calls that failed as a whole.
        objects_done: Objects emitted and acknowledged to the end.
        objects_failed: Objects that no further try will mend, and messages that are no
            notification.
        records_without_time: Delivered with the notification's time.
        records_without_location: Dropped as nothing is at ``decode.record_location``.
        records_filtered: Dropped by ``[filter]``.
        filter_matches: Records that a rule of ``[filter]`` decided about, by the rule's
            place.
        values_redacted: Values blanked by ``[redact]``.
        records_sensitive: Records with something that a preset of ``[redact]`` which is
            off would blank, by preset.
        objects: Objects that are done with, by outcome.
        object_bytes: What they take as stored, where they were read.
        downloads_failed: Reads of an object that failed, tried again or not.
        disconnects: Connections to the receiver that were lost or did not come about.
        waited_s: Seconds in which nothing was received for want of room, by where.
        stage_wait: Seconds from a message's receipt to the download of its object.
        stage_download: Seconds that took, with retries.
        stage_decode: Seconds from bytes to encoded records, a part of the next.
        stage_emit: Seconds from the body's arrival to its last record's emission.
        stage_ack: Seconds from there to the last acknowledgement.
        object_lag: Seconds from the event that a notification tells of to the last
            acknowledgement of its object.
        message_lag: Seconds from the sending of the message to that.
        chunk_ack: Seconds from a chunk's handing over to its acknowledgement.
        held: Messages received and not yet deleted or given back.
        oldest_sent_at: Epoch second at which the oldest held message was sent; 0.0
            while none is held.
        unacked_chunks: Chunks emitted and not yet acknowledged.
        backlog_objects: Objects that wait for their download or their last record.
        queue_visible: Messages that a receive would bring, as SQS said last.
        sqs_state: An :class:`AwsState`, of the last receive.
        s3_state: Of the last read, as long as that matters.
        progressed_at: Monotonic instant at which something was acknowledged or settled
            last, or nothing was held.
        empty_since: Monotonic instant since which the queue was seen empty with
            nothing held here; 0.0 while it is not.
        failing_buckets: Those of which no object can be read.
    """

    messages_received: int = 0
    messages_deleted: int = 0
    messages_extended: int = 0
    messages_lost: int = 0
    messages_returned: Tally = field(default_factory=lambda: Tally.of(*RETURN_REASONS))
    parts_ignored: Tally = field(default_factory=lambda: Tally.of(*IGNORED_REASONS))
    sqs_requests: Tally = field(default_factory=lambda: Tally.of(*SQS_ACTIONS))
    sqs_failures: Tally = field(default_factory=lambda: Tally.of(*SQS_ACTIONS))
    objects_done: int = 0
    objects_failed: int = 0
    objects: Tally = field(default_factory=lambda: Tally.of(*OBJECT_OUTCOMES))
    object_bytes: Tally = field(default_factory=lambda: Tally.of(*OBJECT_OUTCOMES))
    downloads_done: int = 0
    downloads_failed: int = 0
    records_delivered: int = 0
    records_without_time: int = 0
    records_without_location: int = 0
    records_filtered: int = 0
    filter_matches: Tally = field(default_factory=lambda: Tally.of(*RULES))
    values_redacted: int = 0
    records_sensitive: Tally = field(default_factory=lambda: Tally.of(*PRESETS))
    records_quarantined: int = 0
    chunks_acked: int = 0
    chunks_resent: int = 0
    chunks_poisoned: int = 0
    delivered_bytes: int = 0
    connects: int = 0
    disconnects: int = 0
    waited_s: Tally = field(default_factory=lambda: Tally.of(*WAITS))
    stage_wait: Histogram = field(default_factory=lambda: Histogram(LATENCY_S))
    stage_download: Histogram = field(default_factory=lambda: Histogram(LATENCY_S))
    stage_decode: Histogram = field(default_factory=lambda: Histogram(LATENCY_S))
    stage_emit: Histogram = field(default_factory=lambda: Histogram(LATENCY_S))
    stage_ack: Histogram = field(default_factory=lambda: Histogram(LATENCY_S))
    object_lag: Histogram = field(default_factory=lambda: Histogram(LAG_S))
    message_lag: Histogram = field(default_factory=lambda: Histogram(LAG_S))
    chunk_ack: Histogram = field(default_factory=lambda: Histogram(LATENCY_S))
    held: int = 0
    oldest_sent_at: float = 0.0
    unacked_chunks: int = 0
    unacked_bytes: int = 0
    budget_used_bytes: int = 0
    backlog_objects: int = 0
    is_connected: bool = False
    queue_visible: float = UNKNOWN
    queue_in_flight: float = UNKNOWN
    queue_delayed: float = UNKNOWN
    sqs_state: int = int(AwsState.UNTRIED)
    s3_state: int = int(AwsState.UNTRIED)
    progressed_at: float = 0.0
    empty_since: float = 0.0
    failing_buckets: FailingBuckets = field(default_factory=FailingBuckets)

    def count_object(self, outcome: str, size_bytes: int | None) -> None:
        """An object is done with; ``outcome`` is one of :data:`OBJECT_OUTCOMES`."""
        self.objects.add(outcome)
        self.object_bytes.add(outcome, size_bytes or 0)

    def to_row(self) -> list[float]:
        """All numbers in one row, in the order of :data:`ADDS_UP`."""
        row: list[float] = []
        for name in _NAMES:
            value = getattr(self, name)
            if isinstance(value, _Many):
                row += value.to_row()
            else:
                row.append(value)
        return row

    @classmethod
    def of_row(cls, row: Sequence[float]) -> Progress:
        """What :meth:`to_row` made a row of; counters come back as they are stored."""
        made = cls()
        start = 0
        for name in _NAMES:
            value = getattr(made, name)
            if isinstance(value, _Many):
                end = start + len(value.to_row())
                setattr(made, name, value.like(row[start:end]))
            else:
                end = start + 1
                setattr(made, name, type(value)(row[start]))
            start = end
        return made


STANDING: Final = frozenset(
    {
        "held",
        "oldest_sent_at",
        "unacked_chunks",
        "unacked_bytes",
        "budget_used_bytes",
        "backlog_objects",
        "is_connected",
        "queue_visible",
        "queue_in_flight",
        "queue_delayed",
        "sqs_state",
        "s3_state",
        "progressed_at",
        "empty_since",
        "failing_buckets",
    }
)
"""Fields of Progress that say how a worker stands, and do not add up over time."""

_NAMES: Final = tuple(one.name for one in fields(Progress))


def _adds_up() -> tuple[bool, ...]:
    flags: list[bool] = []
    for name in _NAMES:
        value = getattr(Progress(), name)
        cells = len(value.to_row()) if isinstance(value, _Many) else 1
        flags += [name not in STANDING] * cells
    return tuple(flags)


ADDS_UP: Final = _adds_up()
"""Of each number of a row, whether it is a running total."""


class Control(Protocol):
    """The worker process around the loop: signals, heartbeat, parent."""

    def fileno(self) -> int:
        """Readable when a command has come in."""
        ...

    @property
    def drain_timeout_s(self) -> float | None:
        """None: go on. Else: drain, and be done within so many seconds."""
        ...

    @property
    def has_successor(self) -> bool:
        """While draining: another worker will take the place of this one."""
        ...

    @property
    def is_too_large(self) -> bool:
        """While draining: it is for its memory."""
        ...

    @property
    def receiver_is_gone(self) -> bool:
        """The stdout writer ended: nothing emitted will be acknowledged any more."""
        ...

    def report(self, progress: Progress) -> None:
        """Beat the heart, and publish the totals now and then."""
        ...
