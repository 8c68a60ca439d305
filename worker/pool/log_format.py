"""A log record as one line: text for people, JSON for machines."""

from __future__ import annotations

import json
import logging
import os
import select
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from worker.printable import printable, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_MS = 200
"""How long one line may wait for a reader of stderr."""

FIELDS = (
    *("worker", "bucket", "key", "message_id", "records", "bytes"),
    *("wait_ms", "download_ms", "emit_ms", "ack_ms"),
)
"""What a record may carry in ``extra``, in the order in which it is shown."""


class TextFormatter(logging.Formatter):
    """``2026-11-21T09:15:01.123Z INFO worker=0 connected to … bucket=… key="a b"``.

    On one line, whatever it holds; see :mod:`worker.printable`.
    """

    def format(self, record: logging.LogRecord) -> str:
        parts = [_timestamp(record), record.levelname]
        if hasattr(record, "worker"):
            parts.append(f"worker={record.worker}")
        parts.append(printable(_message(record)))
        parts += [
            f"{name}={quoted(str(getattr(record, name)))}"
            for name in FIELDS[1:]
            if hasattr(record, name)
        ]
        return " ".join(parts)


class JsonFormatter(logging.Formatter):
    """One object: ``time``, ``level``, ``message``, and the fields that apply."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _timestamp(record),
            "level": record.levelname.lower(),
            "message": _message(record),
        }
        for name in FIELDS:
            if hasattr(record, name):
                line[name] = getattr(record, name)
        return json.dumps(line, default=str)


class StderrHandler(logging.Handler):
    """Whole lines to a descriptor, which must never hold up the daemon.

    A reader of stderr that stands still costs lines, counted, and nothing else.
    multiprocessing-logging's reader threads call :meth:`emit` without the handler's
    lock and die of its exceptions, so it takes a lock of its own and lets none out.

    Args:
        format_: ``log.format``.
        fd: The descriptor.
        keep_error: Takes epoch second and text of each error; in this process only.
    """

    def __init__(
        self,
        format_: Literal["text", "json"],
        fd: int = 2,
        keep_error: Callable[[float, str], None] | None = None,
    ) -> None:
        super().__init__()
        self._keep_error = keep_error
        self.use(format_)
        self._fd = fd
        self._dropped = 0
        self._writing = threading.Lock()
        os.register_at_fork(after_in_child=self._renew_lock)

    def use(self, format_: Literal["text", "json"]) -> None:
        """Write in this format from now on."""
        self.setFormatter(JsonFormatter() if format_ == "json" else TextFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
            with self._writing:
                self._write(line)
                if self._keep_error is not None and record.levelno >= logging.ERROR:
                    self._keep_error(record.created, _in_short(record))
        except Exception:  # noqa: BLE001 - logging's own way of saying so
            self.handleError(record)

    def _write(self, line: str) -> None:
        if self._dropped and self._is_ready(0):
            self._put(f"({self._dropped} log lines dropped: stderr was not read)")
            self._dropped = 0
        if self._dropped or not self._put(line):
            self._dropped += 1

    def _put(self, line: str) -> bool:
        """Write a line, in pieces that a pipe that is ready takes without blocking."""
        data = line.encode("utf-8", "replace") + b"\n"
        for start in range(0, len(data), select.PIPE_BUF):
            if not self._is_ready(PATIENCE_MS):
                return False
            os.write(self._fd, data[start : start + select.PIPE_BUF])
        return True

    def _is_ready(self, timeout_ms: int) -> bool:
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        return any(events & select.POLLOUT for _, events in poll.poll(timeout_ms))

    def _renew_lock(self) -> None:
        self._writing = threading.Lock()
        self._keep_error = None


def _in_short(record: logging.LogRecord) -> str:
    worker = f"worker {record.worker}: " if hasattr(record, "worker") else ""
    return worker + printable(record.getMessage())


def _message(record: logging.LogRecord) -> str:
    message = record.getMessage()
    if record.exc_info:
        record.exc_text = logging.Formatter().formatException(record.exc_info)
    return f"{message}\n{record.exc_text}" if record.exc_text else message


def _timestamp(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
