"""Files and messages made to take memory: the pool stays below its stated bound."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
from typing import TYPE_CHECKING, Self

import psutil
import pytest

from tests.fakes.aws_standin.process import AwsStandIn
from tests.fakes.daemon import Daemon, merged, settings_for
from tests.fakes.forward_receiver import RecordingReceiver
from worker.deliver.budget import POOL_BYTES, worst_worker_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

pytestmark = pytest.mark.system

QUEUE = "events"
BUCKET = "logs"
MIB = 1 << 20
INFLIGHT_BYTES = 128 * MIB
PATIENCE_S = 240.0
SAMPLE_S = 0.02
ROUNDS = 1
GOOD = 40


class PeakMemory:
    """Samples the memory of a tree of processes while the ``with`` block runs.

    What they share counts once, as it does against a limit (PSS, proc(5)).
    """

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self.tree_bytes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_S):
            with contextlib.suppress(psutil.Error):
                tree = [self._process, *self._process.children(recursive=True)]
                sizes = [process.memory_full_info().pss for process in tree]
                self.tree_bytes = max(self.tree_bytes, sum(sizes))


def one_text() -> bytes:
    return b'{"eventID":"x","text":"%b"}' % (b"x" * (150 * MIB))


def one_record() -> bytes:
    return b'{"Records":[%b]}' % one_text()


def empty_values(value: bytes) -> Callable[[], bytes]:
    return lambda: b'{"Records":[{"eventID":"v","a":[%b1]}]}' % (value * 2_800_000)


def escapes() -> bytes:
    return b'{"Records":[{"eventID":"e","a":"%b"}]}' % (rb"\ud83d\ude00" * 2_000_000)


def lines_of_documents() -> bytes:
    return b'{"eventID":"l"}\n' * 1000 + b'{"a":\n' + b'["b",\n' * 10_000_000


def many_records() -> bytes:
    entries = b",".join(
        b'{"eventID":"%d","text":"%b"}' % (n, b"x" * 2000) for n in range(60_000)
    )
    return b'{"Records":[%b]}' % entries


JSON_FILES: Mapping[str, Callable[[], bytes]] = {
    "text": one_text,
    "record": one_record,
    "objects": empty_values(b"{},"),
    "lists": empty_values(b"[],"),
    "nested-lists": empty_values(b"[[]],"),
    "numbers": empty_values(b"1.5,"),
    "escapes": escapes,
    "documents": lines_of_documents,
    "spaces": lambda: b" " * (200 * MIB),
    "nested-gzip": lambda: gzip.compress(gzip.compress(bytes(200 * MIB))),
}
CSV_FILES: Mapping[str, Callable[[], bytes]] = {
    "cell": lambda: b'a,b\n1,"' + b"x" * (150 * MIB),
    "line-ends": lambda: b'a,b\n1,"' + b"\n" * (20 * MIB),
    "cells": lambda: b"a,b\n" + b"1," * (20 * MIB),
    "wide": lambda: b'a,b\n1,"' + "\U0001f600".encode() * (10 * MIB) + b'"\n',
    "columns": lambda: b",".join(b"%d" % n for n in range(500_000)),
    "columns-and-rows": lambda: (
        b",".join(b"c%d" % n for n in range(3_000)) + b"\n1" * 500
    ),
}
LINE_FILES: Mapping[str, Callable[[], bytes]] = {
    "newlines": lambda: b"\n" * (3 * MIB),
    "line": lambda: b"x" * (150 * MIB),
    "wide": lambda: "\U0001f600".encode() * (20 * MIB),
}


def messages() -> list[str]:
    """Long ones that name one object, and some that name very many."""
    return [
        json.dumps({"s3Bucket": BUCKET, "s3ObjectKey": keys}).ljust(900_000)
        for keys in [[f"good/{number % GOOD}.gz"] for number in range(100)]
        + [[f"{number:x}" for number in range(90_000)]] * 10
    ]


@pytest.mark.parametrize(
    ("kind", "files"), [("json", JSON_FILES), ("csv", CSV_FILES), ("lines", LINE_FILES)]
)
def test_the_pool_stays_below_its_stated_bound(
    tmp_path: Path, kind: str, files: Mapping[str, Callable[[], bytes]]
) -> None:
    with (
        AwsStandIn() as aws,
        RecordingReceiver.unix(tmp_path / "forward.sock") as receiver,
    ):
        queue_url = aws.make_queue(QUEUE)
        for name, make in files.items():
            body = gzip.compress(make(), compresslevel=1)
            keys = (f"{number}/{name}.gz" for number in range(ROUNDS))
            aws.load(BUCKET, dict.fromkeys(keys, body), queue=QUEUE)
        good = gzip.compress(b'{"eventID":"good"}\n')
        keys = (f"good/{number}.gz" for number in range(GOOD))
        aws.load(BUCKET, dict.fromkeys(keys, good), queue=QUEUE)
        if kind == "json":
            aws.send(QUEUE, messages())
        settings = merged(
            settings_for(aws, queue_url, receiver.address, tmp_path),
            {
                "source": {"on_bad_object": "quarantine", "wait_time_s": 1},
                "decode": {"format": kind, "max_ratio": 1_000_000},
                "pool": {"workers": 1, "inflight_bytes": INFLIGHT_BYTES},
            },
        )
        arguments = ("--until-empty", "--idle-s", "0.5")
        with (
            Daemon(tmp_path, settings, *arguments) as daemon,
            PeakMemory(daemon.process.pid) as peak,
        ):
            daemon.wait(PATIENCE_S)
            assert daemon.log.count("started, process") == 1, "no worker was replaced"
        quarantine = tmp_path / "state" / "quarantine"
        entries = [json.loads(p.read_text()) for p in quarantine.rglob("item.json")]
        refused = {entry["object"]["key"] for entry in entries if entry.get("object")}
        assert not any(key.startswith("good/") for key in refused)
        stated_bytes = worst_worker_bytes(INFLIGHT_BYTES) + POOL_BYTES
        assert peak.tree_bytes < stated_bytes
