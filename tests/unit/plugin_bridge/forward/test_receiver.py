from __future__ import annotations

from itertools import pairwise

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_bridge.forward.entries import EventEncoder
from plugin_bridge.forward.errors import RemoteProtocolError
from plugin_bridge.forward.event_time import EventTime
from plugin_bridge.forward.frames import acked_chunk, packed_forward
from plugin_bridge.forward.receiver import (
    MAX_FRAME_BYTES,
    Entry,
    ForwardReceiver,
    Frame,
    Mode,
)

ENCODER = EventEncoder()
ENTRIES = ENCODER.assemble([ENCODER.encode({"n": n}, 5, n) for n in range(3)])
EXPECTED = [Entry(EventTime(5, n), {"n": n}) for n in range(3)]
TIME = msgpack.ExtType(0, EventTime(5).serialize())


def frames_of(*data: bytes) -> list[Frame]:
    receiver = ForwardReceiver()
    frames = []
    for part in data:
        receiver.receive_data(part)
        while (frame := receiver.next_frame()) is not None:
            frames.append(frame)
    return frames


def frame_of(message: object) -> Frame:
    (frame,) = frames_of(msgpack.packb(message))
    return frame


class TestModes:
    def test_packed_forward(self) -> None:
        (frame,) = frames_of(bytes(packed_forward("ct", ENTRIES, count=3, chunk="c")))
        assert frame == Frame(Mode.PACKED_FORWARD, "ct", ENTRIES, "c", 3)
        assert list(frame.entries()) == EXPECTED

    def test_packed_forward_of_a_str_without_option(self) -> None:
        header = msgpack.packb(["ct"])[1:] + b"\xda" + len(ENTRIES).to_bytes(2, "big")
        (frame,) = frames_of(b"\x92" + header + ENTRIES)
        assert frame.payload == ENTRIES
        assert (frame.chunk, frame.size) == (None, None)

    def test_forward(self) -> None:
        entries = [[5, {"n": 0}], [TIME, {"n": 1}]]
        frame = frame_of(["ct", entries, {"chunk": "c"}])
        assert (frame.mode, frame.chunk) == (Mode.FORWARD, "c")
        assert list(frame.entries()) == [
            Entry(EventTime(5), {"n": 0}),
            Entry(EventTime(5), {"n": 1}),
        ]

    @pytest.mark.parametrize("option", [[], [{"chunk": "c"}]])
    def test_message(self, option: list[object]) -> None:
        frame = frame_of(["ct", TIME, {"n": b"\xff"}, *option])
        assert frame.mode is Mode.MESSAGE
        assert list(frame.entries()) == [Entry(EventTime(5), {"n": b"\xff"})]

    def test_acknowledges(self) -> None:
        response = msgpack.unpackb(ForwardReceiver().ack("c"), raw=True)
        assert acked_chunk(response) == "c"


class TestRefuses:
    @pytest.mark.parametrize(
        ("message", "sentence"),
        [
            (None, "not a Forward message"),
            ({}, "not a Forward message"),
            ([], "not a Forward message"),
            (["ct"], "not a Forward message"),
            ([1, ENTRIES, {}], "not a Forward message"),
            (["ct", ENTRIES, {}, {}], "not a Forward message"),
            (["ct", b"", {}], "without entries"),
            (["ct", [], {}], "without entries"),
            (["ct", ENTRIES, None], "option is not a map"),
            (["ct", ENTRIES, {"chunk": b"c"}], "chunk id is not text"),
            (["ct", ENTRIES, {"size": "3"}], "size is not an integer"),
            (["ct", ENTRIES, {"compressed": "gzip"}], "no gzip"),
            (["ct", ENTRIES, {"compressed": "zstd"}], "no zstd"),
            (["ct", ENTRIES, {"compressed": "lz4"}], "unknown compression"),
        ],
    )
    def test_what_the_strictest_receiver_refuses(
        self, message: object, sentence: str
    ) -> None:
        with pytest.raises(RemoteProtocolError, match=sentence):
            frame_of(message)

    @pytest.mark.parametrize(
        "entry",
        [
            [5.5, {}],
            [[5, {}], {}],
            [msgpack.ExtType(1, bytes(8)), {}],
            [msgpack.ExtType(0, bytes(8)), {}],
            [msgpack.ExtType(0, bytes(4)), {}],
            [5, []],
            [5, {1: 2}],
            [5, {"nested": {1: 2}}],
            [5, {b"bin": 2}],
            {"n": 1},
        ],
    )
    def test_entries_only_some_receivers_take(self, entry: object) -> None:
        frame = frame_of(["ct", msgpack.packb(entry), {}])
        with pytest.raises(RemoteProtocolError):
            list(frame.entries())

    def test_a_cut_entry(self) -> None:
        frame = frame_of(["ct", ENTRIES[:-1], {}])
        entries = frame.entries()
        assert [next(entries), next(entries)] == EXPECTED[:2]
        with pytest.raises(RemoteProtocolError, match="cut"):
            next(entries)

    def test_undecodable_bytes(self) -> None:
        for data in (b"\xc1", b"\x81\x90\x00"):
            with pytest.raises(RemoteProtocolError, match="undecodable frame"):
                frames_of(data)
        with pytest.raises(RemoteProtocolError, match="undecodable entry"):
            list(frame_of(["ct", b"\xc1", {}]).entries())

    def test_a_frame_above_its_limit(self) -> None:
        receiver = ForwardReceiver(max_frame_bytes=1_000)
        frame = bytes(packed_forward("ct", bytes(3_000_000), count=1, chunk="c"))
        receiver.receive_data(frame[:900_000])
        assert receiver.next_frame() is None
        with pytest.raises(RemoteProtocolError, match="more than 1000 bytes"):
            receiver.receive_data(frame[900_000:1_800_000])

    @settings(max_examples=300)
    @given(st.binary(max_size=300))
    def test_random_bytes_raise_nothing_undocumented(self, data: bytes) -> None:
        receiver = ForwardReceiver()
        try:
            receiver.receive_data(data)
            while (frame := receiver.next_frame()) is not None:
                list(frame.entries())
        except RemoteProtocolError:
            pass


def test_takes_a_frame_of_100_mib() -> None:
    payload = bytes(MAX_FRAME_BYTES - 100)
    data = bytes(packed_forward("ct", payload, count=1, chunk="c"))
    pieces = (data[i : i + 1_000_000] for i in range(0, len(data), 1_000_000))
    (frame,) = frames_of(*pieces)
    assert frame.payload == payload


@settings(max_examples=50)
@given(
    sizes=st.lists(st.integers(1, 300), min_size=1, max_size=6),
    cuts=st.lists(st.floats(0, 1), max_size=12),
)
def test_stream_may_be_cut_and_merged_anywhere(
    sizes: list[int], cuts: list[float]
) -> None:
    stream = b"".join(
        bytes(packed_forward("ct", bytes([n]) * size, count=1, chunk=f"c{n}"))
        for n, size in enumerate(sizes)
    )
    edges = sorted({0, len(stream), *(int(cut * len(stream)) for cut in cuts)})
    pieces = [stream[a:b] for a, b in pairwise(edges)]
    assert [(frame.chunk, frame.payload) for frame in frames_of(*pieces)] == [
        (f"c{n}", bytes([n]) * size) for n, size in enumerate(sizes)
    ]
