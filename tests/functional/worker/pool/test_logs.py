"""The log funnel under SIGKILL: survivors are heard, nothing piles up."""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from worker.pool.logs import LogFunnel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.config import LogConfig

pytestmark = pytest.mark.functional

KILLS = 200
LOOK_EVERY = 20
SURVIVOR = 0
VICTIM = 1
PATIENCE_S = 20.0


@pytest.fixture
def funnel(tmp_path: Path) -> Iterator[LogFunnel]:
    """A funnel whose supervisor writes to a file instead of stderr."""
    multiprocessing.set_start_method("fork", force=True)
    root = logging.getLogger()
    former = root.handlers, root.level
    log_fd = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    config = SimpleNamespace(format="text", level="info")
    made = LogFunnel(cast("LogConfig", cast("Any", config)), fd=log_fd)
    yield made
    made.retire(SURVIVOR)
    made.retire(VICTIM)
    root.handlers, root.level = former
    os.close(log_fd)


def spawn(funnel: LogFunnel, slot: int) -> int:
    """Fork a process that logs as fast as it can, in its slot."""
    funnel.open(slot)
    pid = os.fork()
    if pid:
        return pid
    try:
        funnel.enter_child(slot)
        logger = logging.getLogger("busy")
        count = 0
        while True:
            count += 1
            logger.info("record %d of slot %d %s", count, slot, "x" * 2000)
            if slot == SURVIVOR:
                time.sleep(0.01)
    finally:
        os._exit(1)


def grows(path: Path) -> bool:
    """Whether a new line of the survivor comes in, within our patience."""
    marker = f"worker={SURVIVOR}".encode()
    before = path.read_bytes().count(marker)
    give_up_at = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up_at:
        if path.read_bytes().count(marker) > before:
            return True
        time.sleep(0.05)
    return False


def readers() -> int:
    """Reader threads of the funnel in this process."""
    return sum(thread.name.startswith("logs-") for thread in threading.enumerate())


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def settles(count: Callable[[], int], *, at: int) -> bool:
    """Whether ``count`` is ``at`` or less, before long."""
    give_up_at = time.monotonic() + PATIENCE_S
    while count() > at and time.monotonic() < give_up_at:
        time.sleep(0.05)
    return count() <= at


def test_two_hundred_kills_leave_survivors_heard_and_nothing_behind(
    funnel: LogFunnel, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    rng = random.Random(7)  # noqa: S311 - when to kill
    survivor = spawn(funnel, SURVIVOR)
    victim = spawn(funnel, VICTIM)
    try:
        assert grows(log)
        files = open_files()
        for kill in range(1, KILLS + 1):
            time.sleep(rng.uniform(0.0, 0.01))
            os.kill(victim, signal.SIGKILL)
            os.waitpid(victim, 0)
            funnel.retire(VICTIM)
            log.write_bytes(b"")
            victim = spawn(funnel, VICTIM)
            if kill % LOOK_EVERY == 0:
                assert grows(log), f"the survivor is silent after {kill} kills"
        assert grows(log)
        assert settles(readers, at=2)
        assert settles(open_files, at=files), f"{open_files()} open files"
    finally:
        for pid in (survivor, victim):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
