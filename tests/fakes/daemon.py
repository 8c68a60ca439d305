"""trailfeed as a user runs it: a configuration file and a process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Protocol, Self

import psutil

from worker.demo.aws import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from worker.demo.processes import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

PATIENCE_S = 60.0
POLL_S = 0.02

_STARTED = re.compile(r"worker (\d+) started, process (\d+)")

Settings = dict[str, dict[str, object]]


def wait_until(condition: Callable[[], bool], *, timeout_s: float = PATIENCE_S) -> None:
    """Wait for a condition; fail when it does not come true."""
    give_up_at = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up_at, "the condition did not come true in time"
        time.sleep(POLL_S)


class Aws(Protocol):
    """The embedded AWS, or the stand-in."""

    @property
    def region(self) -> str: ...

    @property
    def endpoint_url(self) -> str: ...


def settings_for(aws: Aws, queue_url: str, address: str, folder: Path) -> Settings:
    """A configuration for the embedded AWS or the stand-in, quick enough for tests."""
    return {
        "source": {
            "queue_url": queue_url,
            "region": aws.region,
            "endpoint_url": aws.endpoint_url,
            "access_key_id": ACCESS_KEY_ID,
            "secret_access_key": SECRET_ACCESS_KEY,
            "wait_time_s": 0,
        },
        "output": {"address": address},
        "pool": {"workers": 2, "drain_timeout_s": 10},
        "state": {"dir": str(folder / "state")},
        "status": {"listen": ""},
        "log": {"format": "json"},
    }


def settings_without_aws(folder: Path, *, workers: int = 1) -> Settings:
    """A pool without a receiver, which therefore receives nothing; nor is there AWS."""
    return {
        "source": {
            "queue_url": "http://127.0.0.1:9/123456789012/events",
            "region": "us-east-1",
            "endpoint_url": "http://127.0.0.1:9",
            "access_key_id": ACCESS_KEY_ID,
            "secret_access_key": SECRET_ACCESS_KEY,
        },
        "output": {"address": f"unix://{folder}/forward.sock"},
        "pool": {"workers": workers},
        "state": {"dir": ""},
        "status": {"listen": ""},
        "log": {"format": "json"},
    }


def merged(base: Settings, changes: Mapping[str, Mapping[str, object]]) -> Settings:
    """``base`` with the keys of ``changes`` on top."""
    return {
        section: {**base.get(section, {}), **changes.get(section, {})}
        for section in dict.fromkeys((*base, *changes))
    }


class Daemon:
    """``trailfeed run``, in a session of its own, ended with the ``with`` block.

    Args:
        folder: Takes the configuration file and the log.
        settings: The configuration.
        arguments: More for the command line.
        stdout: As for :class:`subprocess.Popen`.
        module: Run with ``python -m``; another one that takes the same arguments.
        within: A program that runs the one whose command line follows.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        *arguments: str,
        stdout: int | None = None,
        module: str = "worker",
        within: Sequence[str] = (),
    ) -> None:
        config = folder / "trailfeed.toml"
        config.write_text(toml(settings))
        self.log_path = folder / "trailfeed.log"
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                [
                    *within,
                    *(sys.executable, "-m", module, "run", "--config", config),
                    *arguments,
                ],
                stdout=stdout,
                stderr=log,
                env=environment(),
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is not None:
            sys.stderr.write(self.log)
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def entries(self) -> list[dict[str, Any]]:
        """What was logged as JSON, without what faulthandler wrote in between."""
        whole_lines = self.log.split("\n")[:-1]
        return [json.loads(line) for line in whole_lines if line.startswith('{"time"')]

    def messages(self) -> list[str]:
        """The sentences of :meth:`entries`."""
        return [entry["message"] for entry in self.entries()]

    def has_logged(self, text: str) -> bool:
        return text in self.log

    def children(self) -> set[int]:
        """Process ids of the supervisor's children, of whichever kind."""
        try:
            children = psutil.Process(self.process.pid).children()
        except psutil.NoSuchProcess:
            return set()
        return {child.pid for child in children}

    def workers(self) -> dict[int, int]:
        """Process ids of the living workers, by their slot, in the order of slots."""
        started = {
            int(pid): int(slot)
            for message in self.messages()
            for slot, pid in _STARTED.findall(message)
        }
        living = sorted((started[pid], pid) for pid in self.children() & set(started))
        return dict(living)

    def kill_worker(self, slot: int) -> int:
        """End a worker with SIGKILL, as soon as there is one; return its process id."""
        wait_until(lambda: slot in self.workers())
        pid = self.workers()[slot]
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_for_boot(self, count: int) -> None:
        """Wait until so many workers have connected to the receiver."""
        wait_until(lambda: self.log.count("connected to") >= count)

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Wait for the end; return the exit code."""
        return self.process.wait(timeout_s)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


def toml(settings: Settings) -> str:
    """Serialize; JSON's strings, numbers, lists and booleans are TOML's too."""
    lines: list[str] = []
    for section, keys in settings.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"
