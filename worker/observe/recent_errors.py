"""The last errors of a pool's log, in memory that the status process sees too."""

from __future__ import annotations

import mmap
import struct
from typing import Final

KEPT: Final = 16
_TEXT_BYTES: Final = 488
_HEAD: Final = struct.Struct("=QdI")  # number, epoch second, length of the text
_ENTRY_BYTES: Final = 512


class RecentErrors:
    """A ring of lines: the supervisor writes, others read, nobody waits.

    An entry's number is taken away while it is written, and looked at before and after
    it is read.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, KEPT * _ENTRY_BYTES)
        self._last = 0

    def add(self, epoch_s: float, text: str) -> None:
        """Keep one more line, and forget the oldest.

        Args:
            epoch_s: When it was said.
            text: What; a very long one is cut.
        """
        number = self._last = self._last + 1
        start = number % KEPT * _ENTRY_BYTES
        data = text.encode("utf-8", "replace")[:_TEXT_BYTES]
        _HEAD.pack_into(self._memory, start, 0, epoch_s, len(data))
        self._memory[start + _HEAD.size : start + _HEAD.size + len(data)] = data
        _HEAD.pack_into(self._memory, start, number, epoch_s, len(data))

    def read(self) -> list[tuple[float, str]]:
        """Epoch seconds and lines, the newest first."""
        found = []
        for start in range(0, KEPT * _ENTRY_BYTES, _ENTRY_BYTES):
            number, epoch_s, length = _HEAD.unpack_from(self._memory, start)
            if not number or length > _TEXT_BYTES:
                continue
            data = self._memory[start + _HEAD.size : start + _HEAD.size + length]
            if _HEAD.unpack_from(self._memory, start)[0] == number:
                found.append((number, epoch_s, data.decode("utf-8", "ignore")))
        return [(epoch_s, text) for _, epoch_s, text in sorted(found, reverse=True)]
