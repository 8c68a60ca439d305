"""How long it takes from a visible message to an acknowledged record."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from statistics import quantiles
from typing import TYPE_CHECKING

from tests.bench.stage import settings_of
from tests.fakes.aws_standin.process import ROOT, AwsStandIn
from tests.fakes.daemon import Daemon

if TYPE_CHECKING:
    from pathlib import Path

WORKERS = 2
OBJECTS_PER_SECOND = 100
"""A steady load below what two cores take, with SQS, S3 and the receiver on them."""


def latencies(folder: Path, *, seconds: float) -> tuple[float, float]:
    """Median and 99th percentile, in seconds."""
    sent_at: dict[str, float] = {}
    log_path = folder / "receiver.log"
    socket_path = folder / "forward.sock"
    with AwsStandIn() as aws:
        receiver = subprocess.Popen(  # noqa: S603 - our own program
            [
                *(sys.executable, "-m", "tests.chaos.receiver"),
                *(str(socket_path), str(log_path)),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            assert receiver.stdout is not None
            receiver.stdout.readline()
            queue_url = aws.make_queue("events")
            address = f"unix://{socket_path}"
            settings = settings_of(aws, queue_url, address, folder, workers=WORKERS)
            with Daemon(folder, settings) as daemon:
                daemon.wait_for_boot(WORKERS)
                began_at = time.monotonic()
                while time.monotonic() - began_at < seconds:
                    name = f"event-{len(sent_at)}"
                    record = {"eventID": name, "eventTime": "2026-11-20T12:00:00Z"}
                    body = json.dumps({"Records": [record]}).encode()
                    sent_at[name] = time.monotonic()
                    aws.load("logs", {f"{name}.json": body}, queue="events")
                    due_at = began_at + len(sent_at) / OBJECTS_PER_SECOND
                    time.sleep(max(due_at - time.monotonic(), 0))
                while aws.depth("events"):
                    time.sleep(0.05)
        finally:
            receiver.communicate()
    taken = [
        line["at"] - sent_at[name]
        for line in map(json.loads, log_path.read_text().splitlines())
        if "frame" in line
        for name in line["ids"]
    ]
    cuts = quantiles(taken, n=100)
    return cuts[49], cuts[98]
