from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.fakes.daemon import wait_until
from worker.demo import processes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.functional

DRAINS_ON_SIGTERM = """
import pathlib, signal, sys
def drain(*_):
    pathlib.Path(sys.argv[1]).write_text("drained")
    sys.exit(0)
signal.signal(signal.SIGTERM, drain)
print("ready", flush=True)
signal.pause()
"""

IGNORES_SIGTERM = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork():
    print("ready", flush=True)
while True:
    signal.pause()
"""


def start(script: str, *arguments: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(  # noqa: S603 - the scripts above
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.stdout.close()
    return process


def test_a_child_may_drain(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    process = start(DRAINS_ON_SIGTERM, str(trace))
    with processes.ended(process):
        assert process.poll() is None
    assert process.returncode == 0
    assert trace.read_text() == "drained"


def test_a_child_that_does_not_end_is_killed_with_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "END_TIMEOUT_S", 0.1)
    process = start(IGNORES_SIGTERM)
    family = [*psutil.Process(process.pid).children(), psutil.Process(process.pid)]
    with processes.ended(process):
        assert len(family) == 2
    assert process.returncode == -9
    wait_until(lambda: not any(one.is_running() for one in family))


def test_the_environment_has_no_settings_that_lead_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere = ("AWS_PROFILE", "TRAILFEED_LOG_LEVEL", "https_proxy", "MOTO_PORT")
    for name in elsewhere:
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("KEPT", "x")
    environment = processes.environment()
    assert not environment.keys() & set(elsewhere)
    assert environment["KEPT"] == "x"
