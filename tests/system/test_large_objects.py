"""Large objects through the whole daemon: in little memory, whatever happens."""

from __future__ import annotations

import contextlib
import gzip
import random
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from tests.fakes.aws_standin.process import ROOT, AwsStandIn
from tests.fakes.daemon import Daemon, Settings, merged, settings_for, wait_until
from tests.fakes.forward_receiver import RecordingReceiver
from worker.deliver.budget import AHEAD_BLOCKS
from worker.source.objects import BLOCK_BYTES, WHOLE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.system

QUEUE, BUCKET, KEY = "events", "logs", "large.log"
MIB = 1 << 20
LINES = {"format": "lines"}
ONE_WORKER = {"workers": 1, "drain_timeout_s": 10}
UNTIL_EMPTY = ("--until-empty", "--idle-s", "0.2")


@pytest.fixture
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn(seed=5) as standin:
        yield standin


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[RecordingReceiver]:
    with RecordingReceiver.unix(tmp_path / "forward.sock") as made:
        yield made


def settings(
    aws: AwsStandIn, address: str, folder: Path, **changes: dict[str, object]
) -> Settings:
    queue_url = aws.make_queue(QUEUE)
    base = settings_for(aws, queue_url, address, folder)
    return merged(base, {"decode": LINES, "pool": ONE_WORKER, **changes})


def text_of(blocks: int, *, seed: int = 1) -> tuple[bytes, list[str]]:
    """Lines that fill so many blocks of a large object, as they are stored."""
    source = random.Random(seed)  # noqa: S311 - no secrets
    count = blocks * BLOCK_BYTES // 1024
    lines = [f"{seed}-{n}-{source.randbytes(508).hex()}" for n in range(count)]
    text = "\n".join(lines).encode()
    assert len(text) > WHOLE_BYTES
    return text, lines


def lines_in(receiver: RecordingReceiver) -> list[str]:
    return [str(record["log"]) for record in receiver.records()]


# Memory -------------------------------------------------------------------------------


@dataclass(slots=True)
class CountingReceiver:
    """Acknowledges and counts, in a process of its own: it keeps nothing."""

    folder: Path
    _process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "tests.bench.sink", str(self.folder / "f.sock")],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.communicate(timeout=10)

    @property
    def address(self) -> str:
        return f"unix://{self.folder}/f.sock"

    def count(self) -> int:
        """Records so far."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._say())

    def _say(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def memory(pid: int, what: str) -> int:
    """``VmRSS`` or ``VmHWM`` of a process, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"{what}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


@pytest.mark.parametrize(
    ("decode", "line"),
    [
        ({"format": "json"}, b'{"eventTime":"2026-11-20T12:00:00Z","text":"%b"}\n'),
        (
            {"format": "csv", "csv_columns": ["time", "text"]},
            b'2026-11-20T12:00:00Z,"%b"\n',
        ),
        ({"format": "lines"}, b"2026-11-20T12:00:00Z %b\n"),
    ],
    ids=["json", "csv", "lines"],
)
def test_an_object_that_streams_costs_little_memory(
    aws: AwsStandIn, tmp_path: Path, decode: dict[str, object], line: bytes
) -> None:
    """300 MB of it, gzipped so that it is a large object as stored, too."""
    noise = random.Random(1).randbytes(20_000).hex().encode()  # noqa: S311
    lines = b"".join(line % noise[at : at + 1000] for at in range(0, 39_000, 40))
    member = gzip.compress(lines, 1)
    count = 300 * MIB // len(lines)
    body = member * count
    assert len(body) > WHOLE_BYTES

    with CountingReceiver(tmp_path) as receiver:
        config = settings(aws, receiver.address, tmp_path, decode=decode)
        with Daemon(tmp_path, config) as daemon:
            daemon.wait_for_boot(1)
            wait_until(lambda: 0 in daemon.workers())
            pid = daemon.workers()[0]
            aws.load(BUCKET, {"small.log": member}, queue=QUEUE)
            wait_until(lambda: aws.depth(QUEUE) == 0)
            before_bytes = memory(pid, "VmRSS")
            aws.load(BUCKET, {KEY: body}, queue=QUEUE)
            wait_until(lambda: aws.depth(QUEUE) == 0)
            peak_bytes = memory(pid, "VmHWM")
            assert daemon.workers() == {0: pid}
        expected = (count + 1) * lines.count(b"\n")
        assert receiver.count() == expected

    assert peak_bytes - before_bytes < 64 * MIB


