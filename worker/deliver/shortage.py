"""How long nothing could be received for want of room, and in what."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plugin_bridge.client import ForwardClient
    from worker.deliver.budget import Budget
    from worker.deliver.fetching import Fetching
    from worker.deliver.intake import Intake
    from worker.deliver.numbers import Tally
    from worker.deliver.settlement import Settlement


class Shortage:
    """Looks at the parts on every turn of the loop.

    Args:
        waited_s: Takes the seconds.
    """

    def __init__(
        self,
        waited_s: Tally,
        *,
        client: ForwardClient,
        fetching: Fetching,
        settlement: Settlement,
        budget: Budget,
        intake: Intake,
    ) -> None:
        self._waited_s = waited_s
        self._client = client
        self._fetching = fetching
        self._settlement = settlement
        self._budget = budget
        self._intake = intake
        self._of: str | None = None
        self._since = 0.0

    def look(self, now: float, backlog: int) -> None:
        """Count the time since the last look, and see how things are from here on."""
        if self._of is not None:
            self._waited_s.add(self._of, now - self._since)
        self._of, self._since = self._shortage(now, backlog), now

    def _shortage(self, now: float, backlog: int) -> str | None:
        if not self._client.is_connected:
            return "receiver"
        if not self._fetching.may_receive(now):
            return "s3"
        if not self._settlement.has_room:
            return "deletes"
        if not self._budget.is_full and self._intake.has_room(backlog):
            return None
        if not self._client.has_room:
            return "receiver"
        return "budget" if self._budget.is_full else "backlog"
