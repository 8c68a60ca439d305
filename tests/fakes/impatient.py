"""``trailfeed run`` with a supervisor that waits for nothing as long as the real one.

::

    python -m tests.fakes.impatient run --config FILE
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from worker.config.load import load
from worker.pool import restart, watch
from worker.pool.logs import LogFunnel
from worker.pool.state_dir import StateDir
from worker.pool.supervisor import Supervisor

SILENT_AFTER_S = 3.0
"""Three of the worker's heartbeats."""

KILL_AFTER_S = 1.0
MAX_RESTART_DELAY_S = 0.1


def main(config_path: Path) -> int:
    """Run the pool; return its exit code."""
    restart.MAX_DELAY_S = MAX_RESTART_DELAY_S
    watch.KILL_AFTER_S = KILL_AFTER_S
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


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[-1])))
