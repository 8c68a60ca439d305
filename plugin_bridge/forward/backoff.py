"""How long to wait before the next attempt to connect."""

from __future__ import annotations

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 30.0


class Backoff:
    """Exponential back-off with full jitter.

    Each delay is a random part of a span that doubles from one attempt to the next,
    so that many senders do not come back to a restarted receiver all at once.

    Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
    """

    def __init__(
        self, *, first_s: float = FIRST_DELAY_S, longest_s: float = LONGEST_DELAY_S
    ) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._span_s = first_s

    def next_delay_s(self, jitter: float) -> float:
        """Return the delay before the next attempt, in seconds.

        Args:
            jitter: A random number in 0..1.
        """
        delay_s = self._span_s * jitter
        self._span_s = min(self._span_s * 2, self._longest_s)
        return delay_s

    def reset(self) -> None:
        """Start again from the shortest span, as an attempt has succeeded."""
        self._span_s = self._first_s
