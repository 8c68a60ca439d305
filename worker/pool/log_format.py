"""A log record as one line: text for people, JSON for machines."""

from __future__ import annotations

import logging
import os
import threading
from datetime import UTC, datetime
from typing import Literal

import orjson

FIELDS = ("worker", "bucket", "key", "message_id")
"""What a record may carry in ``extra``, in the order in which it is shown."""


class TextFormatter(logging.Formatter):
    """``2026-11-21T09:15:01.123Z INFO worker=0 connected to … bucket=… key=…``."""

    def format(self, record: logging.LogRecord) -> str:
        parts = [_timestamp(record), record.levelname]
        if hasattr(record, "worker"):
            parts.append(f"worker={record.worker}")
        parts.append(_one_line(_message(record)))
        parts += [
            f"{name}={_one_line(str(getattr(record, name)))}"
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
        return orjson.dumps(line, default=str).decode()


class StderrHandler(logging.Handler):
    """Whole lines to a descriptor, each with one system call.

    multiprocessing-logging's reader threads call :meth:`emit` without the handler's
    lock, so it takes one of its own. A full or closed stderr never stops the daemon.
    """

    def __init__(self, format_: Literal["text", "json"], fd: int = 2) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter() if format_ == "json" else TextFormatter())
        self._fd = fd
        self._writing = threading.Lock()
        os.register_at_fork(after_in_child=self._renew_lock)

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record).encode("utf-8", "replace") + b"\n"
        with self._writing:
            try:
                while line:
                    line = line[os.write(self._fd, line) :]
            except OSError:
                return

    def _renew_lock(self) -> None:
        self._writing = threading.Lock()


def _message(record: logging.LogRecord) -> str:
    message = record.getMessage()
    if record.exc_info:
        record.exc_text = logging.Formatter().formatException(record.exc_info)
    return f"{message}\n{record.exc_text}" if record.exc_text else message


def _one_line(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\\n")


def _timestamp(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
