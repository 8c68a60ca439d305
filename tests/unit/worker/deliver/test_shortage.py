"""What keeps a worker from receiving, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest

from worker.deliver.numbers import Tally
from worker.deliver.progress import WAITS
from worker.deliver.shortage import Shortage

if TYPE_CHECKING:
    from plugin_bridge.client import ForwardClient
    from worker.deliver.budget import Budget
    from worker.deliver.fetching import Fetching
    from worker.deliver.intake import Intake
    from worker.deliver.settlement import Settlement


@dataclass
class Parts:
    """Stands for all that the shortage looks at."""

    is_connected: bool = True
    is_open: bool = True
    is_full: bool = False
    has_backlog: bool = False
    window_has_room: bool = True
    deletes_have_room: bool = True

    def may_receive(self, _now: float) -> bool:
        return self.is_open


@dataclass
class Room:
    """A part that is asked by its ``has_room``."""

    has_room: bool
    is_connected: bool = True


class Gate:
    def __init__(self, has_room: bool) -> None:
        self._has_room = has_room

    def has_room(self, backlog: int) -> bool:
        return self._has_room and not backlog


def shortage(waited_s: Tally, parts: Parts) -> Shortage:
    return Shortage(
        waited_s,
        client=cast("ForwardClient", Room(parts.window_has_room, parts.is_connected)),
        fetching=cast("Fetching", parts),
        settlement=cast("Settlement", Room(parts.deletes_have_room)),
        budget=cast("Budget", parts),
        intake=cast("Intake", Gate(not parts.has_backlog)),
    )


@pytest.mark.parametrize(
    ("parts", "cause"),
    [
        (Parts(), None),
        (Parts(window_has_room=False), None),  # there is room here all the same
        (Parts(is_connected=False, is_full=True), "receiver"),
        (Parts(is_open=False), "s3"),
        (Parts(deletes_have_room=False), "deletes"),
        (Parts(is_full=True), "budget"),
        (Parts(is_full=True, window_has_room=False), "receiver"),
        (Parts(has_backlog=True), "backlog"),
        (Parts(has_backlog=True, window_has_room=False), "receiver"),
    ],
)
def test_the_time_goes_to_what_is_short(parts: Parts, cause: str | None) -> None:
    waited_s = Tally.of(*WAITS)
    looking = shortage(waited_s, parts)
    for now in (10.0, 12.5, 13.0):
        looking.look(now, 0)
    assert {name: s for name, s in waited_s.counts.items() if s} == (
        {cause: 3.0} if cause else {}
    )


def test_the_time_after_a_shortage_is_not_counted() -> None:
    waited_s = Tally.of(*WAITS)
    looking = shortage(waited_s, Parts())
    looking.look(1.0, backlog=5)
    looking.look(2.0, backlog=0)
    looking.look(9.0, backlog=0)
    assert waited_s.total == 1.0
