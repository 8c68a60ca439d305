"""One trailfeed between an AWS stand-in and a receiver, and what it uses up."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil

from tests.bench.endpoint import BUCKET, Endpoint
from tests.fakes.aws_standin.process import ROOT
from tests.fakes.daemon import Daemon, merged, settings_for
from worker.demo.aws import ACCESS_KEY_ID, SECRET_ACCESS_KEY

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from tests.bench.data import Mix
    from tests.fakes.aws_standin.process import AwsStandIn
    from tests.fakes.daemon import Settings

POLL_S = 0.05
WARM_UP_OBJECTS = 100
"""Delivered before it is measured: the references, too, have connected by then."""

PATIENCE_S = 600.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a daemon has used up so far.

    Attributes:
        cpu_s: Of all its processes, living and dead.
        peak_rss_bytes: Of the worker that had most.
    """

    cpu_s: float
    peak_rss_bytes: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What one mix cost from the first receive to the last delete.

    Attributes:
        cpu_s: CPU time of the whole process tree.
        seconds: Wall time.
    """

    cpu_s: float
    seconds: float
    peak_rss_bytes: int


class Sink:
    """The receiver, counting, while the ``with`` block runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._path.unlink(missing_ok=True)
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "tests.bench.sink", str(self._path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.communicate(timeout=10)

    def records(self) -> int:
        """How many records it has acknowledged."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        return int(self._process.stdout.readline())


def settings_of(
    aws: AwsStandIn, queue_url: str, address: str, folder: Path, *, workers: int
) -> Settings:
    """The defaults, but for who and where."""
    return merged(
        settings_for(aws, queue_url, address, folder),
        {"source": {"wait_time_s": 20}, "pool": {"workers": workers}},
    )


def measure(
    mix: Mix,
    folder: Path,
    *,
    workers: int = 2,
    address: str = "",
    changes: Settings | None = None,
    nginx: str | None = None,
) -> Measured:
    """Deliver a mix, and see what that costs once the pool is warm.

    Args:
        mix: What lies in the bucket, and is announced all at once.
        folder: Empty; to work in.
        workers: Of the pool.
        address: Of another receiver than the counting one.
        changes: Of the configuration.
        nginx: As :class:`Endpoint` takes it.
    """
    with Endpoint(folder, nginx) as endpoint, Sink(folder / "sink.sock") as sink:
        aws = endpoint.aws
        queue_url = aws.make_queue("events")
        settings = settings_of(
            aws,
            queue_url,
            address or f"unix://{folder / 'sink.sock'}",
            folder,
            workers=workers,
        )
        settings["source"]["s3_endpoint_url"] = endpoint.s3_endpoint_url
        settings = merged(settings, changes or {})
        with Daemon(folder, settings) as daemon:
            daemon.wait_for_boot(workers)
            complaint = f"{mix.name} was not delivered"
            warm_up = mix.first(WARM_UP_OBJECTS)
            endpoint.load(warm_up.keyed("warm-up"), queue="events")
            _wait_until_empty(aws, complaint)
            before = usage_of(daemon.process.pid)
            began_at = time.monotonic()
            endpoint.load(mix.keyed("bench"), queue="events")
            _wait_until_empty(aws, complaint)
            seconds = time.monotonic() - began_at
            after = usage_of(daemon.process.pid)
        expected = warm_up.records + mix.records
        if not address and sink.records() != expected:
            raise ValueError(f"{sink.records()} of {expected} records came")
    return Measured(after.cpu_s - before.cpu_s, seconds, after.peak_rss_bytes)


def measure_peer(
    mix: Mix, folder: Path, command: str, *, nginx: str | None = None
) -> Measured:
    """Have another program work off a mix, and see what that costs, its start included.

    Args:
        mix: What lies in the bucket, and is announced all at once.
        folder: Where the program runs.
        command: For the shell; its environment names the queue.
        nginx: As :class:`Endpoint` takes it.
    """
    with Endpoint(folder, nginx) as endpoint:
        aws = endpoint.aws
        queue_url = aws.make_queue("events")
        endpoint.load(mix.keyed("bench"), queue="events")
        began_at = time.monotonic()
        with subprocess.Popen(  # noqa: S602 - the caller's own command
            command,
            shell=True,
            cwd=folder,
            start_new_session=True,
            env={
                **os.environ,
                "BENCH_QUEUE_URL": queue_url,
                "BENCH_ENDPOINT_URL": aws.endpoint_url,
                "BENCH_S3_ENDPOINT_URL": endpoint.s3_endpoint_url,
                "BENCH_BUCKET": BUCKET,
                "AWS_REGION": aws.region,
                "AWS_DEFAULT_REGION": aws.region,
                "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
                "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            },
        ) as process:
            try:
                complaint = f"{command!r} left {mix.name} objects in the queue"
                _wait_until_empty(aws, complaint, while_=lambda: process.poll() is None)
                seconds = time.monotonic() - began_at
                usage = usage_of(process.pid)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
    return Measured(usage.cpu_s, seconds, usage.peak_rss_bytes)


def _wait_until_empty(
    aws: AwsStandIn, complaint: str, *, while_: Callable[[], bool] = lambda: True
) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while aws.depth("events"):
        time.sleep(POLL_S)
        if time.monotonic() > give_up_at or not while_():
            raise TimeoutError(complaint)


def usage_of(pid: int) -> Usage:
    """Look at a process and all its descendants."""
    supervisor = psutil.Process(pid)
    times = supervisor.cpu_times()
    cpu_s = times.children_user + times.children_system
    peaks = [0]
    for process in (supervisor, *supervisor.children(recursive=True)):
        one = process.cpu_times()
        cpu_s += one.user + one.system
        peaks.append(_peak_rss_bytes(process.pid))
    return Usage(cpu_s, max(peaks))


def _peak_rss_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
