"""What a client tells its owner."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Acked:
    """The chunk was acknowledged or, without acknowledgements, written whole."""

    chunk_id: str


@dataclass(frozen=True, slots=True)
class Poisoned:
    """The receiver refuses this chunk; the client has let go of it.

    Its owner hands in its halves instead. If it holds a single record, the receiver
    takes others, and its owner keeps that record elsewhere.
    """

    chunk_id: str


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection stands."""

    address: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A connection was lost, or could not be made: one event an attempt.

    Args:
        reason: One sentence.
        unacked_count: Chunks handed in and not acknowledged; all will be sent again.
        retry_in_s: When the next attempt comes.
        attempt: How many attempts in a row have ended so, without a single
            acknowledgement, this one included. 0: the client left by itself to begin
            anew with a chunk that failed.
    """

    reason: str
    unacked_count: int
    retry_in_s: float
    attempt: int


Event = Acked | Poisoned | Connected | Disconnected
