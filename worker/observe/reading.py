"""One look at a whole pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.deliver.progress import Progress
    from worker.observe.board import PoolState, SlotReading


@dataclass(frozen=True, slots=True)
class Facts:
    """What does not change while a supervisor lives.

    Attributes:
        version: Of trailfeed.
        started_at: Epoch second at which the supervisor began.
    """

    version: str
    started_at: float


@dataclass(frozen=True, slots=True)
class PoolReading:
    """What the board and the disk show at one moment.

    Attributes:
        now: Monotonic instant of the look.
        epoch_s: The same in epoch seconds.
        quarantine: Items, and bytes that they take; None: there is no quarantine, or it
            cannot be read.
        errors: Epoch seconds and lines of the log, the newest first.
    """

    facts: Facts
    state: PoolState
    slots: tuple[SlotReading, ...]
    now: float
    epoch_s: float
    quarantine: tuple[int, int] | None = None
    errors: tuple[tuple[float, str], ...] = ()

    @property
    def booted(self) -> Iterable[tuple[int, Progress]]:
        """The workers that are at work, with their slots."""
        return (
            (number, slot.progress)
            for number, slot in enumerate(self.slots)
            if slot.care.pid and slot.has_booted
        )
