"""A real log shipper as a process: started, fed, stopped, and read back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pytest

from tests.fakes.daemon import toml, wait_until
from worker.demo.processes import environment as clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fakes.daemon import Settings as WholeSettings

Record = dict[str, Any]
Settings = dict[str, object]

ROOT = Path(__file__).parents[3]

STOP_TIMEOUT_S = 30


class Shipper:
    """A shipper under test; its context is the life of the process.

    Args:
        command: Starts it in the foreground.
        output: The ``[output]`` section of what is sent to it.
        is_ready: Whether it takes connections.
        output_path: Its file, with one JSON document a line.
        log_path: Takes what it says itself.
        environment: What it finds there beside this process's own.
    """

    receiver: ClassVar[str]
    """What ``output.receiver`` calls it."""

    def __init__(
        self,
        command: list[str],
        *,
        output: Settings,
        is_ready: Callable[[], bool],
        output_path: Path,
        log_path: Path,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.output = output
        self._environment = environment or {}
        self._command = command
        self._is_ready = is_ready
        self._output_path = output_path
        self._log_path = log_path
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it takes Forward, as ``output.address`` names it."""
        return str(self.output["address"])

    @property
    def acknowledges(self) -> bool:
        """Whether messages wait for it."""
        return bool(self.output.get("require_ack", True))

    def __enter__(self) -> Self:
        with self._log_path.open("ab") as log:
            self._process = process = subprocess.Popen(  # noqa: S603 - under test
                self._command,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**clean_environment(), **self._environment},
            )
        try:
            wait_until(lambda: self._is_ready() or process.poll() is not None)
            assert process.poll() is None, self.log
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it as its users do, so that it writes out what it has."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        self.signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            process.wait()

    def kill(self) -> None:
        """End it with all of its children, with no time to write out anything.

        The line that it was writing is taken off its file: it is still to be written.
        """
        self.signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()
        written = self._output_path.read_bytes()
        os.truncate(self._output_path, written.rfind(b"\n") + 1)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to all of its children."""
        assert self._process is not None, "it was not started"
        os.killpg(self._process.pid, number)

    def records(self) -> list[Record]:
        """What it has written so far."""
        return list(self._documents())

    @property
    def log(self) -> str:
        """What it said itself."""
        return self._log_path.read_text("utf-8", "replace")

    def _documents(self) -> Iterator[Any]:
        """The whole lines of the output file; U+2028 is none of their ends."""
        if self._output_path.exists():
            *lines, _ = self._output_path.read_text("utf-8").split("\n")
            yield from map(json.loads, lines)


def bridge_prints(folder: Path, output: Settings, *options: str) -> str:
    """What ``trailfeed bridge`` prints for an ``[output]`` section."""
    queue_url = "https://sqs.us-east-1.amazonaws.com/123456789012/q"
    config = write_config(
        folder, {"source": {"queue_url": queue_url}, "output": output}
    )
    receiver = str(output["receiver"])
    done = subprocess.run(  # noqa: S603 - under test
        [
            sys.executable,
            *("-m", "worker", "bridge", receiver, "--config", str(config), *options),
        ],
        cwd=ROOT,
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    return done.stdout


def write_config(folder: Path, settings: WholeSettings) -> Path:
    """Write the configuration that a shipper runs trailfeed with, if it does."""
    config = folder / "bridge.toml"
    config.write_text(toml(settings))
    return config


def path_to_trailfeed() -> dict[str, str]:
    """An environment in which ``trailfeed`` is found."""
    scripts = str(Path(sys.executable).parent)
    assert (Path(scripts) / "trailfeed").exists(), f"no trailfeed in {scripts}"
    return {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}


def replaced(text: str, parts: dict[str, str]) -> str:
    """Replace parts that stand there exactly once."""
    for old, new in parts.items():
        assert text.count(old) == 1, (old, text)
        text = text.replace(old, new)
    return text


def find_program(name: str, variable: str) -> str:
    """The shipper's program, named by a variable or found on the PATH.

    Skips the test where there is none.
    """
    found = os.environ.get(variable) or shutil.which(name)
    if not found:
        pytest.skip(f"no {name} on the PATH, and {variable} is not set")
    return found


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def listens(port: int) -> bool:
    """Whether a connection to a port of 127.0.0.1 is accepted."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
