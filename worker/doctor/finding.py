"""What a look brings: lines with a verdict each, and a value for the looks after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

Value = TypeVar("Value")
Verdict = Literal["ok", "warn", "fail", "skip"]

VERDICTS: Final[tuple[Verdict, ...]] = ("ok", "warn", "fail", "skip")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line.

    Attributes:
        check: What was looked at; stable.
        said: What was found, without a full stop.
        mend: What to do about it; empty where nothing is, or ``said`` has it.
    """

    check: str
    verdict: Verdict
    said: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Answer(Generic[Value]):
    """All that one look brings.

    Attributes:
        value: None: what depends on it cannot be looked at.
    """

    findings: tuple[Finding, ...]
    value: Value | None = None


def ok(check: str, said: str) -> Finding:
    """Nothing to do."""
    return Finding(check, "ok", said)


def warn(check: str, said: str, mend: str = "") -> Finding:
    """It works, and will not in some case; or it could not be found out."""
    return Finding(check, "warn", said, mend)


def fail(check: str, said: str, mend: str = "") -> Finding:
    """It does not work."""
    return Finding(check, "fail", said, mend)


def skip(check: str, said: str) -> Finding:
    """It was not looked at."""
    return Finding(check, "skip", said)


def counts(findings: Iterable[Finding]) -> dict[Verdict, int]:
    """How many findings there are of each verdict."""
    found: dict[Verdict, int] = dict.fromkeys(VERDICTS, 0)
    for one in findings:
        found[one.verdict] += 1
    return found
