"""A backfill without the queue: a pool of its own, fed from here.

The pool is the daemon's, with its acknowledgements, retries and quarantine. Its queue
is the run's work list, and its journal lies in the run's folder, so that it can work
beside a daemon that uses the same configuration.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Final, Self

from worker.backfill import work_list
from worker.backfill.run import open_run_database
from worker.backfill.sending import batches, refs_of
from worker.backfill.work_list import WorkList
from worker.pool.apart import PoolApart

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from worker.backfill.pacing import Pacer
    from worker.backfill.run import Run
    from worker.backfill.sending import Batch, Watcher
    from worker.backfill.walk import Leg
    from worker.config.model import Config
    from worker.source.notifications import ObjectRef

LOW_WATER: Final = 2_000
"""Objects on the list, below which more are put there."""

AT_ONCE: Final = 500
"""Objects that are put on the list together."""

VISIBILITY_TIMEOUT_S: Final = 30

LOOK_EVERY_S: Final = 0.1

QUARANTINE: Final = "quarantine"


class Direct:
    """The pool of a run, and the feeding of it.

    To be made before the run's database is opened, and before there are threads and
    AWS clients.

    Args:
        config: The whole configuration.
        run: Locked; not open.
        log_pipe: Where the pool's log goes, its read end first; None: to standard
            error.
    """

    def __init__(
        self, config: Config, run: Run, *, log_pipe: tuple[int, int] | None
    ) -> None:
        self._run = run
        in_sns = config.source.uses_sns is True
        with contextlib.closing(open_run_database(run.folder)) as database:
            work_list.begin_again(database)
        _share_quarantine(run.folder)
        feeder_fd, self._own_fd = os.pipe()
        folder = run.folder
        self.pool = PoolApart(
            _own_config(config, folder),
            make_queue=lambda: WorkList(folder, feeder_fd=feeder_fd, in_sns=in_sns),
            not_its_own=(self._own_fd, *(log_pipe or ())[:1]),
            log_fd=None if log_pipe is None else log_pipe[1],
        )
        os.close(feeder_fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let go: what is begun is settled, unless this is interrupted again."""
        os.close(self._own_fd)
        self.pool.drain()
        try:
            self.wait()
        finally:
            self.pool.kill()

    def feed(
        self,
        legs: Iterator[Leg],
        pacer: Pacer,
        *,
        region: str | None,
        watcher: Watcher,
    ) -> bool:
        """Feed all of it and wait for its delivery.

        Returns:
            Whether the pool came to the end of the list.

        Raises:
            RetriableError: S3 refuses or fails.
        """
        for batch in batches(legs, pacer.batch(AT_ONCE)):
            while self.pool.is_alive and not self._has_room(batch, pacer):
                self._show(watcher)
                time.sleep(LOOK_EVERY_S)
            if not self.pool.is_alive:
                return False
            self._put(batch, region)
            self._show(watcher)
        with self._run.noting() as database:
            work_list.set_fed(database)
        while self.pool.is_alive:
            self._show(watcher)
            time.sleep(LOOK_EVERY_S)
        return self._show(watcher) == 0

    def wait(self) -> None:
        """Wait for the pool's end."""
        while self.pool.is_alive:
            time.sleep(LOOK_EVERY_S)

    def failed(self) -> list[ObjectRef]:
        """What was given up; another go takes it up again."""
        return work_list.failed_refs(self._run.open())

    def _has_room(self, batch: Batch, pacer: Pacer) -> bool:
        if work_list.left(self._run.open())[0] >= LOW_WATER:
            return False
        if pacer.wait_s(len(batch.objects), time.monotonic()):
            return False
        pacer.sent(len(batch.objects))
        return True

    def _put(self, batch: Batch, region: str | None) -> None:
        run = self._run
        refs = refs_of(
            batch.objects, bucket=run.request.bucket, region=region, run_id=run.run_id
        )
        with run.noting() as database:
            work_list.put(database, refs)
            run.standing.add(len(refs), batch.size_bytes, batch.left_out, batch.cursor)

    def _show(self, watcher: Watcher) -> int:
        """Show what is done with; return how many objects are not."""
        standing = self._run.standing
        count, size_bytes = work_list.left(self._run.open())
        watcher.look(standing.dealt_with - count, standing.size_bytes - size_bytes)
        return count


def _own_config(config: Config, folder: Path) -> Config:
    """The same, with a state of its own and without a status endpoint.

    What a killed worker was about to receive comes again after the visibility timeout;
    and to extend one costs nothing here.
    """
    timeout_s = min(config.source.visibility_timeout_s, VISIBILITY_TIMEOUT_S)
    return config.model_copy(
        update={
            "source": config.source.model_copy(
                update={"visibility_timeout_s": timeout_s}
            ),
            "state": config.state.model_copy(update={"dir": str(folder)}),
            "status": config.status.model_copy(update={"listen": ""}),
        }
    )


def _share_quarantine(folder: Path) -> None:
    """Have the pool put into the daemon's quarantine what belongs there."""
    shared = folder.absolute().parent.parent / QUARANTINE
    shared.mkdir(mode=0o700, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        (folder / QUARANTINE).symlink_to(shared)
