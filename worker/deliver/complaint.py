"""One line for a fault that lasts, instead of one for each time that it is met."""

from __future__ import annotations

from logging import ERROR
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

AGAIN_S = 60.0


class Complaint:
    """Says a fault at once, again when it changes or a minute later, and its end.

    Args:
        logger: Of the room that meets the fault.
        over: What is said when it is over.
        level: Of the fault's lines.
    """

    def __init__(
        self, logger: logging.Logger, *, over: str, level: int = ERROR
    ) -> None:
        self._logger = logger
        self._over = over
        self._level = level
        self._last: str | None = None
        self._again_at = 0.0
        self._unsaid = 0

    def raised(
        self,
        text: str,
        now: float,
        *,
        kind: str = "",
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """The fault was met.

        Args:
            text: One sentence.
            now: Monotonic instant.
            kind: What makes it the same fault as the last; empty: its text.
            extra: Fields of the log record.
        """
        kind = kind or text
        if kind == self._last and now < self._again_at:
            self._unsaid += 1
            return
        again = f" ({self._unsaid} times since)" if self._unsaid else ""
        self._logger.log(self._level, "%s%s", text, again, extra=extra)
        self._last, self._again_at, self._unsaid = kind, now + AGAIN_S, 0

    def settled(self) -> None:
        """All is well; said only after something was not."""
        if self._last is not None:
            self._logger.info("%s", self._over)
            self._last, self._unsaid = None, 0
