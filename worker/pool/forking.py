"""How a child of the supervisor begins and ends."""

from __future__ import annotations

import logging
import os
import signal
from typing import TYPE_CHECKING, Protocol

from worker.pool import exit_codes
from worker.pool.signals import held_back, ignore
from worker.pool.worker import flush_standard_streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from worker.pool.logs import LogFunnel

logger = logging.getLogger(__name__)


class Closable(Protocol):
    """What a child lets go of."""

    def close(self) -> None: ...


def fork_child(
    child: Callable[[], int],
    *,
    funnel: LogFunnel,
    slot: int | None,
    not_its_own: Iterable[Closable],
) -> int:
    """Fork; the child runs ``child`` and exits with what it returns.

    Args:
        child: The whole life of the process.
        funnel: Takes its logs.
        slot: Of a worker; None: the process logs straight to standard error.
        not_its_own: Closed in the child before anything else.

    Returns:
        The process id of the child.

    Raises:
        OSError: There can be no more processes.
    """
    flush_standard_streams()
    with held_back() as let_through:
        pid = os.fork()
        if pid == 0:
            code = exit_codes.FAILURE
            try:
                funnel.enter_child(slot)
                for one in not_its_own:
                    one.close()
                ignore(signal.SIGINT, signal.SIGHUP)
                let_through()
                code = child()
            except BaseException:
                logger.exception("process ends by a fault of trailfeed's own")
            finally:
                if slot is not None:
                    funnel.leave_child(slot)
                flush_standard_streams()
                os._exit(code)
    return pid
