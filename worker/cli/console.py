"""Where tables are printed."""

from __future__ import annotations

import os
from typing import Final

from rich.console import Console

PIPE_WIDTH: Final = 10_000
"""No terminal, no edge: nothing is cut in a pipe or a file."""


def console_of_any_width() -> Console:
    """Standard output: as wide as the terminal, or, where it is none, as the lines."""
    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPE_WIDTH
    return console
