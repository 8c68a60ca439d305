"""What the supervisor knows of its workers: a page of memory that both can see.

Each slot is written by one worker only, and read by the supervisor. No lock: a lock in
shared memory outlives the process that was killed while holding it.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass, fields

from worker.deliver.progress import Progress

_NAMES = tuple(field.name for field in fields(Progress))
_CELL_BYTES = 8
_HAS_BOOTED, _BEAT_AT, _FIRST = 0, 1, 2
_SLOT_CELLS = _FIRST + len(_NAMES)


@dataclass(frozen=True, slots=True)
class SlotReading:
    """One look at a slot.

    Attributes:
        has_booted: Whether the worker has reached its loop.
        beat_at: Monotonic instant of the last heartbeat; 0.0 before the first.
    """

    has_booted: bool
    beat_at: float
    progress: Progress


class Board:
    """Heartbeats and totals of ``slots`` workers, in anonymous shared memory.

    Every value is a double in a cell of its own, written with one store: a reader sees
    the old one or the new one. Counters stay exact up to 2**53.
    """

    def __init__(self, slots: int) -> None:
        memory = mmap.mmap(-1, _CELL_BYTES * (1 + slots * _SLOT_CELLS))
        self._cells = memoryview(memory).cast("d")

    @property
    def receiver_is_gone(self) -> bool:
        """Set by the supervisor when the stdout writer has ended."""
        return bool(self._cells[0])

    @receiver_is_gone.setter
    def receiver_is_gone(self, value: bool) -> None:
        self._cells[0] = float(value)

    def clear(self, slot: int) -> None:
        """Make a slot ready for a new worker."""
        start = self._start(slot)
        for cell in range(start, start + _SLOT_CELLS):
            self._cells[cell] = 0.0

    def write(self, slot: int, beat_at: float, progress: Progress) -> None:
        """Called by the worker of ``slot``, from its loop."""
        start = self._start(slot)
        for cell, name in enumerate(_NAMES, start + _FIRST):
            self._cells[cell] = getattr(progress, name)
        self._cells[start + _BEAT_AT] = beat_at
        self._cells[start + _HAS_BOOTED] = 1.0

    def read(self, slot: int) -> SlotReading:
        """Called by the supervisor."""
        start = self._start(slot)
        values = self._cells[start + _FIRST : start + _SLOT_CELLS].tolist()
        progress = Progress(
            **{
                name: value if name == "empty_since" else int(value)
                for name, value in zip(_NAMES, values, strict=True)
            }
        )
        return SlotReading(
            bool(self._cells[start + _HAS_BOOTED]),
            self._cells[start + _BEAT_AT],
            progress,
        )

    @staticmethod
    def _start(slot: int) -> int:
        return 1 + slot * _SLOT_CELLS
