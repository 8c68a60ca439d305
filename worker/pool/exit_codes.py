"""How the processes of trailfeed end, and what the supervisor makes of it."""

from __future__ import annotations

import signal
from typing import Final

DONE: Final = 0
FAILURE: Final = 1
BAD_CONFIG: Final = 78
"""EX_CONFIG of sysexits.h."""


def describe(code: int) -> str:
    """How a process ended, by its exit code (negative: the signal that killed it)."""
    if code == -signal.SIGKILL:
        return "was killed by SIGKILL (out of memory?)"
    if code < 0:
        return f"was killed by {_signal_name(-code)}"
    return f"ended with exit code {code}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have no name
        return f"signal {number}"
