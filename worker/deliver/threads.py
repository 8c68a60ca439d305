"""Threads beside the loop, for calls that block.

Each takes orders from the loop, makes the call and puts what came of it into the
inbox. A thread that meets an error which nobody foresaw says so there too, and the
worker ends by it: no silent half-dead worker.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from worker.deliver.inbox import ThreadCrashed

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.deliver.inbox import Inbox

CLOSE_TIMEOUT_S = 5.0


class Threads:
    """A few daemon threads that work off one list of orders."""

    def __init__(self, name: str, count: int, inbox: Inbox) -> None:
        self._inbox = inbox
        self._orders: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{n}", daemon=True)
            for n in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def order(self, call: Callable[[], None]) -> None:
        self._orders.put(call)

    def close(self) -> None:
        """Let the threads end after what is ordered; wait for it, not for ever."""
        for _ in self._threads:
            self._orders.put(None)
        for thread in self._threads:
            thread.join(CLOSE_TIMEOUT_S)

    def _work(self) -> None:
        while call := self._orders.get():
            try:
                call()
            except BaseException as error:  # noqa: BLE001 - the loop raises it
                self._inbox.put(ThreadCrashed(error))
                return
