"""``trailfeed run`` as its user keeps it running: started again whenever it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil

from tests.fakes.daemon import Settings, toml
from worker.demo.processes import environment

if TYPE_CHECKING:
    import random
    from pathlib import Path


class Pool:
    """The daemon and its deaths.

    Args:
        folder: For its configuration and its log.
        settings: Its configuration.

    Attributes:
        kills: Instants at which a worker or the supervisor was killed from here.
        worker_kills: How many of them were workers.
        own_exits: Exit codes of the runs that ended by themselves.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.log_path = folder / "trailfeed.log"
        self.kills: list[float] = []
        self.worker_kills = 0
        self.supervisor_kills = 0
        self.own_exits: list[int] = []
        self._config = folder / "trailfeed.toml"
        self._config.write_text(toml(settings))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> None:
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [
                    *(sys.executable, "-m", "worker", "run"),
                    *("--config", str(self._config), *arguments),
                ],
                stderr=log,
                env=environment(),
                start_new_session=True,
            )

    def keep_up(self, *, may_refuse: bool) -> None:
        """Start it again if it ended by itself.

        Args:
            may_refuse: It has a good reason not to start just now.
        """
        code = self._running().poll()
        if code is not None:
            if not may_refuse:
                self.own_exits.append(code)
            self.start()

    def kill_worker(self, rng: random.Random) -> bool:
        """SIGKILL one worker; False where there is none just now."""
        try:
            workers = psutil.Process(self._running().pid).children()
        except psutil.NoSuchProcess:
            return False
        if not workers:
            return False
        try:
            rng.choice(workers).kill()
        except psutil.NoSuchProcess:
            return False
        self.kills.append(time.monotonic())
        self.worker_kills += 1
        return True

    def kill_supervisor(self) -> None:
        """SIGKILL the supervisor and start another at once."""
        process = self._running()
        self.kills.append(time.monotonic())
        self.supervisor_kills += 1
        process.kill()
        process.wait()
        self.start()

    def drain(self, *, timeout_s: float) -> int | None:
        """SIGTERM; return the exit code, or None where it had to be killed."""
        self._running().send_signal(signal.SIGTERM)
        return self.wait(timeout_s=timeout_s)

    def wait(self, *, timeout_s: float) -> int | None:
        """Wait for its own end; return the exit code, or None after a kill."""
        process = self._running()
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.end()
            return None

    def end(self) -> None:
        """Kill all of it, if it still runs."""
        process = self._process
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process
