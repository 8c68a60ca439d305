"""One thing in an account that can be looked at and mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from worker.aws_setup.step import Step

if TYPE_CHECKING:
    from worker.aws_setup.step import Verdict


class Part(Protocol):
    """One thing in an account. All but :meth:`expect` raise boto3's own errors."""

    kind: str
    name: str

    def look(self) -> Step:
        """Read what is there, and compare it with what is wanted."""

    def expect(self) -> Step:
        """What would become of it in an account where nothing is there."""

    def mend(self) -> None:
        """Do what the last :meth:`look` found due. Safe to repeat."""


def step_of(
    part: Part, verdict: Verdict, *details: str, notes: tuple[str, ...] = ()
) -> Step:
    """What becomes of a part."""
    return Step(
        kind=part.kind, name=part.name, verdict=verdict, details=details, notes=notes
    )
