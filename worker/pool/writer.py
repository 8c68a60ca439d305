"""The stdout writer: one process that writes what all workers emit.

A worker that is killed in the middle of a frame tears its own connection, never the
output. Workers connect to it as to any receiver, over a socket in a private directory.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import tempfile
from pathlib import Path

from plugin_bridge.errors import OutputClosedError
from plugin_bridge.stdout import listen, serve
from worker.pool import exit_codes
from worker.pool.signals import SignalQueue

logger = logging.getLogger(__name__)

STDOUT_FD = 1


class WriterSocket:
    """Where the workers find the writer: a socket that only this user can reach."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="trailfeed-"))
        self._path = self._folder / "stdout.sock"
        self.listener = listen(self._path)
        self.address = f"unix://{self._path}"

    def close(self) -> None:
        self.listener.close()

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def run_writer(socket: WriterSocket, *, supervisor_pid: int) -> int:
    """Write frames to standard output until told to end, or until its reader is gone.

    Signals that end the pool do not end the writer: the workers settle with it first,
    and the supervisor ends it last, with SIGUSR1.

    Returns:
        The exit code of the process.
    """
    signals = SignalQueue((signal.SIGUSR1,), ignored=(signal.SIGTERM,))

    def should_stop() -> bool:
        return any(signals.take()) or os.getppid() != supervisor_pid

    try:
        serve(socket.listener, STDOUT_FD, should_stop=should_stop)
    except OutputClosedError as error:
        logger.error("%s", error)  # noqa: TRY400 - one line is all there is to say
        # Python would try to flush it once more at exit.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT_FD)
        return exit_codes.FAILURE
    except Exception:
        logger.exception("the stdout writer ends by a fault of trailfeed's own")
        return exit_codes.FAILURE
    finally:
        if os.getppid() != supervisor_pid:
            socket.remove()
    return exit_codes.DONE
