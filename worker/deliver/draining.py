"""How a worker ends in order: what it settles, gives back, or leaves to another one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.deliver.intake import Intake
    from worker.deliver.journaling import Journaling
    from worker.deliver.ledger import Ledger
    from worker.deliver.progress import Control
    from worker.deliver.settlement import Settlement

logger = logging.getLogger(__name__)


class Draining:
    """Begins once the worker is told to, and is over within the time that it is given.

    Where another worker takes this one's place, and the journal is written, messages
    that are not begun are left to that one as they are: their receive count stays. Else
    they are made visible at once.

    Args:
        control: Says when, for how long, and what comes after.
        intake: Closed at the begin.
        journaling: Told of the end.
        settlement: Takes what is not begun.
        ledger: Knows what is held.

    Attributes:
        deadline: Monotonic instant of the end; None: it has not begun.
    """

    def __init__(
        self,
        control: Control,
        *,
        intake: Intake,
        journaling: Journaling,
        settlement: Settlement,
        ledger: Ledger,
    ) -> None:
        self._control = control
        self._intake = intake
        self._journaling = journaling
        self._settlement = settlement
        self._ledger = ledger
        self._saw_receiver_gone = False
        self.deadline: float | None = None

    @property
    def has_begun(self) -> bool:
        """Whether nothing new is begun any more."""
        return self.deadline is not None

    def obey(self, now: float) -> None:
        """Begin when told to, and hurry when told to."""
        timeout_s = self._control.drain_timeout_s
        if timeout_s is None:
            return
        has_successor = self._control.has_successor and self._journaling.is_written
        if self.deadline is None:
            self.deadline = now + timeout_s
            self._settlement.has_successor = has_successor
            self._intake.close()
            self._let_go(begun=False)
        elif self._settlement.has_successor and not has_successor:
            self._settlement.return_left()
        self.deadline = min(self.deadline, now + timeout_s)
        if self._control.receiver_is_gone and not self._saw_receiver_gone:
            self._saw_receiver_gone = True
            self._let_go(begun=True)

    def is_over(self, now: float) -> bool:
        """Whether all is settled, or the time is up."""
        if self.deadline is None:
            return False
        if now >= self.deadline:
            if self._ledger.held_count:
                logger.warning(
                    "%d messages were emitted but not acknowledged in time; they stay "
                    "in the queue",
                    self._ledger.held_count,
                )
            return True
        return (
            self._ledger.held_count == 0
            and self._intake.is_idle
            and self._settlement.is_idle
            and self._journaling.is_idle
        )

    def leave(self) -> None:
        """Note that the worker ends in order, or what its memory went to."""
        self._journaling.leave(
            holder.message.id
            for holder in self._ledger.held
            if self._control.is_too_large and holder.is_being_decoded
        )

    def _let_go(self, *, begun: bool) -> None:
        """Let go of messages: those not begun, or all of them.

        What a successor would have to decode anew is decoded to its end here.
        """
        has_successor = self._settlement.has_successor
        for holder in tuple(self._ledger.held):
            is_begun = holder.has_begun or (has_successor and holder.is_being_decoded)
            if begun or not is_begun:
                self._settlement.drain(holder)
