"""How many processors this process may really use."""

from __future__ import annotations

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def usable_processors(cgroup: Path = CGROUP) -> int:
    """Count them by the affinity mask and the cgroup's CPU quota, at least 1.

    Args:
        cgroup: Mount point of the control group file system, version 2 or 1.

    Source: Linux ``Documentation/admin-guide/cgroup-v2.rst``, "cpu.max".
    """
    count = len(os.sched_getaffinity(0))
    quota = _quota(cgroup)
    return max(1, min(count, math.ceil(quota)) if quota is not None else count)


def _quota(cgroup: Path) -> float | None:
    """Processors' worth of time a period, None without a limit."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (cgroup / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None  # "max", or -1
    return int(quota) / int(period)
