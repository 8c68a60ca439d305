"""Works on with what dead workers held, without receiving it again.

So that nobody's receive count rises by a worker's death. What is suspect of having
caused it is worked on first, one message at a time, and nothing is received meanwhile:
should the worker die once more, the journal tells over which message.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

from worker.deliver.ledger import Fate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.deliver.failing import Failing
    from worker.deliver.inheritance import Inherited
    from worker.deliver.intake import Intake, Taken
    from worker.deliver.journaling import Journaling
    from worker.deliver.ledger import HeldMessage, Ledger
    from worker.deliver.progress import Progress
    from worker.deliver.settlement import Settlement

logger = logging.getLogger(__name__)

EXTENDED_WITHIN_S = 30.0
"""What SQS has not extended by then is left to it."""

STUCK_AFTER_S = 60.0
"""So long may a suspect keep others waiting while it is read or decoded, and nothing
of it gets on."""

IDLE_AFTER_S = 5.0
"""So long while nothing of it is read or decoded: it waits for another worker."""


class Adoption:
    """Takes inherited messages up, once SQS has extended their visibility.

    Args:
        intake: Holds and reads them.
        journaling: Told of the one message that is in work.
        failing: Takes those that kill workers.
        settlement: Takes those that cannot be worked on here.
        ledger: Knows what is held.
        progress: Says when something got on.
        has_journal: Whether there is anything to wait for.
    """

    def __init__(
        self,
        *,
        intake: Intake,
        journaling: Journaling,
        failing: Failing,
        settlement: Settlement,
        ledger: Ledger,
        progress: Progress,
        has_journal: bool,
    ) -> None:
        self._intake = intake
        self._journaling = journaling
        self._failing = failing
        self._settlement = settlement
        self._ledger = ledger
        self._progress = progress
        self._is_expected = has_journal
        self._opened_at = 0.0
        self._waiting: deque[tuple[Inherited, Taken]] = deque()
        self._alone: HeldMessage | None = None
        self._alone_since = 0.0

    @property
    def is_over(self) -> bool:
        """Whether other messages may be received."""
        return not (self._is_expected or self._waiting or self._alone)

    def on_opened(self, inherited: Sequence[Inherited], now: float) -> None:
        """The journal says what dead workers held."""
        self._is_expected = False
        self._opened_at = now
        is_late = self._ledger.held_count > 0  # others are in work already
        for one in sorted(inherited, key=_turn):
            message = one.message
            if self._ledger.holds(message.id):
                continue  # received again
            if is_late or not message.body:
                self._settlement.adopt([(message.id, message.receipt_handle)], now)
                self._journaling.forget(message.id)
                continue
            taken = self._intake.hold(
                message,
                received_at=now - one.age_s,
                extend_at=now,
                is_inherited=True,
            )
            self._waiting.append((one, taken))
        if self._waiting:
            self._settlement.look_at_once()
            suspects = sum(one.is_suspect for one, _ in self._waiting)
            logger.info(
                "taking over %d messages of earlier workers", len(self._waiting)
            )
            if suspects:
                logger.warning(
                    "workers died over %d of them; working on these one by one",
                    suspects,
                )

    def on_journal_failed(self) -> None:
        """What dead workers held is not known for the time being."""
        self._is_expected = False

    def step(self, now: float) -> None:
        """Begin with what may be worked on now."""
        if self._alone is not None and self._is_in_work(self._alone, now):
            return
        while self._waiting:
            one, taken = self._waiting[0]
            if taken.holder.fate is Fate.HELD and not taken.holder.is_hidden:
                if now - self._opened_at < EXTENDED_WITHIN_S:
                    return
                self._ledger.abandon(taken.holder)
            self._waiting.popleft()
            if taken.holder.fate is not Fate.HELD:
                continue
            if one.is_guilty:
                self._failing.on_deadly_message(taken.holder)
            elif one.is_suspect:
                self._set_alone(taken.holder, now)
                self._intake.work_on(taken)
                return
            else:
                self._set_alone(None, now)
                self._intake.work_on(taken)
        self._set_alone(None, now)

    def _is_in_work(self, holder: HeldMessage, now: float) -> bool:
        """Whether a suspect keeps the others waiting.

        One that cannot go on stays held, and goes on beside others.
        """
        if holder.fate is not Fate.HELD or holder.is_emitted:
            return False
        items = holder.objects
        is_active = holder.is_being_decoded or any(one.is_reading for one in items)
        if not is_active and any(one.is_postponed for one in items):
            return False
        limit_s = STUCK_AFTER_S if is_active else IDLE_AFTER_S
        since = max(self._alone_since, self._progress.progressed_at)
        return not self._progress.is_connected or now - since < limit_s

    def _set_alone(self, holder: HeldMessage | None, now: float) -> None:
        if holder is not self._alone:
            self._alone, self._alone_since = holder, now
            self._journaling.work_alone("" if holder is None else holder.message.id)


def _turn(one: Inherited) -> tuple[bool, int]:
    """The guilty come first, then suspects, then the others, the least deadly first."""
    return not one.is_suspect, -one.deaths if one.is_suspect else one.deaths
