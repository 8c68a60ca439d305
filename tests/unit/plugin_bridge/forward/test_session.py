from __future__ import annotations

import pytest

from plugin_bridge.forward.errors import LocalProtocolError, RemoteProtocolError
from plugin_bridge.forward.frames import acknowledgement
from plugin_bridge.forward.session import Session
from plugin_bridge.forward.suspicion import Suspicion

WINDOW_CHUNKS = 3


class Wire:
    """A session that has ``count`` frames to send."""

    def __init__(self, count: int, *, require_ack: bool = True) -> None:
        self.frames = {f"c{number}": b"x" * 10 for number in range(count)}
        self.suspicion = Suspicion()
        for chunk in self.frames:
            self.suspicion.add(chunk, 1)
        self._require_ack = require_ack
        self.session = self.begin_anew()

    def begin_anew(self) -> Session:
        self.session = Session(
            self.frames,
            self.suspicion,
            require_ack=self._require_ack,
            window_chunks=WINDOW_CHUNKS,
            window_bytes=1_000,
            ack_timeout_s=10.0,
        )
        return self.session

    def send_all(self) -> list[str]:
        sent = []
        while (chunk := self.session.next_frame()) is not None:
            self.session.begin(chunk)
            self.session.transmitted(chunk)
            self.session.written(chunk, 0.0)
            sent.append(chunk)
        return sent

    def ack(self, chunk: str, now: float = 0.0) -> None:
        self.session.receive_data(acknowledgement(chunk))
        assert self.session.next_ack(now) == chunk
        del self.frames[chunk]

    def lose(self) -> None:
        self.session.end(is_silent=False)
        self.begin_anew()


def test_one_frame_goes_and_then_the_window() -> None:
    wire = Wire(9)
    assert wire.send_all() == ["c0"]
    wire.ack("c0")
    assert wire.send_all() == ["c1", "c2", "c3"]


def test_a_frame_that_failed_alone_is_followed_by_a_probe() -> None:
    wire = Wire(9)
    wire.send_all()
    wire.lose()
    assert wire.send_all() == ["c1"]


def test_a_window_that_is_lost_accuses_nobody() -> None:
    wire = Wire(9)
    wire.send_all()
    wire.ack("c0")
    wire.send_all()
    wire.lose()
    assert wire.send_all() == ["c1"]


def test_a_frame_of_which_nothing_went_out_is_not_accused() -> None:
    wire = Wire(9)
    wire.session.begin("c0")
    wire.lose()
    assert wire.session.next_frame() == "c0"


def test_a_trial_is_due_after_one_more_window_of_others() -> None:
    """However many there are, and whenever their acknowledgements come."""
    wire = Wire(99)
    wire.send_all()
    wire.lose()
    sent = wire.send_all()
    assert sent == ["c1"]
    oldest = 0
    while not wire.session.must_be_left:
        wire.ack(sent[oldest])
        oldest += 1
        sent += wire.send_all()
    assert sent == ["c1", *(f"c{n}" for n in range(2, 2 + WINDOW_CHUNKS))]
    wire.begin_anew()
    assert wire.send_all() == ["c0"]


def test_a_connection_is_left_when_just_the_skipped_frame_is_in_flight() -> None:
    wire = Wire(4)
    for chunk in ("c0", "c2"):
        wire.send_all()
        wire.ack(chunk)
    assert not wire.session.is_silent(9.9)
    assert not wire.session.must_be_left
    wire.session.is_silent(10.0)
    assert not wire.session.must_be_left  # c3 is still in flight
    wire.ack("c3", 10.0)
    assert wire.session.must_be_left


def test_half_a_frame_is_not_acknowledged() -> None:
    wire = Wire(2)
    wire.session.begin("c0")
    wire.session.transmitted("c0")
    with pytest.raises(LocalProtocolError, match="not whole"):
        wire.session.begin("c1")
    wire.session.receive_data(acknowledgement("c0"))
    with pytest.raises(RemoteProtocolError, match="half a frame"):
        wire.session.next_ack(0.0)


def test_without_acknowledgements_all_go_in_their_order() -> None:
    wire = Wire(20, require_ack=False)
    assert wire.send_all() == list(wire.frames)
    assert wire.session.deadline() is None
    assert not wire.session.must_be_left


def test_a_withdrawn_frame_is_not_sent() -> None:
    wire = Wire(3, require_ack=False)
    wire.session.withdraw("c1")
    assert wire.send_all() == ["c0", "c2"]


def test_a_frame_handed_in_later_goes_last() -> None:
    wire = Wire(2, require_ack=False)
    wire.frames["late"] = b"x"
    wire.session.add("late")
    assert wire.send_all() == ["c0", "c1", "late"]
