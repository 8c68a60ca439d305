"""What an idle pool costs, and how soon a new one delivers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.bench.data import make_mix
from tests.bench.stage import Sink, settings_of, usage_of
from tests.fakes.aws_standin.process import AwsStandIn
from tests.fakes.daemon import Daemon, wait_until

if TYPE_CHECKING:
    from pathlib import Path

WORKERS = 2
SETTLE_S = 2.0


def idle_cpu_share(folder: Path, *, seconds: float) -> float:
    """Share of a core that one worker takes, with all that belongs to it."""
    with AwsStandIn() as aws, Sink(folder / "sink.sock"):
        queue_url = aws.make_queue("events")
        address = f"unix://{folder / 'sink.sock'}"
        settings = settings_of(aws, queue_url, address, folder, workers=WORKERS)
        with Daemon(folder, settings) as daemon:
            daemon.wait_for_boot(WORKERS)
            time.sleep(SETTLE_S)
            before = usage_of(daemon.process.pid)
            time.sleep(seconds)
            after = usage_of(daemon.process.pid)
    return (after.cpu_s - before.cpu_s) / seconds / WORKERS


def seconds_to_first_record(folder: Path) -> float:
    """From the start of the process to the first acknowledged record."""
    mix = make_mix("one", objects=1, records_per_object=1, seed=3)
    with AwsStandIn() as aws, Sink(folder / "sink.sock") as sink:
        queue_url = aws.make_queue("events")
        aws.load("logs", mix.keyed("first"), queue="events")
        address = f"unix://{folder / 'sink.sock'}"
        settings = settings_of(aws, queue_url, address, folder, workers=WORKERS)
        began_at = time.monotonic()
        with Daemon(folder, settings):
            wait_until(lambda: sink.records() > 0)
            return time.monotonic() - began_at
