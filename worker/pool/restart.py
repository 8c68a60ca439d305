"""When a worker that died is replaced: a rule without a clock of its own."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_DELAY_S = 0.1
MAX_DELAY_S = 30.0
HEALTHY_AFTER_S = 60.0
"""A worker that lived this long starts the delays anew."""


@dataclass(slots=True)
class RestartPolicy:
    """Doubles the delay with each death in a row.

    Attributes:
        deaths: Deaths in a row, none of them after a healthy life.
    """

    deaths: int = 0

    def on_death(self, *, lived_s: float, jitter: float) -> float:
        """Seconds to wait before the replacement is forked.

        Args:
            lived_s: How long the process lived.
            jitter: Uniform in 0..1; spreads slots that died together.
        """
        if lived_s >= HEALTHY_AFTER_S:
            self.deaths = 0
        delay_s = min(FIRST_DELAY_S * 2.0**self.deaths, MAX_DELAY_S)
        self.deaths = min(self.deaths + 1, 16)
        return delay_s * (0.5 + jitter / 2)
