"""Processes of their own beside a test, and the journal that they share."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import TYPE_CHECKING, Any

from worker.deliver.journal import Journal, ObjectKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


TIMEOUT_S = 60.0
KEY = ObjectKey("b", "k", "e:1")

fork = multiprocessing.get_context("fork")


def object_key(number: int) -> ObjectKey:
    return ObjectKey("b", f"AWSLogs/{number}.json.gz", "e:1")


def open_journal(path: Path, owner: str = "run1:0:a") -> Journal:
    slot = int(owner.split(":")[1])
    return Journal(path, owner=owner, slot=slot, fingerprint="f", window_s=86_400)


class Child:
    """A process that runs ``target(connection, *args)``."""

    def __init__(self, target: Callable[..., None], *args: object) -> None:
        self._connection, theirs = fork.Pipe()
        self._process = fork.Process(target=target, args=(theirs, *args), daemon=True)
        self._process.start()
        theirs.close()

    def hear(self) -> Any:
        assert self._connection.poll(TIMEOUT_S)
        return self._connection.recv()

    def has_said_something(self) -> bool:
        return self._connection.poll()

    def tell(self) -> None:
        self._connection.send(None)

    def kill(self) -> None:
        os.kill(self._process.pid or 0, signal.SIGKILL)
        self._process.join(TIMEOUT_S)

    def close(self) -> None:
        self._process.join(TIMEOUT_S)
        assert self._process.exitcode == 0
        self._connection.close()
