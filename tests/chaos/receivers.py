"""The receiving end of a chaos run: the strict fake, or a real shipper."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Protocol

from tests.fakes.aws_standin.process import ROOT
from tests.system.shippers import FluentBit, OtelCollector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.system.shippers import Shipper

END_TIMEOUT_S = 10

SHIPPERS: dict[str, tuple[Callable[[Path], Shipper], str, str]] = {
    "fluent-bit": (FluentBit, "fluent-bit", "TRAILFEED_TEST_FLUENT_BIT"),
    "otel": (OtelCollector, "otelcol", "TRAILFEED_TEST_OTELCOL"),
}


class Receiving(Protocol):
    """What a run needs of its receiver."""

    @property
    def address(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def faults(self) -> tuple[str, ...]:
        """Those that it can be ordered to have, beside being restarted."""
        ...

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def restart(self) -> None: ...
    def order(self, **order: object) -> None: ...
    def log(self) -> Iterator[dict[str, Any]]:
        """What arrived, as the lines of :mod:`tests.chaos.receiver`."""
        ...


class FakeReceiver:
    """:mod:`tests.chaos.receiver` as a child process."""

    kind = "generic"
    faults = ("stall", "cut", "drop", "refuse_acks")

    def __init__(self, folder: Path) -> None:
        self._socket_path = folder / "forward.sock"
        self._log_path = folder / "receiver.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"unix://{self._socket_path}"

    def start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [
                sys.executable,
                "-m",
                "tests.chaos.receiver",
                str(self._socket_path),
                str(self._log_path),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), "the receiver did not start; see above"

    def restart(self) -> None:
        """SIGKILL it and start another."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
        self.start()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.communicate(timeout=END_TIMEOUT_S)

    def order(self, **order: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()

    def log(self) -> Iterator[dict[str, Any]]:
        with self._log_path.open("rb") as lines:
            for line in lines:
                yield json.loads(line)


class RealReceiver:
    """Fluent Bit or the OpenTelemetry Collector; it can only be restarted.

    Which connection brought an event is not to be known: repeats count as of one lost
    connection each.
    """

    faults: tuple[str, ...] = ()

    def __init__(self, kind: str, folder: Path) -> None:
        made, _, _ = SHIPPERS[kind]
        self.kind = kind
        self._shipper = made(folder)
        self.address = self._shipper.address

    def start(self) -> None:
        self._shipper.__enter__()

    def restart(self) -> None:
        """End it as its users do, and start it again."""
        self.stop()
        self.start()

    def stop(self) -> None:
        self._shipper.__exit__()

    def order(self, **order: object) -> None:
        del order

    def log(self) -> Iterator[dict[str, Any]]:
        for number, record in enumerate(self._shipper.records()):
            yield {
                "connection": str(number),
                "at": 0.0,
                "frame": None,
                "ids": [record["eventID"]],
            }


def missing_program(kind: str) -> str | None:
    """Say what is missing for a real receiver; None: nothing."""
    if kind not in SHIPPERS:
        return None
    _, program, variable = SHIPPERS[kind]
    if os.environ.get(variable) or shutil.which(program):
        return None
    return f"no {program} on the PATH, and {variable} is not set"


def make_receiver(kind: str, folder: Path) -> Receiving:
    """``fake``, ``fluent-bit`` or ``otel``."""
    return RealReceiver(kind, folder) if kind in SHIPPERS else FakeReceiver(folder)
