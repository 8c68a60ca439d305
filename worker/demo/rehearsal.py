"""The main job once, from the upload to the receiver, and what came of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import worker
from worker.demo.aws import (
    ACCESS_KEY_ID,
    SECRET_ACCESS_KEY,
    EmbeddedAws,
    Pipeline,
)
from worker.demo.errors import DemoError
from worker.demo.files import cloudtrail_files
from worker.demo.processes import ended, environment
from worker.demo.receivers import builtin_receiver, fluent_bit_receiver
from worker.demo.through import Through

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from worker.demo.receivers import Record

WORKERS = 2
RUN_TIMEOUT_S = 40.0
RUN_TIMEOUT_S_PER_OBJECT = 0.1
LOG_TAIL_LINES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What went in and what came out."""

    objects: int
    event_ids: tuple[str, ...]  # uploaded
    records: tuple[Record, ...]  # received
    elapsed_s: float
    queue_depth: int
    exit_code: int
    log_tail: str

    @property
    def received_ids(self) -> frozenset[str]:
        return frozenset(str(record.get("eventID")) for record in self.records)

    @property
    def repeated(self) -> int:
        """Records that arrived more than once, counted each time but the first."""
        return len(self.records) - len(self.received_ids)

    @property
    def problems(self) -> tuple[str, ...]:
        """What is not as it must be, one line each; empty when all arrived."""
        problems = []
        received = self.received_ids
        missing = [event_id for event_id in self.event_ids if event_id not in received]
        if missing:
            problems.append(
                f"{len(missing)} of {len(self.event_ids)} records did not arrive, "
                f"the first is eventID {missing[0]}"
            )
        if self.queue_depth:
            problems.append(f"{self.queue_depth} messages are still in the queue")
        if self.exit_code:
            problems.append(f"trailfeed run ended with {self.exit_code}")
        return tuple(problems)

    @property
    def summary(self) -> str:
        """The last line: objects, distinct records, time, depth."""
        return (
            f"{self.objects} objects, {len(self.received_ids)} records, "
            f"{self.elapsed_s:.1f} s, queue depth {self.queue_depth}"
        )


def rehearse(
    *, through: Through, objects: int, folder: Path, say: Callable[[str], None]
) -> Outcome:
    """Upload CloudTrail files to an embedded AWS and run the pool until all is out.

    Args:
        through: The receiver.
        objects: Number of files to upload.
        folder: An empty folder for configuration, state, socket, logs and output.
        say: Called with one line at each step.

    Raises:
        DemoError: moto or the receiver is not there, or the run does not end.
    """
    socket_path = folder / "forward.sock"
    with ExitStack() as stack:
        say(f"starting the receiver ({through}) and the embedded AWS")
        received = stack.enter_context(_receiver(through, socket_path, folder))
        aws = stack.enter_context(EmbeddedAws())
        pipeline = aws.make_pipeline()
        say(f"uploading {objects} CloudTrail files to s3://{pipeline.bucket}")
        event_ids: list[str] = []
        for file in cloudtrail_files(objects, end=datetime.now(UTC)):
            aws.put_object(pipeline.bucket, file.key, file.body)
            event_ids += file.event_ids
        config = folder / "trailfeed.toml"
        config.write_text(_config(aws, pipeline, socket_path, folder), encoding="utf-8")
        say(f"running trailfeed: a supervisor and {WORKERS} workers")
        begin = time.monotonic()
        log = folder / "trailfeed.log"
        exit_code = _run(
            config, log, timeout_s=RUN_TIMEOUT_S + objects * RUN_TIMEOUT_S_PER_OBJECT
        )
        elapsed_s = time.monotonic() - begin
        return Outcome(
            objects=objects,
            event_ids=tuple(event_ids),
            records=tuple(received()),
            elapsed_s=elapsed_s,
            queue_depth=aws.queue_depth(pipeline.queue_url),
            exit_code=exit_code,
            log_tail=_tail(log),
        )


def _receiver(
    through: Through, socket_path: Path, folder: Path
) -> AbstractContextManager[Callable[[], list[Record]]]:
    match through:
        case Through.BUILTIN:
            return builtin_receiver(socket_path)
        case Through.FLUENT_BIT:
            return fluent_bit_receiver(socket_path, folder)


def _config(
    aws: EmbeddedAws, pipeline: Pipeline, socket_path: Path, folder: Path
) -> str:
    sections: dict[str, dict[str, str | int]] = {
        "source": {
            "queue_url": pipeline.queue_url,
            "region": aws.region,
            "access_key_id": ACCESS_KEY_ID,
            "secret_access_key": SECRET_ACCESS_KEY,
            "endpoint_url": aws.endpoint_url,
            # The end of the run would wait for a longer poll under way.
            "wait_time_s": 1,
        },
        "output": {"address": f"unix://{socket_path}", "linger_ms": 20},
        "pool": {"workers": WORKERS},
        "state": {"dir": str(folder / "state")},
        "status": {"listen": ""},
    }
    lines = []
    for section, entries in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {_toml(value)}" for key, value in entries.items()]
        lines.append("")
    return "\n".join(lines)


def _toml(value: str | int) -> str:
    # A JSON string is a TOML string too; trailfeed reads $$ as a dollar sign.
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("$", "$$")


def _run(config: Path, log: Path, *, timeout_s: float) -> int:
    """Run ``trailfeed run`` and return its exit code, negative after a signal."""
    command = ["run", "--config", str(config), "--until-empty", "--idle-s", "1"]
    with log.open("wb") as log_file:
        process = subprocess.Popen(  # noqa: S603 - this program itself
            [sys.executable, "-m", "worker", *command],
            # -m looks here first, and never at a "worker" of the caller's folder.
            cwd=Path(worker.__file__).parents[1],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            start_new_session=True,
        )
    with ended(process):
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise DemoError(
                f"trailfeed run did not end within {timeout_s:.0f} s; "
                f"its log ends with:\n{_tail(log)}"
            ) from None


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LOG_TAIL_LINES:])
