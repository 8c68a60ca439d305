"""When an acknowledgement is overdue: of all frames, or of one that later ones passed.

Both count from a frame's last byte. A receiver that does not even read has not got the
frame: it is waited for.
"""

from __future__ import annotations


class AckTimer:
    """What is whole and unanswered on one connection. Instants are monotonic seconds.

    Args:
        timeout_s: Longest silence, in seconds.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._written: dict[str, float] = {}  # whole frames, oldest first
        self._acked_at = float("-inf")  # the latest one
        self._passed: dict[str, float] = {}  # a later one was acknowledged
        self._skipped: set[str] = set()  # reported by skipped()

    @property
    def skipped_count(self) -> int:
        """How many frames :meth:`skipped` has named that are unanswered to this day."""
        return len(self._skipped)

    def written(self, chunk: str, now: float) -> None:
        """Note that the last byte of a frame went out."""
        self._written[chunk] = now

    def acked(self, chunk: str, now: float) -> None:
        """Note the answer to a frame that is whole."""
        for other, written_at in self._written.items():
            if other == chunk:
                break
            if other not in self._skipped:
                self._passed[other] = written_at
        del self._written[chunk]
        self._passed.pop(chunk, None)
        self._skipped.discard(chunk)
        self._acked_at = now

    def deadline(self) -> float | None:
        """Return when the next answer is overdue, ``None`` if none is awaited."""
        since = self._silent_since
        if since is None:
            return None
        return min((since, *self._passed.values())) + self._timeout_s

    def skipped(self, now: float) -> list[str]:
        """Return the frames that are overdue while a later one was answered.

        Each is named once, the oldest first.
        """
        overdue = [
            chunk
            for chunk, written_at in self._passed.items()
            if now >= written_at + self._timeout_s
        ]
        for chunk in overdue:
            del self._passed[chunk]
        self._skipped.update(overdue)
        return overdue

    def is_silent(self, now: float) -> bool:
        """Say whether nothing at all was answered for too long.

        What :meth:`skipped` has named is not awaited any more.
        """
        since = self._silent_since
        return since is not None and now >= since + self._timeout_s

    @property
    def _silent_since(self) -> float | None:
        """The last answer, or the last byte of the oldest frame if that was later."""
        for chunk, written_at in self._written.items():
            if chunk not in self._skipped:
                return max(written_at, self._acked_at)
        return None
