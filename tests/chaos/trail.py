"""What a run left in trailfeed's log that should not be there."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_VARYING = re.compile(r"s3://\S+|[0-9a-f]{8}-[0-9a-f-]{27}|\d+(?:\.\d+)?")
_DIED = re.compile(r"worker \d+ (was killed by \w+|ended with exit code \d+)")


@dataclass(slots=True)
class LogTrail:
    """Counts over trailfeed's JSON log.

    Attributes:
        deaths: Deaths of workers by the supervisor's own words.
        tracebacks: Messages that hold one, shortened.
        shapes: How often each message came, numbers and names left out.
    """

    lines: int = 0
    bytes_: int = 0
    deaths: Counter[str] = field(default_factory=Counter)
    tracebacks: list[str] = field(default_factory=list)
    shapes: Counter[str] = field(default_factory=Counter)
    strays: list[str] = field(default_factory=list)

    @property
    def own_deaths(self) -> int:
        """Deaths that were no SIGKILL."""
        return sum(n for said, n in self.deaths.items() if "SIGKILL" not in said)


def read_log(path: Path) -> LogTrail:
    trail = LogTrail()
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            trail.lines += 1
            trail.bytes_ += len(line)
            try:
                message = str(json.loads(line)["message"])
            except (ValueError, KeyError, TypeError):
                trail.strays.append(line.rstrip()[:300])
                continue
            if "Traceback" in message:
                trail.tracebacks.append(message[-600:])
            if died := _DIED.match(message):
                trail.deaths[died[1]] += 1
            trail.shapes[_VARYING.sub("#", message)[:100]] += 1
    return trail
