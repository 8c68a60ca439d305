"""What the system lets the pool have: memory, open files, processors.

They are read of a worker that runs, where there is one and it may be looked at, as a
service's limits are not those of a terminal.

Source: Linux ``Documentation/admin-guide/cgroup-v2.rst``, "memory.max"; getrlimit(2).
"""

from __future__ import annotations

import re
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from worker.deliver.budget import POOL_BYTES, WORKER_BYTES, worst_worker_bytes
from worker.doctor.finding import Answer, fail, ok, warn
from worker.pool.processors import CGROUP, usable_processors

if TYPE_CHECKING:
    from worker.config.model import Config
    from worker.doctor.finding import Finding

MEMORY: Final = "memory"
FILES: Final = "open files"
PROCESSORS: Final = "processors"

LEAST_INFLIGHT_BYTES: Final = 128 << 20
"""Below this a worker takes hardly less."""

FILES_BESIDE_DOWNLOADS: Final = 128
"""Sockets to SQS, S3 and the receiver, pipes, the journal, the quarantine."""

MANY_WORKERS_A_PROCESSOR: Final = 2

_MIB: Final = 1 << 20
_LARGEST_BYTES: Final = 1 << 60
"""What version 1 of control groups says for "no limit" is above this."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one process.

    Attributes:
        memory_bytes: The machine's, or its control group's where that is less.
        is_group: Whether it is the control group's.
        files: Open files that one process may have.
        processors: Usable ones.
    """

    memory_bytes: int
    is_group: bool
    files: int
    processors: int


def look_at_limits(config: Config, pids: tuple[int, ...] = ()) -> Answer[bool]:
    """Judge the limits of a worker that runs, or of this process.

    Args:
        config: The whole configuration.
        pids: Workers' processes.
    """
    found = None
    for pid in pids[:1]:
        found = _limits_of(pid)
    return Answer(judge(config, found or _limits_of(None) or _own()), value=True)


def judge(config: Config, limits: Limits) -> tuple[Finding, ...]:
    """Compare the limits with what this configuration may take at worst."""
    workers = config.pool.workers or limits.processors
    return (
        _memory(config, limits, workers),
        _files(config, limits),
        _processors(limits, workers),
    )


def _memory(config: Config, limits: Limits, workers: int) -> Finding:
    worker_bytes = worst_worker_bytes(config.pool.inflight_bytes)
    worst_bytes = workers * worker_bytes + POOL_BYTES
    has = f"{'the control group' if limits.is_group else 'this machine'} has "
    has += f"{limits.memory_bytes // _MIB:,} MiB"
    said = f"{workers} workers may take {worst_bytes // _MIB:,} MiB at worst, and {has}"
    if worst_bytes > limits.memory_bytes:
        share_bytes = (limits.memory_bytes - POOL_BYTES) // workers - WORKER_BYTES
        mend = f"set pool.inflight_bytes to {share_bytes // _MIB * _MIB} at the most"
        if share_bytes < LEAST_INFLIGHT_BYTES:
            mend = "set pool.workers lower"
        return warn(MEMORY, said, f"{mend}, or give it more memory")
    return ok(MEMORY, said)


def _files(config: Config, limits: Limits) -> Finding:
    need = FILES_BESIDE_DOWNLOADS + 2 * config.pool.downloads_per_worker
    said = f"a worker may have {limits.files:,} open, and needs up to {need:,}"
    if limits.files < need:
        wanted = max(1_024, 2 * need)
        return fail(FILES, said, f"set LimitNOFILE={wanted} in its unit, or ulimit -n")
    return ok(FILES, said)


def _processors(limits: Limits, workers: int) -> Finding:
    said = f"{workers} workers on {limits.processors} usable processors"
    if workers > MANY_WORKERS_A_PROCESSOR * limits.processors:
        return warn(
            PROCESSORS,
            f"{said}: they take memory and turns from each other",
            "set pool.workers to 0, one for each",
        )
    return ok(PROCESSORS, said)


def _own() -> Limits:
    return Limits(
        psutil.virtual_memory().total,
        is_group=False,
        files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        processors=usable_processors(),
    )


def _limits_of(pid: int | None) -> Limits | None:
    """Of a process, or of this one; None: it may not be looked at."""
    try:
        process = psutil.Process(pid)
        files = process.rlimit(psutil.RLIMIT_NOFILE)[0]
        group = _group_of(process.pid)
        processors = len(process.cpu_affinity() or ()) or usable_processors()
    except (psutil.Error, OSError):
        return None
    machine_bytes = psutil.virtual_memory().total
    group_bytes = group_memory_bytes(group)
    is_group = group_bytes is not None and group_bytes < machine_bytes
    return Limits(
        group_bytes if is_group and group_bytes is not None else machine_bytes,
        is_group,
        files if files >= 0 else _LARGEST_BYTES,
        min(processors, usable_processors(group)),
    )


def _group_of(pid: int, root: Path = CGROUP) -> Path:
    """The folder of a process's control group, of version 2; else the root's."""
    for line in Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines():
        match = re.fullmatch(r"0::/(.*)", line)
        if match is not None and (root / match[1]).is_dir():
            return root / match[1]
    return root


def group_memory_bytes(group: Path, root: Path = CGROUP) -> int | None:
    """The least limit of a control group and of those above it; None: there is none."""
    limits: list[int] = []
    for folder in (group, *group.parents):
        for name in ("memory.max", "memory/memory.limit_in_bytes"):
            try:
                text = (folder / name).read_text(encoding="ascii").strip()
            except (OSError, ValueError):
                continue
            if text.isdigit() and int(text) < _LARGEST_BYTES:
                limits.append(int(text))
        if folder == root:
            break
    return min(limits, default=None)
