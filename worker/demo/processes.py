"""The demo's child processes, which never outlive it."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

END_TIMEOUT_S = 10


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a child, started as a session of its own, when the block is left.

    It gets SIGTERM once and ``END_TIMEOUT_S`` to drain; then it is killed, with all
    of its session.
    """
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            # Also when a second Ctrl-C cuts the wait short.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def environment() -> dict[str, str]:
    """The caller's environment without its AWS, proxy and trailfeed settings."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("AWS_", "TRAILFEED_", "MOTO_"))
        and not name.upper().endswith("_PROXY")
    }
