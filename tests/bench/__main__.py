"""Measure what trailfeed costs, beside what the same bytes cost without it.

All on this machine's loopback: a stand-in for SQS and S3, trailfeed, a receiver that
acknowledges. Each round runs everything once, in turn; the ratios are the medians of
the rounds, so that a machine that is busy now and then does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median_low
from typing import TYPE_CHECKING

from tests.bench.data import Mix, make_mix
from tests.bench.endpoint import Endpoint, find_nginx
from tests.bench.latency import latencies
from tests.bench.lifetime import idle_cpu_share, seconds_to_first_record
from tests.bench.report import Row, as_text
from tests.bench.stage import Measured, measure, measure_peer
from tests.fakes.aws_standin.process import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.daemon import Settings

RAW: Settings = {"output": {"record": "raw"}}


def main() -> int:
    arguments = _parser().parse_args()
    size = arguments.scale
    large = make_mix(
        "large", objects=max(int(400 * size), 2), records_per_object=500, seed=1
    )
    small = make_mix(
        "small", objects=max(int(5_000 * size), 20), records_per_object=5, seed=2
    )
    rounds: list[list[Row]] = []
    for number in range(arguments.rounds):
        sys.stderr.write(f"bench: round {number + 1} of {arguments.rounds}\n")
        rounds.append(list(_round(large, small, arguments)))
    rows = [_median(of_all) for of_all in zip(*rounds, strict=True)]
    rows += _once(arguments)
    if arguments.json:
        machine = {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "s3": "nginx" if arguments.nginx else "stand-in",
        }
        rows_json = [row.as_json() for row in rows]
        sys.stdout.write(json.dumps({**machine, "rows": rows_json}) + "\n")
    else:
        sys.stdout.write(as_text(rows))
    return 0


def _round(large: Mix, small: Mix, arguments: argparse.Namespace) -> Iterator[Row]:
    loop_s = _reference("loop", large, arguments)
    yield _row("a bare loop", large, loop_s)
    whole = _deliver(large, arguments)
    yield whole.against(loop_s, "bare loop")
    raw = _deliver(large, arguments, "raw records", changes=RAW)
    yield raw.against(whole.cpu_s, "structured")
    get_s = _reference("get", small, arguments)
    yield _row("boto3 get_object", small, get_s)
    less = _deliver(small, arguments)
    yield less.against(get_s, "boto3 get_object")
    one = _deliver(large, arguments, "one worker", workers=1)
    four = _deliver(large, arguments, "four workers", workers=4)
    yield one
    yield four.against(one.cpu_s, "one worker")
    if arguments.vs:
        for mix, ours in ((large, whole), (small, less)):
            theirs = _peer(mix, arguments)
            yield theirs.against(ours.cpu_s, "trailfeed")


def _once(arguments: argparse.Namespace) -> list[Row]:
    """What is no matter of the CPU's speed."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        p50_s, p99_s = latencies(Path(folder), seconds=20 * arguments.scale)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        share = idle_cpu_share(Path(folder), seconds=30 * arguments.scale)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        first_s = seconds_to_first_record(Path(folder))
    return [
        Row("from visible to acknowledged, median", value=p50_s * 1000, unit="ms"),
        Row("from visible to acknowledged, 99 %", value=p99_s * 1000, unit="ms"),
        Row("CPU of one idle worker", value=share * 100, unit="%"),
        Row("from start to the first record", value=first_s, unit="s"),
    ]


def _deliver(
    mix: Mix,
    arguments: argparse.Namespace,
    name: str = "",
    *,
    workers: int = 0,
    changes: Settings | None = None,
) -> Row:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        found = measure(
            mix,
            Path(folder),
            workers=workers or arguments.workers,
            address=arguments.receiver,
            changes=changes,
            nginx=arguments.nginx,
        )
    return _row("trailfeed", mix, found, name)


def _peer(mix: Mix, arguments: argparse.Namespace) -> Row:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        found = measure_peer(mix, Path(folder), arguments.vs, nginx=arguments.nginx)
    return _row("the other one", mix, found)


def _row(who: str, mix: Mix, found: Measured | float, name: str = "") -> Row:
    """A row of what one cost; of a reference, only CPU seconds are known."""
    if not isinstance(found, Measured):
        found = Measured(found, 0.0, 0)
    label = f"{who}, {mix.records_per_object} records an object"
    return Row(
        f"{label}, {name}" if name else label,
        mix.records,
        found.cpu_s,
        objects=mix.objects,
        size_bytes=mix.size_bytes,
        seconds=found.seconds,
        peak_rss_bytes=found.peak_rss_bytes,
    )


def _reference(what: str, mix: Mix, arguments: argparse.Namespace) -> float:
    """CPU seconds of one of the reference programs, of all its processes.

    There are as many at once as trailfeed has workers: a processor whose neighbour is
    busy takes longer for the same.
    """
    processes: int = arguments.workers
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Endpoint(Path(folder), arguments.nginx) as endpoint,
    ):
        path = Path(folder, "mix")
        path.write_bytes(pickle.dumps(mix))
        endpoint.load(mix.keyed("bench"))
        running = [
            subprocess.Popen(  # noqa: S603 - our own program
                [
                    *(sys.executable, "-m", "tests.bench.reference", what, str(path)),
                    *("--endpoint-url", endpoint.s3_endpoint_url, "--prefix", "bench"),
                    *("--of", str(processes), "--share", str(number)),
                ],
                cwd=ROOT,
                stdout=subprocess.PIPE,
            )
            for number in range(processes)
        ]
        return sum(float(process.communicate()[0]) for process in running)


def _median(rows: tuple[Row, ...]) -> Row:
    """The row in the middle, by its ratio or else by what it cost."""
    middle = median_low([row.ratio or row.cpu_s for row in rows])
    return next(row for row in rows if (row.ratio or row.cpu_s) == middle)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--scale", type=float, default=1.0, help="0.05 for a quick try")
    parser.add_argument(
        "--receiver",
        default="",
        metavar="ADDRESS",
        help="another receiver, such as unix:///run/fluent-bit.sock",
    )
    parser.add_argument(
        "--nginx",
        default=find_nginx(),
        metavar="PROGRAM",
        help="nginx, which gives the objects as static files where it is installed; an"
        " empty name: the stand-in gives them",
    )
    parser.add_argument(
        "--vs",
        default="",
        metavar="COMMAND",
        help="measure another program, too: a shell command that finds BENCH_QUEUE_URL,"
        " BENCH_ENDPOINT_URL, BENCH_S3_ENDPOINT_URL, BENCH_BUCKET, AWS_REGION and"
        " credentials in its environment, works off the queue, and is ended once that"
        " is empty",
    )
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
