"""One place in the pool: the worker in it, and those before it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from worker.deliver.progress import Progress
from worker.pool.restart import RestartPolicy


@dataclass(slots=True)
class Slot:
    """A numbered place for a worker.

    Attributes:
        number: Counts from 0; the worker logs and reports under it.
        pid: The worker's process, None between two of them.
        spawned_at: Monotonic instant of the last fork.
        spawn_at: Monotonic instant at which the next one is forked, while there is
            none.
        kill_at: Monotonic instant at which a worker that was aborted is killed.
        is_leaving: It was asked to drain, so its end is no death.
        past: Totals of the workers that were here before.
    """

    number: int
    pid: int | None = None
    spawned_at: float = 0.0
    spawn_at: float = 0.0
    kill_at: float | None = None
    is_leaving: bool = False
    past: Progress = field(default_factory=Progress)
    policy: RestartPolicy = field(default_factory=RestartPolicy)

    def reaped(self, last: Progress) -> None:
        """The worker is gone; add its totals to those of its predecessors."""
        self.past = total((self.past, last))
        self.pid = self.kill_at = None
        self.is_leaving = False


STANDING = frozenset({"held", "unacked_chunks", "empty_since"})
"""Fields of Progress that say how a worker stands, and do not add up over time."""


def total(progresses: tuple[Progress, ...]) -> Progress:
    """Add the counters up."""
    return Progress(
        **{
            field.name: sum(getattr(progress, field.name) for progress in progresses)
            for field in dataclasses.fields(Progress)
            if field.name not in STANDING
        }
    )
