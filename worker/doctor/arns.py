"""Amazon Resource Names, as far as they say where something is. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

_WILD: Final = re.compile(r"[*?]")


@dataclass(frozen=True, slots=True)
class Arn:
    """``arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE``."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def of(cls, text: str) -> Arn | None:
        """Take one apart; None where the text is none."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn":  # noqa: PLR2004 - see above
            return None
        return cls(*parts[1:])


def is_literal(pattern: str) -> bool:
    """Whether a pattern of IAM's names one thing only."""
    return _WILD.search(pattern) is None


def matches(pattern: str, text: str, *, ignores_case: bool = False) -> bool:
    """Whether a pattern with IAM's ``*`` and ``?`` matches all of a text."""
    if ignores_case:
        pattern, text = pattern.lower(), text.lower()
    return fnmatchcase(text, pattern.replace("[", "[[]"))
