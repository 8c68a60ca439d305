"""A bucket of log files for ``trailfeed backfill``, and the command run on it."""

from __future__ import annotations

import gzip
import itertools
import json
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.daemon import Settings, merged, settings_for, toml
from worker.demo.processes import environment
from worker.source.notifications import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.demo.aws import EmbeddedAws
    from worker.source.notifications import ObjectRef


ROOT = Path(__file__).parents[3]
TIMEOUT_S = 60
FIRST, SECOND = "111111111111", "222222222222"
BODY = gzip.compress(b'{"Records": []}')
numbers = itertools.count()


def log_key(
    day: str, time: str = "1200", *, account: str = FIRST, region: str = "us-east-1"
) -> str:
    """The key of a log file; ``day`` as in 2026-11-20."""
    year, month, date = day.split("-")
    return (
        f"AWSLogs/{account}/CloudTrail/{region}/{year}/{month}/{date}/"
        f"{account}_CloudTrail_{region}_{year}{month}{date}T{time}Z_AbCdEf.json.gz"
    )


@dataclass(frozen=True)
class Setup:
    """A bucket, a queue that it does not announce into, and a configuration."""

    aws: EmbeddedAws
    bucket: str
    queue_url: str
    folder: Path

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}"

    @property
    def config(self) -> Path:
        return self.folder / "trailfeed.toml"

    @property
    def settings(self) -> Settings:
        return settings_for(
            self.aws, self.queue_url, "unix:///run/nobody.sock", self.folder
        )

    def configure(self, **changes: dict[str, object]) -> None:
        self.config.write_text(toml(merged(self.settings, changes)))

    def put(self, *keys: str, body: bytes = BODY, **more: Any) -> None:
        for key in keys:
            self.aws.client("s3").put_object(
                Bucket=self.bucket, Key=key, Body=body, **more
            )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - trailfeed itself
            [
                *(sys.executable, "-m", "worker", "backfill", *arguments),
                *("--config", str(self.config)),
            ],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(
        self, *arguments: str, exit_code: int = 0
    ) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments) as process:
            try:
                out, err = process.communicate(timeout=TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        done = subprocess.CompletedProcess(
            arguments, process.returncode, out.decode(), err.decode()
        )
        assert done.returncode == exit_code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    def counts(self, *arguments: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Rows and totals of a dry run."""
        lines = self.run(self.url, "--dry-run", "--json", *arguments).stdout
        *rows, totals = map(json.loads, lines.splitlines())
        return rows, totals

    def depth(self) -> int:
        return self.aws.queue_depth(self.queue_url)

    def sent(self) -> list[ObjectRef]:
        """Everything that the queue holds; taken out."""
        sqs = self.aws.client("sqs")
        refs: list[ObjectRef] = []
        while True:
            answer = sqs.receive_message(
                QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=0
            )
            messages = answer.get("Messages", ())
            if not messages:
                return refs
            for message in messages:
                refs += parse(message["Body"]).objects
                sqs.delete_message(
                    QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"]
                )

    def runs(self) -> list[str]:
        folder = self.folder / "state" / "backfill"
        return sorted(one.name for one in folder.iterdir()) if folder.exists() else []

    def noted_objects(self) -> int:
        """How far the only run says that it came."""
        runs = self.runs()
        if not runs:
            return 0
        path = self.folder / "state" / "backfill" / runs[-1] / "run.sqlite3"
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as run:
                ((text,),) = run.execute("SELECT value FROM note WHERE name='standing'")
        except (sqlite3.Error, ValueError):
            return 0
        return int(json.loads(text)["objects"])


@contextmanager
def recorded(aws: EmbeddedAws) -> Iterator[list[dict[str, str]]]:
    """The listings that S3 is asked for meanwhile; there once it is over."""
    api = f"{aws.endpoint_url}/moto-api/recorder"

    def call(what: str) -> bytes:
        with urllib.request.urlopen(f"{api}/{what}", data=b"") as answer:  # noqa: S310
            body: bytes = answer.read()
        return body

    listings: list[dict[str, str]] = []
    call("reset-recording")
    call("start-recording")
    try:
        yield listings
    finally:
        call("stop-recording")
        with urllib.request.urlopen(f"{api}/download-recording") as answer:  # noqa: S310
            lines = answer.read().decode().splitlines()
        for line in filter(None, lines):
            url = urlsplit(json.loads(line)["url"])
            asked = {name: value for name, (value, *_) in parse_qs(url.query).items()}
            if "prefix" in asked or "list-type" in asked:
                listings.append(asked)
