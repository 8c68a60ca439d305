"""``trailfeed run`` with a supervisor that waits for nothing as long as the real one.

::

    python -m tests.fakes.impatient run --config FILE [--kill-after SECONDS]
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from worker.config.load import load
from worker.pool import restart, watch
from worker.pool.logs import LogFunnel
from worker.pool.state_dir import StateDir
from worker.pool.supervisor import Supervisor

SILENT_AFTER_S = 5.0
"""Five of the worker's heartbeats."""

MAX_RESTART_DELAY_S = 0.1


def main(config_path: Path, *, kill_after_s: float) -> int:
    """Run the pool; return its exit code."""
    restart.MAX_DELAY_S = MAX_RESTART_DELAY_S
    watch.KILL_AFTER_S = kill_after_s
    config = load(config_path, os.environ)
    if config.state.dir:
        StateDir(Path(config.state.dir))  # locked until this process has ended
    supervisor = Supervisor(
        config,
        LogFunnel(config.log),
        workers=config.pool.workers,
        until_empty_idle_s=None,
        watch=watch.Watch(max_rss_bytes=0, silent_after_s=SILENT_AFTER_S),
    )
    return supervisor.run()


def parser() -> argparse.ArgumentParser:
    """The part of ``trailfeed run`` that tests of the supervisor need."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("command", choices=["run"])
    made.add_argument("--config", type=Path, required=True)
    made.add_argument("--kill-after", type=float, default=1.0, dest="kill_after_s")
    return made


if __name__ == "__main__":
    asked = parser().parse_args()
    sys.exit(main(asked.config, kill_after_s=asked.kill_after_s))
