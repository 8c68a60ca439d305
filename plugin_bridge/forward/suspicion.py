"""Which frame is to blame: tells a frame that is refused from a receiver that is full.

Both look the same on one connection. So a frame that failed alone is accused, and the
next connection begins with another one, a *probe*:

* the probe is acknowledged: others pass, which is a strike against the accused;
* the probe fails too: back-pressure, and nothing was proved against the first; now the
  probe is accused, and the next one is tried.

A frame is poison with :data:`STRIKES`, once it is the oldest. It is tried again only
under the conditions that the probe had, as the first and only frame of a connection: a
receiver that closes after each frame that it takes (a full buffer does that in Fluent
Bit) would else seem to refuse whatever comes second.

A frame that stays unacknowledged on a connection where later ones pass needs no probe:
they are the proof. It never goes first again, as its silence would hold up the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

STRIKES = 3
"""Failures, each while others pass, that make a frame poison."""


class _Manner(Enum):
    """How a frame failed last."""

    NEVER = auto()
    CLOSED = auto()  # the connection ended, or the receiver refused
    SILENT = auto()  # no acknowledgement in time


@dataclass(slots=True)
class _Frame:
    failures: int = 0
    strikes: int = 0
    manner: _Manner = _Manner.NEVER


class Suspicion:
    """The unacknowledged frames of one client, in the order of :meth:`add`.

    Frames are transmitted for the first time in that order: those that are passed over
    by :meth:`first`, or kept back by :meth:`may_follow`, have all failed before.
    """

    def __init__(self) -> None:
        self._frames: dict[str, _Frame] = {}
        self._failed: set[str] = set()  # mostly empty, so that asking costs nothing
        self._accused: str | None = None  # failed alone at the latest attempt

    @property
    def has_trial_due(self) -> bool:
        """Whether some frame waits for a connection that it can be the first on."""
        return any(
            _is_kept_back(frame) and frame.strikes < STRIKES
            for frame in map(self._frames.__getitem__, self._failed)
        )

    @property
    def lacks_probe(self) -> bool:
        """Whether every frame failed alone, so that only a new one can tell more."""
        return bool(self._frames) and len(self._failed) == len(self._frames)

    @property
    def poison(self) -> str | None:
        """The oldest frame if it is poison; to be taken out with :meth:`remove`."""
        oldest = next(iter(self._frames), None)
        if oldest is None or self._frames[oldest].strikes < STRIKES:
            return None
        return oldest

    def first(self) -> str | None:
        """Return the frame to begin a connection with, ``None`` if there is none.

        That is the oldest, or after a failure a probe: the oldest of those that failed
        least. So none is transmitted before an older one was, and frames that were
        transmitted before go rather than others.
        """
        frames = self._frames
        if self._accused is None:
            return min(
                frames, key=lambda chunk: _is_silent(frames[chunk]), default=None
            )
        return min(frames, key=self._rank_as_probe)

    def may_follow(self, chunk: str) -> bool:
        """Say whether a frame may go after others have, on the same connection."""
        return not _is_kept_back(self._frames[chunk])

    def is_silent(self, chunk: str) -> bool:
        """Say whether a frame got no answer last time, so that others must pass it."""
        return _is_silent(self._frames[chunk])

    def add(self, chunk: str) -> None:
        """Take in a new frame, the youngest."""
        self._frames[chunk] = _Frame()

    def acked(self, chunk: str) -> None:
        """Note that a frame passed, and so that others do."""
        self.remove(chunk)
        if self._accused is not None:
            accused = self._frames[self._accused]
            if accused.manner is _Manner.CLOSED:
                accused.strikes += 1
        self._accused = None

    def remove(self, chunk: str) -> None:
        """Forget a frame."""
        del self._frames[chunk]
        self._failed.discard(chunk)
        if self._accused == chunk:
            self._accused = None

    def closed(self, chunk: str) -> None:
        """Note that a connection ended whose first and only frame this was."""
        self._fail(chunk, _Manner.CLOSED)
        self._accused = chunk

    def stalled(self, chunk: str) -> None:
        """Note that the first and only frame of a connection got no answer in time.

        That alone never makes a strike: slow receivers do it to each frame.
        """
        self._fail(chunk, _Manner.SILENT)
        self._accused = chunk

    def skipped(self, chunk: str) -> None:
        """Note that a frame got no answer in time while a later one was acknowledged.

        Source: Vector ``src/sources/fluent/mod.rs``: a frame that cannot be decoded is
        passed over, neither acknowledged nor refused.
        """
        self._fail(chunk, _Manner.SILENT)
        self._frames[chunk].strikes += 1

    def _fail(self, chunk: str, manner: _Manner) -> None:
        frame = self._frames[chunk]
        frame.failures += 1
        frame.manner = manner
        self._failed.add(chunk)

    def _rank_as_probe(self, chunk: str) -> tuple[bool, bool, int]:
        frame = self._frames[chunk]
        return (
            chunk == self._accused,
            _is_silent(frame),
            frame.failures,
        )


def _is_silent(frame: _Frame) -> bool:
    return frame.manner is _Manner.SILENT


def _is_kept_back(frame: _Frame) -> bool:
    return bool(frame.strikes) and frame.manner is _Manner.CLOSED
