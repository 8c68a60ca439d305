"""What the demo sends its records through."""

from __future__ import annotations

from enum import StrEnum


class Through(StrEnum):
    """The receiver at the end of the demo's pipeline."""

    BUILTIN = "builtin"
    FLUENT_BIT = "fluent-bit"
