"""``trailfeed run`` as its user keeps it running: started again whenever it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil

from tests.fakes.daemon import Settings, toml, wait_until
from worker.demo.processes import environment

if TYPE_CHECKING:
    import random
    from pathlib import Path

BOOTED = b"connected to"


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
        self._log_begin = 0
        self._may_refuse = False

    def start(self, *arguments: str) -> None:
        self._may_refuse = False
        self._log_begin = self._log_bytes()
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
        self._may_refuse |= may_refuse
        code = self._running().poll()
        if code is not None:
            if not self._may_refuse:
                self.own_exits.append(code)
            self.start()
            self._may_refuse = may_refuse

    def kill_worker(self, rng: random.Random) -> bool:
        """SIGKILL one worker; False where there is none just now."""
        try:
            workers = psutil.Process(self._running().pid).children()
        except psutil.NoSuchProcess:
            return False
        if not workers:
            return False
        killed_at = time.monotonic()  # before: its connections may end at once
        try:
            rng.choice(workers).kill()
        except psutil.NoSuchProcess:
            return False
        self.kills.append(killed_at)
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
        """SIGTERM, once it has booted; return the exit code, or None after a kill."""
        wait_until(self._is_up)
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

    def _is_up(self) -> bool:
        self.keep_up(may_refuse=True)  # the disk may have been full a moment ago
        with self.log_path.open("rb") as log:
            log.seek(self._log_begin)
            return BOOTED in log.read()

    def _log_bytes(self) -> int:
        return self.log_path.stat().st_size if self.log_path.exists() else 0

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process
