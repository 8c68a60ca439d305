"""One thing in an account that can be looked at and mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from worker.aws_setup.step import Step


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
