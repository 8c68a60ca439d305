"""One place in the pool: the worker in it, and those before it."""

from __future__ import annotations

from dataclasses import dataclass, field

from worker.observe.board import Care
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
        generation: Of the configuration that the worker was forked with.
        is_leaving: It was asked to drain, so its end is no death.
        restarts: Deaths so far.
        replacements: Workers replaced after a drain.
        rss_bytes: Resident memory of the worker at the last look.
        cpu_s: Its processor time then.
        past_cpu_s: Processor time of the workers that were here before.
    """

    number: int
    pid: int | None = None
    spawned_at: float = 0.0
    spawn_at: float = 0.0
    kill_at: float | None = None
    generation: int = 0
    is_leaving: bool = False
    restarts: int = 0
    replacements: int = 0
    rss_bytes: int = 0
    cpu_s: float = 0.0
    past_cpu_s: float = 0.0
    policy: RestartPolicy = field(default_factory=RestartPolicy)

    def reaped(self, cpu_s: float) -> None:
        """The worker is gone, after so much processor time."""
        # What was measured last may be a little more: a counter must not go back.
        self.past_cpu_s += max(cpu_s, self.cpu_s)
        self.cpu_s = 0.0
        self.rss_bytes = 0
        self.pid = self.kill_at = None

    def care(self) -> Care:
        """What the board shows of it."""
        return Care(
            pid=self.pid or 0,
            spawned_at=self.spawned_at,
            restarts=self.restarts,
            replacements=self.replacements,
            rss_bytes=self.rss_bytes,
            cpu_s=self.past_cpu_s + self.cpu_s,
        )
