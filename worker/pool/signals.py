"""The only place that sets signal handlers; a handler only enqueues."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

SUPERVISOR_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP)
REPLACE = signal.SIGUSR1
"""Tells a worker to drain, and to leave what it does not finish to its successor."""

REPLACE_LARGE = signal.SIGUSR2
"""The same, because of the memory that it holds."""

CHILD_SIGNALS = (signal.SIGTERM, REPLACE, REPLACE_LARGE)


class SignalQueue:
    """Signals as values, in the order of their coming, for a loop that polls.

    Logging, locks and allocation-heavy work are not safe inside a handler; so it
    appends a number and Python's wake-up descriptor ends the loop's wait.

    Args:
        signals: Which ones to queue.
        ignored: Which ones to ignore.
    """

    def __init__(
        self,
        signals: tuple[signal.Signals, ...],
        ignored: tuple[signal.Signals, ...] = (),
    ) -> None:
        self._received: deque[signal.Signals] = deque()
        self._read_fd, self._write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        os.set_blocking(self._write_fd, False)
        self._former_fd = signal.set_wakeup_fd(
            self._write_fd, warn_on_full_buffer=False
        )
        self._former = {sig: signal.signal(sig, self._on_signal) for sig in signals}
        for sig in ignored:
            self._former[sig] = signal.signal(sig, signal.SIG_IGN)
        # What :func:`keep_from_the_start` kept comes in now.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)

    def fileno(self) -> int:
        """Readable when a signal has come in."""
        return self._read_fd

    def take(self) -> Iterator[signal.Signals]:
        """Yield what has come in, oldest first."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._read_fd, 4096)
        while self._received:
            yield self._received.popleft()

    def close(self) -> None:
        """Put the former handlers back."""
        for sig, handler in self._former.items():
            signal.signal(sig, handler)
        signal.set_wakeup_fd(self._former_fd)
        os.close(self._read_fd)
        os.close(self._write_fd)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._received.append(signal.Signals(number))


def ignore(*signals: signal.Signals) -> None:
    """In a new child: a Ctrl-C in the terminal, for one, is the supervisor's affair."""
    for sig in signals:
        signal.signal(sig, signal.SIG_IGN)


def keep_from_the_start(pid: int) -> None:
    """As process 1, keep a SIGTERM until a :class:`SignalQueue` takes it.

    The kernel throws away what process 1 (a container's, as a rule) has no handler for,
    unless it is blocked: a SIGTERM during the boot would be lost, and the container
    killed when its grace period is over. Any other process is ended by it, as ever.

    Args:
        pid: Of this process.

    Source: pid_namespaces(7), "The namespace init process".
    """
    if pid == 1:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


@contextlib.contextmanager
def held_back() -> Iterator[Callable[[], None]]:
    """Hold signals back across a fork, until the child has let go of the handlers.

    Else one that arrives in between runs the parent's handler in the child, which
    would write into the pipe that both share.

    Yields:
        What the child calls to let signals through again, as it never leaves the block.
    """
    former = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())

    def let_through() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)

    try:
        yield let_through
    finally:
        let_through()
