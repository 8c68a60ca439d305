"""A whole pool below a process that has more to do than to watch it."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from worker.errors import ConfigError, TrailfeedError
from worker.pool import exit_codes
from worker.pool.signals import held_back
from worker.pool.start import run_pool
from worker.pool.worker import flush_standard_streams
from worker.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from worker.config.model import Config
    from worker.deliver.calls import SourceQueue

IDLE_S = 0.5


class PoolApart:
    """Supervisor and workers in a process group of their own.

    To be made before there are threads, AWS clients or open databases. A Ctrl-C in the
    terminal does not reach it: whoever made it passes on what he likes to.

    Args:
        config: The whole configuration.
        make_queue: Of the workers, called in each; the pool ends once it is empty.
        not_its_own: Descriptors that are closed in it.
        log_fd: Where its log goes; None: to standard error.
    """

    def __init__(
        self,
        config: Config,
        *,
        make_queue: Callable[[], SourceQueue],
        not_its_own: Iterable[int] = (),
        log_fd: int | None = None,
    ) -> None:
        self.exit_code: int | None = None
        flush_standard_streams()
        with held_back() as let_through:
            self._pid = os.fork()
            if self._pid == 0:
                code = exit_codes.FAILURE
                try:
                    os.setpgid(0, 0)
                    if log_fd is not None:
                        os.dup2(log_fd, sys.stderr.fileno())
                    for fd in not_its_own:
                        os.close(fd)
                    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                        signal.signal(one, signal.SIG_DFL)
                    let_through()
                    code = _run(config, make_queue)
                finally:
                    flush_standard_streams()
                    os._exit(code)

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended yet."""
        if self.exit_code is None:
            ended, status = os.waitpid(self._pid, os.WNOHANG)
            if ended:
                self.exit_code = os.waitstatus_to_exitcode(status)
        return self.exit_code is None

    def drain(self) -> None:
        """Let it settle what is begun, and end."""
        if self.is_alive:
            os.kill(self._pid, signal.SIGTERM)

    def kill(self) -> None:
        """End all of it at once."""
        if self.is_alive:
            os.killpg(self._pid, signal.SIGKILL)


def _run(config: Config, make_queue: Callable[[], SourceQueue]) -> int:
    try:
        return run_pool(config, until_empty_idle_s=IDLE_S, make_queue=make_queue)
    except ConfigError as error:
        lines, code = error.problems, exit_codes.BAD_CONFIG
    except TrailfeedError as error:
        lines, code = (str(error),), exit_codes.FAILURE
    for line in lines:
        sys.stderr.write(f"trailfeed: {printable(line)}\n")
    return code
