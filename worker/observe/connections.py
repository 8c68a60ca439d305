"""The status endpoint's connections: a few, none of them for long."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_CONNECTIONS: Final = 16
DEADLINE_S: Final = 10.0
"""For a request and its answer together, however many bytes come in between."""


@dataclass(slots=True)
class _Connection:
    began_at: float
    is_answered: bool = False
    is_closed: bool = False


class Connections:
    """Makes room for who comes, at the cost of who is slow.

    A connection that is closed from here ends the thread that serves it. Safe to call
    from several threads.

    Args:
        clock: Monotonic time.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._open: dict[socket.socket, _Connection] = {}
        self._lock = threading.Lock()

    def open(self, connection: socket.socket) -> bool:
        """Take a connection on.

        Where there are :data:`MAX_CONNECTIONS`, the oldest one that has not sent its
        request goes, or else the oldest of all.

        Returns:
            False where those that went before are still about to.
        """
        with self._lock:
            if len(self._open) >= 2 * MAX_CONNECTIONS:
                return False
            if len(self._open) >= MAX_CONNECTIONS:
                self._close_one()
            self._open[connection] = _Connection(self._clock())
            return True

    def answer(self, connection: socket.socket) -> None:
        """A request is whole, and about to be answered."""
        with self._lock:
            if connection in self._open:
                self._open[connection].is_answered = True

    def end(self, connection: socket.socket) -> None:
        """A connection was served."""
        with self._lock:
            self._open.pop(connection, None)

    def close_late(self) -> None:
        """Close what takes longer than :data:`DEADLINE_S`."""
        with self._lock:
            latest = self._clock() - DEADLINE_S
            for connection, known in self._open.items():
                if known.began_at <= latest:
                    _close(connection, known)

    def _close_one(self) -> None:
        left = {one: known for one, known in self._open.items() if not known.is_closed}
        slow = [one for one, known in left.items() if not known.is_answered]
        for connection in (slow or list(left))[:1]:
            _close(connection, left[connection])


def _close(connection: socket.socket, known: _Connection) -> None:
    known.is_closed = True
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
