"""Which times a record may have; whatever lies outside of them is none."""

from __future__ import annotations

from typing import Final

MIN_TIME_S: Final = 631_152_000
"""1990-01-01, in epoch seconds: before it there are milliseconds taken for seconds, or
the other way round."""

MAX_TIME_S: Final = 4_102_444_800
"""2100-01-01."""
