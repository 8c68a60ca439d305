"""The log funnel: every process logs, the supervisor alone writes.

Records cross by multiprocessing-logging, with one handler a worker slot. The lock of
its queue is not robust: a worker killed with SIGKILL while it holds it would silence
every other that shares it. So none is shared, and a slot's handler is replaced when its
worker is.

To retire the handler of a dead worker its write end is closed: the reader thread then
meets the end of the pipe, even in the middle of a torn record, and ends by itself.
``MultiProcessingHandler.close()`` is no way to do it: it waits five seconds for a
thread that is stuck in that torn record, and leaves it there.
"""

from __future__ import annotations

import logging
import multiprocessing
import threading
from multiprocessing.queues import Queue
from typing import TYPE_CHECKING

from multiprocessing_logging import MultiProcessingHandler

from worker.pool.log_format import StderrHandler

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from worker.config.model import LogConfig

    class _Queue(Queue[logging.LogRecord]):
        _reader: Connection
        _writer: Connection
else:
    _Queue = Queue

FLUSH_TIMEOUT_S = 2.0
LOOK_UP_AFTER_S = 2.0
"""A reader with nothing to read asks so often whether its handler is closed."""

READ_OUT_TIMEOUT_S = 0.5


class _SlotQueue(_Queue):
    """A queue whose two ends can be closed apart."""

    def __init__(self) -> None:
        super().__init__(ctx=multiprocessing.get_context("fork"))

    def get(
        self, block: bool = True, timeout: float | None = None
    ) -> logging.LogRecord:
        """Wait longer than the handler asks for: each of its turns costs."""
        del timeout
        return super().get(block, LOOK_UP_AFTER_S)

    def close(self) -> None:
        super().close()
        self._reader.close()

    def close_read_end(self) -> None:
        self._reader.close()

    def close_write_end(self) -> None:
        self._writer.close()

    @staticmethod
    def _on_queue_feeder_error(e: Exception, obj: object) -> None:
        """A supervisor that is gone reads no logs: nobody is left to tell."""


class _SlotHandler(MultiProcessingHandler):  # type: ignore[misc]
    """multiprocessing-logging's handler, on a queue that can be retired."""

    def __init__(self, slot: int, stderr: StderrHandler) -> None:
        super().__init__(f"logs-{slot}", sub_handler=stderr)
        # Nobody has written to the first queue; its reader looks here within 0.2 s.
        self.queue = _SlotQueue()

    def read_out(self) -> None:
        """Let the reader write what the worker said last, but not wait for ever."""
        self._receive_thread.join(READ_OUT_TIMEOUT_S)


class _WorkerField(logging.Filter):
    """Adds the number of the worker to each of its records."""

    def __init__(self, worker: int) -> None:
        super().__init__()
        self._worker = worker

    def filter(self, record: logging.LogRecord) -> bool:
        record.worker = self._worker
        return True


class LogFunnel:
    """The supervisor's end of all logs.

    Args:
        config: The section ``[log]``.
        fd: Where the lines go.
        keep_error: Takes epoch second and text of each error.
    """

    def __init__(
        self,
        config: LogConfig,
        *,
        fd: int = 2,
        keep_error: Callable[[float, str], None] | None = None,
    ) -> None:
        self._handlers: dict[int, _SlotHandler] = {}
        self._stderr = StderrHandler(config.format, fd, keep_error)
        root = logging.getLogger()
        root.handlers = [self._stderr]
        self.configure(config)
        # What they warn of, with tracebacks, comes back as an error that is explained.
        for noisy in ("botocore", "boto3", "urllib3"):
            logging.getLogger(noisy).setLevel(logging.ERROR)

    def configure(self, config: LogConfig) -> None:
        """Log as the section says; processes forked before keep their level."""
        self._stderr.use(config.format)
        logging.getLogger().setLevel(config.level.upper())

    def open(self, slot: int) -> None:
        """Make a handler for the worker that is about to be forked."""
        self._handlers[slot] = _SlotHandler(slot, self._stderr)

    def retire(self, slot: int) -> None:
        """End the reader of a worker that has died; its last words come out first."""
        handler = self._handlers.pop(slot, None)
        if handler is not None:
            handler.queue.close_write_end()
            handler.read_out()
            # Off logging's list of handlers to close at exit: see the module's text.
            logging.Handler.close(handler)

    def enter_child(self, slot: int | None) -> None:
        """In a new child: log into its own handler, close all that are others'.

        Args:
            slot: The worker's slot; None for a process that logs straight to stderr.
        """
        own = None
        for number, handler in self._handlers.items():
            handler.queue.close_read_end()
            if number == slot:
                own = handler
            else:
                handler.queue.close_write_end()
        if own is not None and slot is not None:
            own.filters = [_WorkerField(slot)]
            logging.getLogger().handlers = [own]

    def leave_child(self, slot: int) -> None:
        """Before a worker exits: let its last records through, but not for ever."""
        queue = self._handlers[slot].queue
        queue.close()
        flush = threading.Thread(target=queue.join_thread, daemon=True)
        flush.start()
        flush.join(FLUSH_TIMEOUT_S)
