"""The supervisor as a container's first process, in a process namespace of its own."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.fakes.daemon import Daemon, settings_without_aws, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.functional

NAMESPACE = (
    *("unshare", "--fork", "--pid", "--mount", "--mount-proc"),
    "--kill-child=KILL",
)


def namespaces_can_be_made() -> bool:
    try:
        tried = subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False)  # noqa: S603 - fixed
    except OSError:
        return False
    return tried.returncode == 0


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A pool of one worker; without a receiver it calls no AWS."""
    if not namespaces_can_be_made():
        pytest.skip("this user may not make process namespaces (unshare --pid)")
    with Daemon(tmp_path, settings_without_aws(tmp_path), within=NAMESPACE) as made:
        yield made


def process_one(daemon: Daemon) -> psutil.Process:
    """The supervisor, as it is seen from outside."""
    outside = psutil.Process(daemon.process.pid)
    wait_until(lambda: bool(outside.children()))
    return outside.children()[0]


def holds_back_sigterm(process: psutil.Process) -> bool:
    status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    (mask,) = re.findall(r"^SigBlk:\t(\w+)$", status, re.MULTILINE)
    return bool(int(mask, 16) & 1 << signal.SIGTERM - 1)


def test_a_sigterm_during_the_boot_is_not_lost(daemon: Daemon) -> None:
    supervisor = process_one(daemon)
    wait_until(lambda: holds_back_sigterm(supervisor))
    assert not daemon.log, "the boot has only begun"
    supervisor.terminate()
    assert daemon.wait() == 0
    assert "SIGTERM: draining" in daemon.messages()


def test_it_drains_replaces_and_reaps_even_strangers(daemon: Daemon) -> None:
    supervisor = process_one(daemon)
    wait_until(lambda: daemon.has_logged("worker 0 started"))
    first_worker = supervisor.children()[0]

    # Its parent ends at once, as that of a probe's or a shell's child may.
    inside = ("nsenter", "--target", str(supervisor.pid), "--pid")
    subprocess.run([*inside, "sh", "-c", "sleep 60 >&- 2>&- &"], check=True)  # noqa: S603 - fixed
    wait_until(lambda: any(c.name() == "sleep" for c in supervisor.children()))
    (stranger,) = [c for c in supervisor.children() if c.name() == "sleep"]
    stranger.kill()
    wait_until(lambda: stranger not in supervisor.children())

    first_worker.kill()
    wait_until(lambda: daemon.has_logged("worker 0 was killed by SIGKILL"))
    wait_until(lambda: len(supervisor.children()) == 1)
    assert supervisor.children() != [first_worker]

    supervisor.terminate()
    assert daemon.wait() == 0
