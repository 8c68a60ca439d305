"""What the supervisor knows of its workers: a page of memory that both can see.

Each slot is written by one worker only, and read by the supervisor. No lock: a lock in
shared memory outlives the process that was killed while holding it. A torn read of a
counter costs one wrong figure in one look, nothing else.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import astuple, dataclass, fields

from worker.deliver.progress import Progress

_GLOBAL = struct.Struct("<B7x")
_SLOT = struct.Struct("<d8qd")
_BOOTED = struct.Struct("<B7x")
_SLOT_BYTES = _BOOTED.size + _SLOT.size


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
    """Heartbeats and totals of ``slots`` workers, in anonymous shared memory."""

    def __init__(self, slots: int) -> None:
        self._memory = mmap.mmap(-1, _GLOBAL.size + slots * _SLOT_BYTES)

    @property
    def receiver_is_gone(self) -> bool:
        """Set by the supervisor when the stdout writer has ended."""
        return bool(_GLOBAL.unpack_from(self._memory, 0)[0])

    @receiver_is_gone.setter
    def receiver_is_gone(self, value: bool) -> None:
        _GLOBAL.pack_into(self._memory, 0, value)

    def clear(self, slot: int) -> None:
        """Make a slot ready for a new worker."""
        start = self._start(slot)
        self._memory[start : start + _SLOT_BYTES] = bytes(_SLOT_BYTES)

    def write(self, slot: int, beat_at: float, progress: Progress) -> None:
        """Called by the worker of ``slot``, from its loop."""
        start = self._start(slot)
        _BOOTED.pack_into(self._memory, start, 1)
        _SLOT.pack_into(self._memory, start + _BOOTED.size, beat_at, *astuple(progress))

    def read(self, slot: int) -> SlotReading:
        """Called by the supervisor."""
        start = self._start(slot)
        (booted,) = _BOOTED.unpack_from(self._memory, start)
        beat_at, *values = _SLOT.unpack_from(self._memory, start + _BOOTED.size)
        return SlotReading(bool(booted), beat_at, Progress(*values))

    @staticmethod
    def _start(slot: int) -> int:
        return _GLOBAL.size + slot * _SLOT_BYTES


if len(fields(Progress)) != _SLOT.size // 8 - 1:  # pragma: no cover
    raise AssertionError("Board's slot layout and Progress have drifted apart")
