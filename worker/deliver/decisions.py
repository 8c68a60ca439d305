"""What the loop does next with objects and messages, by the journal's leave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.deliver.inbox import Downloaded
    from worker.deliver.ledger import HeldMessage, HeldObject


@dataclass(slots=True)
class Decisions:
    """Of one turn.

    Attributes:
        fetch: To be downloaded.
        emit: Bodies to be decoded.
        skip: Finished before: nothing of them is owed.
        delete: Messages whose objects are noted as finished.
        leave: To be left to SQS, and why.
    """

    fetch: list[HeldObject] = field(default_factory=list)
    emit: list[Downloaded] = field(default_factory=list)
    skip: list[HeldObject] = field(default_factory=list)
    delete: list[HeldMessage] = field(default_factory=list)
    leave: list[tuple[HeldObject, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.fetch or self.emit or self.skip or self.delete or self.leave)