def test_one_large_document_is_in_memory_once(aws: AwsStandIn, tmp_path: Path) -> None:
    size_bytes = 160 * MIB
    record = b'{"eventTime":"2026-11-20T12:00:00Z","text":"%b"}' % (b"x" * 1000)
    records = b",".join([record] * (size_bytes // len(record)))
    body = gzip.compress(b'{"Records":[%b]}' % records, 1)

    with CountingReceiver(tmp_path) as receiver:
        decode = {"format": "json", "max_ratio": 100_000}
        config = settings(aws, receiver.address, tmp_path, decode=decode)
        with Daemon(tmp_path, config) as daemon:
            daemon.wait_for_boot(1)
            wait_until(lambda: 0 in daemon.workers())
            pid = daemon.workers()[0]
            before_bytes = memory(pid, "VmRSS")
            aws.load(BUCKET, {KEY: body}, queue=QUEUE)
            wait_until(lambda: aws.depth(QUEUE) == 0)
            peak_bytes = memory(pid, "VmHWM")
        assert receiver.count() == size_bytes // len(record)

    assert peak_bytes - before_bytes < 1.6 * size_bytes


# Faults -------------------------------------------------------------------------------


def test_whatever_breaks_off_goes_on_where_it_was(
    aws: AwsStandIn, receiver: RecordingReceiver, tmp_path: Path
) -> None:
    text, lines = text_of(16)
    config = settings(aws, receiver.address, tmp_path)
    aws.load(BUCKET, {KEY: text}, queue=QUEUE)
    aws.set_faults({"s3_reset": 0.2, "s3_truncated": 0.2, "s3_500": 0.2, "s3_403": 0.1})
    with contextlib.ExitStack() as stack:
        stack.callback(aws.set_faults, {})
        daemon = stack.enter_context(Daemon(tmp_path, config, *UNTIL_EMPTY))
        assert daemon.wait() == 0

    assert lines_in(receiver) == lines
    tally = aws.tally(QUEUE)
    assert sum(tally["faults"].values()) > 5
    assert tally["max_receives"] == 1, "nobody but the log has noticed"


def test_credentials_that_expire_in_between_are_waited_for(
    aws: AwsStandIn, receiver: RecordingReceiver, tmp_path: Path
) -> None:
    text, lines = text_of(16)
    config = settings(aws, receiver.address, tmp_path)
    receiver.faults.stalls = True
    with Daemon(tmp_path, config) as daemon:
        aws.load(BUCKET, {KEY: text}, queue=QUEUE)
        wait_until(lambda: aws.tally(QUEUE)["gets"] > 0)
        aws.set_faults({"s3_expired_token": 1.0})
        receiver.faults.stalls = False
        wait_until(lambda: daemon.has_logged("trying again from byte"))
        aws.set_faults({})
        wait_until(lambda: aws.depth(QUEUE) == 0)

    assert lines_in(receiver) == lines
    assert aws.tally(QUEUE)["max_receives"] == 1


def test_a_slow_receiver_slows_the_reading_down(
    aws: AwsStandIn, receiver: RecordingReceiver, tmp_path: Path
) -> None:
    """And small objects still come, as soon as it goes on."""
    text, lines = text_of(16)
    config = settings(aws, receiver.address, tmp_path)
    receiver.faults.stalls = True
    with Daemon(tmp_path, config):
        aws.load(BUCKET, {KEY: text}, queue=QUEUE)
        wait_until(lambda: aws.tally(QUEUE)["gets"] > AHEAD_BLOCKS)
        aws.load(BUCKET, {"small.log": b"small\n"}, queue=QUEUE)
        wait_until(lambda: aws.tally(QUEUE)["in_flight"] == 2)
        assert aws.tally(QUEUE)["gets"] < 16 // 2, "most of it is in S3 still"
        receiver.faults.stalls = False
        wait_until(lambda: aws.depth(QUEUE) == 0)

    found = lines_in(receiver)
    assert [line for line in found if line != "small"] == lines
    assert found.index("small") < len(lines), "it did not wait for the end"


def test_an_object_that_is_overwritten_in_between_comes_whole_in_the_end(
    aws: AwsStandIn, receiver: RecordingReceiver, tmp_path: Path
) -> None:
    old, old_lines = text_of(16, seed=1)
    new, new_lines = text_of(8, seed=2)
    config = settings(aws, receiver.address, tmp_path)
    receiver.faults.stalls = True
    with Daemon(tmp_path, config) as daemon:
        aws.load(BUCKET, {KEY: old}, queue=QUEUE)
        wait_until(lambda: aws.tally(QUEUE)["in_flight"] == 1)
        wait_until(lambda: receiver.connection_count > 0)
        aws.load(BUCKET, {KEY: new})
        receiver.faults.stalls = False
        wait_until(lambda: daemon.has_logged("overwritten while it was read"))
        wait_until(lambda: aws.tally(QUEUE)["in_flight"] == 1)
        aws.pass_time(1000)
        wait_until(lambda: aws.depth(QUEUE) == 0)

    found = lines_in(receiver)
    assert found[-len(new_lines) :] == new_lines, "the new one, once"
    before = found[: -len(new_lines)]
    assert before == old_lines[: len(before)], "and the begin of the old one"


def test_a_killed_worker_repeats_no_more_than_a_window(
    aws: AwsStandIn, receiver: RecordingReceiver, tmp_path: Path
) -> None:
    text, lines = text_of(16)
    output = {"chunk_bytes": 50_000, "window_chunks": 4}
    config = settings(
        aws, receiver.address, tmp_path, output={"address": receiver.address, **output}
    )
    with Daemon(tmp_path, config) as daemon:
        aws.load(BUCKET, {KEY: text}, queue=QUEUE)
        receiver.wait_for_records(len(lines) // 3, timeout_s=60)
        daemon.kill_worker(0)
        wait_until(lambda: aws.depth(QUEUE) == 0)

    found = lines_in(receiver)
    assert list(dict.fromkeys(found)) == lines
    window_lines = 4 * (50_000 // 1000 + 1)
    assert len(found) - len(lines) <= window_lines


def test_a_drain_ends_in_the_middle_and_the_next_run_goes_on(
    aws: AwsStandIn, receiver: RecordingReceiver, tmp_path: Path
) -> None:
    text, lines = text_of(16)
    config = settings(
        aws, receiver.address, tmp_path, pool={**ONE_WORKER, "drain_timeout_s": 1}
    )
    with Daemon(tmp_path, config) as daemon:
        aws.load(BUCKET, {KEY: text}, queue=QUEUE)
        receiver.wait_for_records(100, timeout_s=60)
        receiver.faults.stalls = True
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0
    assert len(lines_in(receiver)) < len(lines)
    receiver.faults.stalls = False
    aws.pass_time(1000)
    with Daemon(tmp_path, config):
        wait_until(lambda: aws.depth(QUEUE) == 0)

    assert list(dict.fromkeys(lines_in(receiver))) == lines


def test_a_bad_one_is_quarantined_as_it_is_stored(
    aws: AwsStandIn, receiver: RecordingReceiver, tmp_path: Path
) -> None:
    text, _ = text_of(8)
    body = text + b"\n\xff\xff not UTF-8"
    config = settings(
        aws,
        receiver.address,
        tmp_path,
        source={
            **settings(aws, receiver.address, tmp_path)["source"],
            "on_bad_object": "quarantine",
        },
    )
    aws.load(BUCKET, {KEY: body}, queue=QUEUE)
    with Daemon(tmp_path, config, *UNTIL_EMPTY) as daemon:
        assert daemon.wait() == 1

    (kept,) = (tmp_path / "state" / "quarantine" / "items").glob("*/body")
    assert kept.read_bytes() == body
    assert aws.depth(QUEUE) == 0
