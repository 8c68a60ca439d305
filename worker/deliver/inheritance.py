"""What a worker inherits from one that died: its messages, and how deadly they are.

A message is suspect once two workers died with it, and guilty once one died while it
was at work on nothing else. A death in between that is not explained like this leaves
suspects what they are: whoever kills workers from outside makes nothing guilty but what
is alone in work at that very moment. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from worker.source.messages import Message

SUSPECT_DEATHS: Final = 2
GUILTY_DEATHS: Final = 3


@dataclass(frozen=True, slots=True)
class Inherited:
    """One message that an earlier worker held.

    Attributes:
        message: With an empty body where that was too large to be noted.
        age_s: For how long it was held, in seconds of the wall clock.
        deaths: How many workers died with it, as far as that matters.
    """

    message: Message
    age_s: float
    deaths: int

    @property
    def is_suspect(self) -> bool:
        """Whether it is to be worked on alone."""
        return self.deaths >= SUSPECT_DEATHS

    @property
    def is_guilty(self) -> bool:
        """Whether it is not to be worked on any more."""
        return self.deaths >= GUILTY_DEATHS


def deaths_with(deaths: int, *, was_alone: bool, is_cleared: bool) -> int:
    """Count a worker's death for a message that it held.

    Args:
        deaths: Before.
        was_alone: The worker was at work on this message alone.
        is_cleared: It was at work on others only.
    """
    if was_alone:
        return GUILTY_DEATHS
    if is_cleared or deaths >= SUSPECT_DEATHS:
        return deaths
    return deaths + 1
