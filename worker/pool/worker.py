"""A worker process, from its fork to its exit."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import random
import signal
import sys
import time
from typing import TYPE_CHECKING

from worker.deliver.assembly import build_loop
from worker.errors import ConfigError
from worker.pool import exit_codes
from worker.pool.garbage import Garbage
from worker.pool.signals import CHILD_SIGNALS, REPLACE_LARGE, SignalQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.config.model import Config
    from worker.deliver.assembly import Identity
    from worker.deliver.calls import SourceQueue
    from worker.deliver.progress import Progress
    from worker.observe.board import Board

logger = logging.getLogger(__name__)

PUBLISH_S = 0.25
"""How often a worker shows its numbers; the rest of the time it only beats."""

ORPHAN_DRAIN_S = 2.0
"""What a worker without supervisor may take to settle: its successors wait."""


class WorkerControl:
    """The loop's side of signals, heartbeat and parent (``deliver.progress.Control``).

    Args:
        board: Shared with the supervisor.
        slot: This worker's place on it.
        supervisor_pid: The parent; another one means that the supervisor is gone.
        drain_timeout_s: ``pool.drain_timeout_s``.
    """

    def __init__(
        self, board: Board, slot: int, *, supervisor_pid: int, drain_timeout_s: float
    ) -> None:
        self._board = board
        self._cells = board.writer(slot)
        self._progress: Progress | None = None
        self._publish_due = 0.0
        self._empty_since = 0.0
        self._supervisor_pid = supervisor_pid
        self._configured_drain_s = drain_timeout_s
        self._signals = SignalQueue(CHILD_SIGNALS)
        self._drain_timeout_s: float | None = None
        self._garbage: Garbage | None = None
        self.is_orphan = False
        self.has_successor = False
        self.is_too_large = False

    def fileno(self) -> int:
        return self._signals.fileno()

    @property
    def drain_timeout_s(self) -> float | None:
        for received in self._signals.take():
            self._drain_timeout_s = self._configured_drain_s
            self.has_successor = received is not signal.SIGTERM
            self.is_too_large |= received is REPLACE_LARGE
        if not self.is_orphan and os.getppid() != self._supervisor_pid:
            logger.error("the supervisor is gone; draining")
            self.is_orphan = True
            self.has_successor = False
            self._drain_timeout_s = ORPHAN_DRAIN_S
        return self._drain_timeout_s

    @property
    def receiver_is_gone(self) -> bool:
        return self._board.receiver_is_gone

    def report(self, progress: Progress) -> None:
        now = time.monotonic()
        # The end of a run hangs on this one.
        if now >= self._publish_due or progress.empty_since != self._empty_since:
            self._publish_due = now + PUBLISH_S
            self._empty_since = progress.empty_since
            self._cells.publish(progress)
        self._cells.beat(now)
        self._progress = progress
        if self._garbage is None:
            self._garbage = Garbage(now)  # all that stays stands by the first turn
        self._garbage.step(now)

    def close(self) -> None:
        """Show the last numbers."""
        if self._progress is not None:
            self._cells.publish(self._progress)


def run_worker(
    config: Config,
    *,
    board: Board,
    identity: Identity,
    supervisor_pid: int,
    address: str,
    until_empty: bool,
    make_queue: Callable[[], SourceQueue] | None = None,
) -> int:
    """Work until told to drain.

    Args:
        config: The whole configuration.
        board: Shared with the supervisor.
        identity: This worker's own.
        supervisor_pid: Process id of the parent.
        address: Where the receiver listens: ``output.address``, or the stdout
            writer's socket.
        until_empty: Report when the queue is seen empty.
        make_queue: As for :func:`worker.deliver.assembly.build_loop`.

    Returns:
        The exit code of the process.
    """
    faulthandler.enable()  # also on the SIGABRT of a supervisor that hears nothing
    random.seed()
    control = WorkerControl(
        board,
        identity.slot,
        supervisor_pid=supervisor_pid,
        drain_timeout_s=config.pool.drain_timeout_s,
    )
    try:
        parts = build_loop(
            config,
            identity=identity,
            control=control,
            address=address,
            until_empty=until_empty,
            make_queue=make_queue,
        )
    except ConfigError as error:
        for problem in error.problems:
            logger.error("%s", problem)  # noqa: TRY400 - bad input, no traceback
        return exit_codes.BAD_CONFIG
    except Exception:
        logger.exception("worker cannot start")
        return exit_codes.FAILURE
    try:
        parts.loop.run()
    except Exception:
        logger.exception("worker ends by a fault of trailfeed's own")
        return exit_codes.FAILURE
    finally:
        control.close()
        parts.close()
    return exit_codes.FAILURE if control.is_orphan else exit_codes.DONE


def flush_standard_streams() -> None:
    """Before ``os._exit``: what was printed shall not be lost."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
