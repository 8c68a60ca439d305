"""Which frame is to blame: tells a frame that is refused from a receiver that is full.

Both look the same on one connection. So a frame that failed alone is accused, and the
next connection begins with another one, a *probe*:

* the probe is acknowledged: others pass, which is a strike against the accused;
* the probe fails too: back-pressure, and nothing was proved against the first; now the
  probe is accused, and the next one is tried.

A frame is poison with :data:`STRIKES`, once it is the oldest. It is tried again only
under the conditions that the probe had, as the first and only frame of a connection: a
receiver that closes after each frame that it takes (a full buffer does that in Fluent
Bit) would else seem to refuse whatever comes second. Nor does it break a connection
then that others are in flight on.

A frame that stays unacknowledged on a connection where later ones pass needs no probe:
they are the proof. It never goes first again, as its silence would hold up the others.

A poison frame of several records is halved by its owner. That loses and repeats
nothing, so it takes less than to give up a record:

* A half goes as the first frame of a connection. Once it is acknowledged, that is a
  strike against the other half. One strike and one failure of its own make a half of
  several records poison.
* With nothing else to send there is no probe. So when every frame has failed alone, one
  of several records that failed :data:`STRIKES` times (a half: once) is halved, and the
  halves are the probes. An outage does that, too, and it does no harm then: a single
  record is never poison without a strike, and where everything fails there is none.
* When all else has passed, and what is left are single records, each a half with a
  strike, one that failed :data:`LAST_FAILURES` times in a row since then is poison: it
  takes far longer than the restart of a receiver. A record that never shared a chunk
  waits for others.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

STRIKES = 3
"""Failures, each while others pass, that make a frame poison."""

LAST_FAILURES = 10
"""Failures in a row that make the last record of a refused chunk poison.

With the back-off they take 40 s on average.
"""


class _Manner(Enum):
    """How a frame failed last."""

    NEVER = auto()
    CLOSED = auto()  # the connection ended, or the receiver refused
    SILENT = auto()  # no acknowledgement in time


@dataclass(slots=True)
class _Frame:
    is_single: bool
    half_of: str | None
    failures: int = 0
    strikes: int = 0
    failures_since_strike: int = 0
    manner: _Manner = _Manner.NEVER

    @property
    def patience(self) -> int:
        """How many strikes make it poison."""
        return 1 if self.half_of is not None and not self.is_single else STRIKES

    @property
    def is_poison(self) -> bool:
        return self.failures > 0 and self.strikes >= self.patience

    @property
    def is_silent(self) -> bool:
        return self.manner is _Manner.SILENT

    @property
    def is_kept_back(self) -> bool:
        """Whether it goes as the first frame of a connection only."""
        is_suspect = self.strikes > 0 or self.half_of is not None
        return is_suspect and not self.is_silent

    @property
    def is_last_record(self) -> bool:
        """Whether it is what halving can leave of a refused chunk."""
        return self.is_single and self.half_of is not None

    @property
    def is_left_over(self) -> bool:
        """Whether it is that, and the receiver took others."""
        return self.is_last_record and self.strikes > 0 and not self.is_silent


class Suspicion:
    """The unacknowledged frames of one client, in the order of :meth:`add`.

    Frames are transmitted for the first time in that order: those that are passed over
    by :meth:`first`, or kept back by :meth:`may_follow`, have all failed before, halves
    at least as a part of the whole.
    """

    def __init__(self) -> None:
        self._frames: dict[str, _Frame] = {}
        self._failed: set[str] = set()  # mostly empty, so that asking costs nothing
        self._suspects: set[str] = (
            set()
        )  # in the same way: halves, and those with strikes
        self._accused: str | None = None  # failed alone at the latest attempt

    @property
    def has_trial_due(self) -> bool:
        """Whether some frame waits for a connection that it can be the first on."""
        return any(
            frame.is_kept_back and not frame.is_poison
            for frame in map(self._frames.__getitem__, self._suspects)
        )

    @property
    def lacks_probe(self) -> bool:
        """Whether every frame failed alone, so that only a new one can tell more."""
        return bool(self._frames) and len(self._failed) == len(self._frames)

    @property
    def last_records(self) -> int:
        """How many single records of refused chunks failed often enough to be poison.

        They leave their room in the window to others, as nothing can be told without.
        """
        return sum(
            frame.is_last_record and frame.failures >= STRIKES
            for frame in self._frames.values()
        )

    @property
    def poison(self) -> str | None:
        """The frame that is poison, if one is; to be taken out with :meth:`remove`."""
        oldest = next(iter(self._frames), None)
        if oldest is not None and self._frames[oldest].is_poison:
            return oldest
        return self._poison_without_probe() if self.lacks_probe else None

    def first(self) -> str | None:
        """Return the frame to begin a connection with, ``None`` if there is none.

        That is the oldest, or after a failure a probe: the oldest of those that failed
        least. So none is transmitted before an older one was, and frames that were
        transmitted before go rather than others.
        """
        frames = self._frames
        if self._accused is None:
            return min(frames, key=lambda chunk: frames[chunk].is_silent, default=None)
        return min(frames, key=self._rank_as_probe)

    def may_follow(self, chunk: str) -> bool:
        """Say whether a frame may go after others have, on the same connection."""
        return not self._frames[chunk].is_kept_back

    def is_silent(self, chunk: str) -> bool:
        """Say whether a frame got no answer last time, so that others must pass it."""
        return self._frames[chunk].is_silent

    def add(self, chunk: str, count: int, half_of: str | None = None) -> None:
        """Take in a new frame, the youngest.

        Args:
            chunk: Its id.
            count: How many records it holds.
            half_of: The poison frame that it is a half of, if it is one.
        """
        self._frames[chunk] = _Frame(count == 1, half_of)
        if half_of is not None:
            self._suspects.add(chunk)

    def acked(self, chunk: str) -> None:
        """Note that a frame passed, and so that others do."""
        half_of = self._frames[chunk].half_of
        self.remove(chunk)
        accused, self._accused = self._accused, None
        if accused is not None and self._frames[accused].manner is _Manner.CLOSED:
            self._strike(accused)
        if half_of is not None:
            for other, frame in self._frames.items():
                if frame.half_of == half_of and other != accused:
                    self._strike(other)

    def remove(self, chunk: str) -> None:
        """Forget a frame."""
        del self._frames[chunk]
        self._failed.discard(chunk)
        self._suspects.discard(chunk)
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
        self._strike(chunk)

    def _strike(self, chunk: str) -> None:
        frame = self._frames[chunk]
        frame.strikes += 1
        frame.failures_since_strike = 0
        self._suspects.add(chunk)

    def _fail(self, chunk: str, manner: _Manner) -> None:
        frame = self._frames[chunk]
        frame.failures += 1
        frame.failures_since_strike += 1
        frame.manner = manner
        self._failed.add(chunk)

    def _rank_as_probe(self, chunk: str) -> tuple[bool, bool, int]:
        frame = self._frames[chunk]
        return chunk == self._accused, frame.is_silent, frame.failures

    def _poison_without_probe(self) -> str | None:
        """Judge where every frame has failed alone."""
        frames = self._frames
        for chunk, frame in frames.items():
            if not frame.is_single and frame.failures >= frame.patience:
                return chunk
        if all(frame.is_left_over for frame in frames.values()):
            return next(
                (
                    chunk
                    for chunk, frame in frames.items()
                    if frame.failures_since_strike >= LAST_FAILURES
                ),
                None,
            )
        return None
