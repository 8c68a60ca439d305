"""The status process: forked beside the workers, watched and replaced like them."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import random
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from worker.observe.listening import open_listener, url_of
from worker.observe.lookout import Lookout
from worker.observe.reading import Facts
from worker.observe.recent_errors import RecentErrors
from worker.observe.server import StatusServer
from worker.pool import exit_codes
from worker.pool.restart import RestartPolicy
from worker.pool.signals import ignore

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.config.model import Config
    from worker.observe.board import Board

logger = logging.getLogger(__name__)


class StatusProcess:
    """The supervisor's side of it: the socket, which outlives the processes behind it.

    Args:
        config: The whole configuration, with a ``status.listen``.

    Attributes:
        errors: What the log says of errors; shown with the rest.

    Raises:
        ConfigError: It cannot listen there.
    """

    def __init__(self, config: Config) -> None:
        self._listener = open_listener(config.status.listen)
        self._facts = Facts(_version(), datetime.now(UTC).timestamp())
        state_dir = config.state.dir
        self._quarantine = Path(state_dir) / "quarantine" if state_dir else None
        self._policy = RestartPolicy()
        self.errors = RecentErrors()
        self._spawned_at = 0.0
        self._spawn_at = 0.0
        self.pid: int | None = None
        self.url = url_of(self._listener)

    def spawn_if_due(
        self,
        now: float,
        board: Board,
        fork: Callable[[Callable[[], int]], int],
    ) -> None:
        """Fork it where there is none.

        Args:
            now: Monotonic instant.
            board: Which it shows.
            fork: Forks a child that runs what it is given.
        """
        if self.pid is not None or now < self._spawn_at:
            return
        supervisor_pid = os.getpid()
        try:
            self.pid = fork(lambda: self._run(board, supervisor_pid))
        except OSError as error:
            self._spawn_at = now + self._policy.on_death(lived_s=0.0, jitter=_jitter())
            logger.error(  # noqa: TRY400 - the machine's fault, not ours
                "cannot start the status process: %s", error.strerror
            )
        else:
            self._spawned_at = now

    def on_exit(self, said: str) -> None:
        """It has ended; the workers do not mind.

        Args:
            said: How, as words.
        """
        now = time.monotonic()
        lived_s = now - self._spawned_at
        delay_s = self._policy.on_death(lived_s=lived_s, jitter=_jitter())
        self.pid, self._spawn_at = None, now + delay_s
        logger.error("the status process %s; next one in %.1f s", said, delay_s)

    def end(self) -> None:
        """End it: there is nothing that it could lose."""
        self._listener.close()
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = None

    def close(self) -> None:
        """In a child that is another one: let go of the socket."""
        self._listener.close()

    def _run(self, board: Board, supervisor_pid: int) -> int:
        # What ends the pool does not end this: it shows how the workers drain.
        ignore(signal.SIGTERM)
        lookout = Lookout(board, self._facts, self.errors, self._quarantine)
        StatusServer(self._listener, lookout.look).serve_while(
            lambda: os.getppid() == supervisor_pid
        )
        return exit_codes.DONE


def _jitter() -> float:
    return random.random()  # noqa: S311 - spreads restarts, no secret


def _version() -> str:
    try:
        return importlib.metadata.version("trailfeed")
    except importlib.metadata.PackageNotFoundError:
        return "unpackaged"
