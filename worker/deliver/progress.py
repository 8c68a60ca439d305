"""What a worker tells its supervisor, and what it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True)
class Progress:
    """Running totals of one worker process, and how it stands.

    Attributes:
        objects_done: Objects emitted and acknowledged to the end.
        objects_failed: Objects that no further try will mend, and messages that are no
            notification.
        records_without_time: Delivered with the notification's time.
        records_without_location: Dropped as nothing is at ``decode.record_location``.
        records_filtered: Dropped by ``[filter]``.
        held: Messages received and not yet deleted or given back.
        unacked_chunks: Chunks emitted and not yet acknowledged.
        empty_since: Monotonic instant since which the queue was seen empty with
            nothing held here; 0.0 while it is not.
    """

    messages_received: int = 0
    messages_deleted: int = 0
    messages_returned: int = 0
    objects_done: int = 0
    objects_failed: int = 0
    records_delivered: int = 0
    records_without_time: int = 0
    records_without_location: int = 0
    records_filtered: int = 0
    held: int = 0
    unacked_chunks: int = 0
    empty_since: float = 0.0


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
    def receiver_is_gone(self) -> bool:
        """The stdout writer ended: nothing emitted will be acknowledged any more."""
        ...

    def report(self, progress: Progress) -> None:
        """Beat the heart and publish the totals."""
        ...
