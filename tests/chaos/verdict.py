"""What was lost and what was repeated, and whether that was allowed. No I/O.

A repeat is allowed where the delivery before was in the window that begins with a frame
whose acknowledgement was withheld, or in the last window of a connection that was lost:
no more frames than a window may be under way from the oldest unacknowledged one on, and
whatever is older has been settled.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

KILL_REACH_S = 3.0
"""So long after a kill a connection may end by it: workers look for their supervisor
about once a second, and the machine may be busy."""

Period = tuple[float, float]


@dataclass(slots=True, eq=False)
class Connection:
    """One connection of the receiver, as its log has it.

    Attributes:
        frames: How many whole frames it brought.
        ended_at: None: it was open when its receiver died.
        is_stalled: The receiver stopped reading for a while.
        refused: Positions of the frames whose acknowledgement was withheld.
    """

    frames: int = 0
    ended_at: float | None = None
    ended_by: str = ""
    is_stalled: bool = False
    refused: list[int] = field(default_factory=list)

    def was_lost(self, kills: Sequence[float]) -> bool:
        """Whether it ended by a fault rather than with its worker's drain."""
        if self.ended_at is None or self.ended_by != "peer" or self.is_stalled:
            return True
        return any(0 <= self.ended_at - kill <= KILL_REACH_S for kill in kills)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One frame with all its events; ``position`` is the frame's in its connection."""

    connection: Connection
    position: int
    at: float


@dataclass(slots=True)
class Delivered:
    """Everything that the receivers wrote down.

    Attributes:
        deliveries: The frames that brought an event, by its id, in their order.
        protocol_errors: What a strict receiver refused.
    """

    deliveries: dict[str, list[Delivery]] = field(default_factory=dict)
    connections: dict[str, Connection] = field(default_factory=dict)
    frames: int = 0
    protocol_errors: list[str] = field(default_factory=list)

    def read(self, lines: Iterable[dict[str, Any]]) -> None:
        """Take in the receivers' log."""
        for line in lines:
            connection = self.connections.setdefault(line["connection"], Connection())
            if "frame" in line:
                self.frames += 1
                delivery = Delivery(connection, connection.frames, line["at"])
                connection.frames += 1
                for event_id in line["ids"]:
                    self.deliveries.setdefault(event_id, []).append(delivery)
            elif "refused" in line:
                connection.refused.append(connection.frames - 1)
            elif "stalled" in line:
                connection.is_stalled = True
            elif "ended" in line:
                connection.ended_at, connection.ended_by = line["at"], line["ended"]
                if line["ended"].startswith("protocol"):
                    self.protocol_errors.append(line["ended"])


@dataclass(frozen=True, slots=True)
class Verdict:
    """The counts.

    Attributes:
        lost: Events that were sent and never delivered.
        unknown: Deliveries of events that were never sent.
        repeats_by_cause: Deliveries after the first: ``lost connection``, ``lost ack``
            and ``full disk`` are allowed, ``none`` are not.
        example_repeats: Some of the latter.
    """

    sent: int
    delivered: int
    lost: tuple[str, ...]
    unknown: int
    lost_connections: int
    repeats_by_cause: Counter[str]
    example_repeats: tuple[str, ...] = ()

    @property
    def repeats(self) -> int:
        return self.repeats_by_cause.total()

    @property
    def unexplained_repeats(self) -> int:
        return self.repeats_by_cause["none"]


def judge(
    sent: Sequence[str],
    delivered: Delivered,
    *,
    kills: Sequence[float],
    full_disk: Sequence[Period],
    window_chunks: int,
) -> Verdict:
    """Compare what was sent with what arrived.

    Args:
        sent: Event ids.
        delivered: What the receivers wrote down.
        kills: Instants at which workers or supervisors were killed.
        full_disk: When the journal could not be written, and a while after.
        window_chunks: How many frames may be unacknowledged at once.
    """
    causes: Counter[str] = Counter()
    examples: list[str] = []
    known = set(sent)
    for event_id, deliveries in delivered.deliveries.items():
        for number, (before, after) in enumerate(pairwise(deliveries), 2):
            cause = _cause(before, kills, window_chunks) or (
                "full disk" if _any_within(deliveries[:number], full_disk) else "none"
            )
            causes[cause] += 1
            if cause == "none":
                examples.append(f"{event_id} at {before.at:.1f} and {after.at:.1f}")
    connections = delivered.connections.values()
    return Verdict(
        sent=len(sent),
        delivered=len(known & delivered.deliveries.keys()),
        lost=tuple(sorted(known - delivered.deliveries.keys())),
        unknown=len(delivered.deliveries.keys() - known),
        lost_connections=sum(c.was_lost(kills) for c in connections if c.frames),
        repeats_by_cause=causes,
        example_repeats=tuple(examples[:10]),
    )


def delays_s(sent_at: Mapping[str, float], delivered: Delivered) -> list[float]:
    """How long each event was under way to its first delivery, in order of size.

    Args:
        sent_at: When it was announced, by its id.
        delivered: What the receivers wrote down; what never came counts as infinite.
    """
    return sorted(
        min(
            (delivery.at for delivery in delivered.deliveries.get(id_, ())), default=inf
        )
        - at
        for id_, at in sent_at.items()
    )


def _cause(before: Delivery, kills: Sequence[float], window_chunks: int) -> str:
    """Why what was delivered had to be delivered again; or empty."""
    connection = before.connection
    if any(0 <= before.position - at < window_chunks for at in connection.refused):
        return "lost ack"
    in_last_window = before.position >= connection.frames - window_chunks
    if in_last_window and connection.was_lost(kills):
        return "lost connection"
    return ""


def _any_within(deliveries: Sequence[Delivery], periods: Sequence[Period]) -> bool:
    """Without a journal two workers may hold the same object, however long."""
    return any(
        begin <= delivery.at <= end for begin, end in periods for delivery in deliveries
    )
