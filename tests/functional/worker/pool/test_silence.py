"""A worker that stands still: its stacks are dumped, and another takes its place."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.fakes.daemon import Daemon, settings_without_aws, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.functional


TIME_TO_WAKE = "600"
"""Seconds that a stopped worker has to be woken and to dump its stacks."""


@contextmanager
def impatient(folder: Path, *arguments: str) -> Iterator[Daemon]:
    """A pool of one worker; without a receiver it calls no AWS."""
    with Daemon(
        folder,
        settings_without_aws(folder),
        *arguments,
        module="tests.fakes.impatient",
    ) as daemon:
        wait_until(lambda: any(entry.get("worker") == 0 for entry in daemon.entries()))
        wait_until(lambda: 0 in daemon.workers())
        yield daemon


def test_a_worker_that_hangs_is_dumped_and_replaced(tmp_path: Path) -> None:
    with impatient(tmp_path, "--kill-after", TIME_TO_WAKE) as daemon:
        worker = daemon.workers()[0]
        assert not daemon.has_logged("gives no sign of life"), "it is healthy"
        os.kill(worker, signal.SIGSTOP)
        wait_until(lambda: daemon.has_logged("worker 0 gives no sign of life"))
        os.kill(worker, signal.SIGCONT)
        wait_until(lambda: daemon.has_logged("worker 0 was killed by SIGABRT"))
        assert "most recent call first" in daemon.log
        assert 'worker/deliver/loop.py", line' in daemon.log, "the loop's own stack"
        wait_until(lambda: daemon.workers().get(0, worker) != worker)


def test_a_worker_that_cannot_even_be_dumped_is_killed(tmp_path: Path) -> None:
    with impatient(tmp_path) as daemon:
        worker = daemon.workers()[0]
        os.kill(worker, signal.SIGSTOP)
        wait_until(lambda: daemon.has_logged("worker 0 was killed by SIGKILL"))
        assert daemon.has_logged("worker 0 gives no sign of life")
        assert "most recent call first" not in daemon.log
        wait_until(lambda: daemon.workers().get(0, worker) != worker)


def test_a_worker_killed_by_a_signal_without_a_name_is_replaced(tmp_path: Path) -> None:
    with impatient(tmp_path) as daemon:
        worker = daemon.workers()[0]
        os.kill(worker, 40)
        wait_until(lambda: daemon.has_logged("worker 0 was killed by signal 40"))
        wait_until(lambda: daemon.workers().get(0, worker) != worker)
