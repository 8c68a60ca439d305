"""One line of a plan: what becomes of one thing in the account."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What is to be done about it."""

    OK = "ok"
    MAKE = "make"
    CHANGE = "change"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    ELSEWHERE = "elsewhere"
    """To be done by another account."""


def title(kind: str, name: str) -> str:
    """What something is and its name, in words."""
    words = kind.replace("dead_letter", "dead-letter").replace("_", " ")
    return f"{words} {name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What becomes of one thing.

    Attributes:
        kind: What it is, stable: ``queue``, ``notification`` …
        name: Its own.
        verdict: What is to be done.
        details: What is made or changed, or why it cannot be, a line each.
        notes: What to see to by hand, a line each.
    """

    kind: str
    name: str
    verdict: Verdict
    details: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What it is and its name, in words."""
        return title(self.kind, self.name)

    @property
    def is_due(self) -> bool:
        """Whether there is something to make or to change."""
        return self.verdict in {Verdict.MAKE, Verdict.CHANGE}

    @property
    def is_in_the_way(self) -> bool:
        """Whether nothing can be done before someone looks at it."""
        return self.verdict in {Verdict.BLOCKED, Verdict.UNKNOWN}
