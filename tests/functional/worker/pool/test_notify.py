"""What systemd hears of a daemon, from its readiness to its end."""

from __future__ import annotations

import contextlib
import signal
import socket
import time
from typing import TYPE_CHECKING

import pytest

from tests.fakes.daemon import Daemon, settings_without_aws, wait_until
from worker.pool.notify import Notifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.functional


class Systemd:
    """The socket that systemd would listen on."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(address)
        self.heard: list[str] = []

    def hears(self, text: str) -> bool:
        with contextlib.suppress(BlockingIOError):
            while True:
                self.heard.append(self.socket.recv(4096).decode())
        return any(text in one for one in self.heard)


@pytest.fixture(params=["path", "abstract"])
def named(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Systemd, str]]:
    path = str(tmp_path / "notify")
    systemd = Systemd(f"\0{path}" if request.param == "abstract" else path)
    with systemd.socket:
        yield systemd, f"@{path}" if request.param == "abstract" else path


def test_a_daemon_says_that_it_is_ready_alive_and_stopping(
    named: tuple[Systemd, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemd, name = named
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    with Daemon(tmp_path, settings_without_aws(tmp_path)) as daemon:
        wait_until(lambda: systemd.hears("READY=1"))
        wait_until(lambda: systemd.hears("STATUS=1 workers; 0 messages held"))
        wait_until(lambda: systemd.hears("") and systemd.heard.count("WATCHDOG=1") > 2)
        assert not systemd.hears("STOPPING=1")
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0
        assert systemd.hears("STOPPING=1")
        assert systemd.heard.count("READY=1") == 1


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "vsock:2:1"},
        {"NOTIFY_SOCKET": "/nowhere/at/all", "WATCHDOG_USEC": "soon"},
    ],
)
def test_where_nobody_listens_nothing_happens(environment: dict[str, str]) -> None:
    notifier = Notifier(environment, pid=1)
    notifier.ready()
    notifier.sign_of_life(time.monotonic())
    notifier.status("well")
    notifier.stopping()


def test_the_watchdog_hears_only_whom_it_asked(named: tuple[Systemd, str]) -> None:
    systemd, name = named
    asked = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "5"}
    Notifier(asked, pid=6).sign_of_life(0.0)
    assert not systemd.hears("WATCHDOG=1")
    notifier = Notifier(asked, pid=5)
    for now in (10.0, 10.5, 10.9, 11.0):
        notifier.sign_of_life(now)
    assert systemd.hears("WATCHDOG=1")
    assert len(systemd.heard) == 2
