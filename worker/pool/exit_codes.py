"""How the processes of trailfeed end, and what the supervisor makes of it."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
FAILURE: Final = 1
BAD_CONFIG: Final = 78
"""EX_CONFIG of sysexits.h."""
