"""What the processes of a pool know of each other: a page of memory that all can see.

Each slot is written by its worker and, beside that, by the supervisor, each in cells of
their own. No lock: a lock in shared memory outlives the process that was killed while
holding it.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass, fields
from typing import Final

from worker.deliver.progress import ADDS_UP, Progress

_CELL_BYTES: Final = 8
_HAS_BOOTED, _BEAT_AT, _FIRST = range(3)


@dataclass(frozen=True, slots=True)
class Care:
    """What the supervisor knows of a slot.

    Attributes:
        pid: Of its worker; 0 between two of them.
        spawned_at: Monotonic instant of the last fork.
        restarts: Workers that had to be replaced because they died.
        replacements: Workers that were replaced because they were to: after they had
            drained for their memory, or for a new configuration.
        rss_bytes: Resident memory at the last look; 0 before the first.
        cpu_s: Processor time of the slot's workers, all of them together.
    """

    pid: int = 0
    spawned_at: float = 0.0
    restarts: int = 0
    replacements: int = 0
    rss_bytes: int = 0
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class PoolState:
    """What the supervisor says of itself.

    Attributes:
        beat_at: Monotonic instant of its last turn.
        is_ending: It drains the pool.
        reloads: Configurations taken over while running.
        reloads_refused: Those that were not.
        budget_limit_bytes: ``pool.inflight_bytes``.
        include_rules: How many ``filter.include`` has.
        exclude_rules: How many ``filter.exclude`` has.
    """

    beat_at: float = 0.0
    is_ending: bool = False
    reloads: int = 0
    reloads_refused: int = 0
    budget_limit_bytes: int = 0
    include_rules: int = 0
    exclude_rules: int = 0


_CARE: Final = tuple(
    (one.name, type(getattr(Care(), one.name))) for one in fields(Care)
)
_STATE: Final = tuple(
    (one.name, type(getattr(PoolState(), one.name))) for one in fields(PoolState)
)
_CARE_FIRST: Final = _FIRST + len(ADDS_UP)
_SLOT_CELLS: Final = _CARE_FIRST + len(_CARE)
_STATE_FIRST: Final = 1
_SLOTS_FIRST: Final = _STATE_FIRST + len(_STATE)


@dataclass(frozen=True, slots=True)
class SlotReading:
    """One look at a slot.

    Attributes:
        has_booted: Whether the worker has reached its loop.
        beat_at: Monotonic instant of the last heartbeat; 0.0 before the first.
        progress: How the worker stands, and the running totals of it and of those that
            were in its place before.
    """

    has_booted: bool
    beat_at: float
    progress: Progress
    care: Care


class Board:
    """Heartbeats and totals of ``slots`` workers, in anonymous shared memory.

    Every value is a double in a cell of its own, written with one store: a reader sees
    the old one or the new one. Counters stay exact up to 2**53, and never go back: a
    worker begins where the one before it in its slot has ended.
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots
        memory = mmap.mmap(-1, _CELL_BYTES * (_SLOTS_FIRST + slots * _SLOT_CELLS))
        self._cells = memoryview(memory).cast("d")
        for slot in range(slots):
            self.clear(slot)

    @property
    def receiver_is_gone(self) -> bool:
        """Set by the supervisor when the stdout writer has ended."""
        return bool(self._cells[0])

    @receiver_is_gone.setter
    def receiver_is_gone(self, value: bool) -> None:
        self._cells[0] = float(value)

    @property
    def state(self) -> PoolState:
        """The supervisor's own."""
        cells = self._cells[_STATE_FIRST:_SLOTS_FIRST].tolist()
        return PoolState(
            **{
                name: kind(value)
                for (name, kind), value in zip(_STATE, cells, strict=True)
            }
        )

    @state.setter
    def state(self, state: PoolState) -> None:
        for cell, (name, _) in enumerate(_STATE, _STATE_FIRST):
            self._cells[cell] = getattr(state, name)

    def clear(self, slot: int) -> None:
        """Make a slot ready for a new worker: its totals stay, its state goes."""
        start = self._start(slot)
        self._cells[start + _HAS_BOOTED] = self._cells[start + _BEAT_AT] = 0.0
        fresh = Progress().to_row()
        for cell, (value, adds_up) in enumerate(
            zip(fresh, ADDS_UP, strict=True), start + _FIRST
        ):
            if not adds_up:
                self._cells[cell] = value

    def writer(self, slot: int) -> SlotWriter:
        """Called once by each worker of ``slot``, before it counts anything."""
        start = self._start(slot)
        return SlotWriter(self._cells[start : start + _CARE_FIRST])

    def set_care(self, slot: int, care: Care) -> None:
        """Called by the supervisor."""
        start = self._start(slot) + _CARE_FIRST
        for cell, (name, _) in enumerate(_CARE, start):
            self._cells[cell] = getattr(care, name)

    def read(self, slot: int) -> SlotReading:
        """Called by the supervisor and the status process."""
        start = self._start(slot)
        cells = self._cells[start : start + _SLOT_CELLS].tolist()
        return SlotReading(
            bool(cells[_HAS_BOOTED]),
            cells[_BEAT_AT],
            Progress.of_row(cells[_FIRST:_CARE_FIRST]),
            Care(
                **{
                    name: kind(value)
                    for (name, kind), value in zip(
                        _CARE, cells[_CARE_FIRST:], strict=True
                    )
                }
            ),
        )

    @staticmethod
    def _start(slot: int) -> int:
        return _SLOTS_FIRST + slot * _SLOT_CELLS


class SlotWriter:
    """A worker's cells.

    Args:
        cells: From the flag of the boot to the last number of its progress.
    """

    def __init__(self, cells: memoryview[float]) -> None:
        self._cells = cells
        self._base = [
            value if adds_up else 0.0
            for value, adds_up in zip(cells[_FIRST:].tolist(), ADDS_UP, strict=True)
        ]

    def beat(self, now: float) -> None:
        """Show a sign of life."""
        self._cells[_BEAT_AT] = now
        self._cells[_HAS_BOOTED] = 1.0

    def publish(self, progress: Progress) -> None:
        """Show all numbers."""
        for cell, (value, base) in enumerate(
            zip(progress.to_row(), self._base, strict=True), _FIRST
        ):
            self._cells[cell] = base + value
