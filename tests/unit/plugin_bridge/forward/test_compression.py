from __future__ import annotations

import gzip
import os
from contextlib import suppress

import msgpack
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.forward.compression import Compressor, Kind, decompress
from plugin_bridge.forward.entries import EventEncoder
from plugin_bridge.forward.errors import RemoteProtocolError
from plugin_bridge.forward.frames import packed_forward
from plugin_bridge.forward.receiver import ForwardReceiver

KINDS: tuple[Kind, ...] = ("gzip", "zstd")
ENTRIES = EventEncoder().assemble(
    [EventEncoder().encode({"n": n, "pad": "x" * 50}, 5, n) for n in range(100)]
)
both = pytest.mark.parametrize("kind", KINDS)


def compressed(kind: Kind, data: bytes = ENTRIES) -> bytes:
    result, name = Compressor(kind).compress(data)
    assert name == kind
    return result


class TestCompressor:
    @both
    def test_is_smaller_and_comes_back(self, kind: Kind) -> None:
        data = compressed(kind)
        assert len(data) < len(ENTRIES) / 2
        assert decompress(kind, data, max_bytes=len(ENTRIES)) == ENTRIES

    def test_is_what_other_programs_read(self) -> None:
        assert gzip.decompress(compressed("gzip")) == ENTRIES
        assert zstandard.ZstdDecompressor().decompress(compressed("zstd")) == ENTRIES

    def test_gzip_holds_no_time_that_would_differ_from_chunk_to_chunk(self) -> None:
        assert compressed("gzip")[:8] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00"

    def test_zstd_says_its_size_in_advance(self) -> None:
        frame = zstandard.get_frame_parameters(compressed("zstd"))
        assert frame.content_size == len(ENTRIES)

    @both
    def test_what_does_not_shrink_goes_as_it_is(self, kind: Kind) -> None:
        data = os.urandom(500)
        assert Compressor(kind).compress(data) == (data, None)

    @both
    def test_what_is_too_large_goes_as_it_is(self, kind: Kind) -> None:
        limited = Compressor(kind, max_payload_bytes=len(ENTRIES))
        assert limited.compress(ENTRIES)[1] == kind
        assert limited.compress(ENTRIES + b"\x80") == (ENTRIES + b"\x80", None)


class TestDecompress:
    @both
    def test_several_in_a_row(self, kind: Kind) -> None:
        data = compressed(kind) + compressed(kind)
        assert decompress(kind, data, max_bytes=2 * len(ENTRIES)) == ENTRIES * 2

    @both
    def test_stops_above_the_limit(self, kind: Kind) -> None:
        data = compressed(kind) + compressed(kind)
        with pytest.raises(RemoteProtocolError, match="above the largest"):
            decompress(kind, data, max_bytes=2 * len(ENTRIES) - 1)

    @both
    def test_stops_in_the_middle_of_a_bomb(self, kind: Kind) -> None:
        data = compressed(kind, bytes(100_000_000))
        with pytest.raises(RemoteProtocolError, match="above the largest"):
            decompress(kind, data, max_bytes=1_000_000)

    @both
    @pytest.mark.parametrize("cut", [1, 10, -10, -1])
    def test_cut(self, kind: Kind, cut: int) -> None:
        with pytest.raises(RemoteProtocolError, match=f"no {kind}"):
            decompress(kind, compressed(kind)[:cut], max_bytes=10_000_000)

    @both
    @given(data=st.binary(min_size=1, max_size=200))
    def test_noise_raises_nothing_else(self, kind: Kind, data: bytes) -> None:
        with suppress(RemoteProtocolError):
            assert isinstance(decompress(kind, data, max_bytes=1_000_000), bytes)


class TestFrames:
    def test_golden(self) -> None:
        frame = packed_forward("ct", b"\x01\x02", count=1, chunk="c", compressed="gzip")
        assert bytes(frame) == (
            b"\x93\xa2ct\xc4\x02\x01\x02"
            b"\x83\xa4size\x01\xa5chunk\xa1c\xaacompressed\xa4gzip"
        )

    @both
    def test_the_receiving_half_takes_it(self, kind: Kind) -> None:
        receiver = ForwardReceiver()
        data = compressed(kind)
        sent = packed_forward("ct", data, count=100, chunk="c", compressed=kind)
        receiver.receive_data(bytes(sent))
        frame = receiver.next_frame()
        assert frame is not None
        assert (frame.payload, frame.compressed) == (ENTRIES, kind)
        assert [entry.record["n"] for entry in frame.entries()] == list(range(100))

    def test_the_receiving_half_bounds_what_comes_out(self) -> None:
        receiver = ForwardReceiver(max_frame_bytes=10_000)
        bomb = gzip.compress(bytes(1_000_000))
        receiver.receive_data(msgpack.packb(["ct", bomb, {"compressed": "gzip"}]))
        with pytest.raises(RemoteProtocolError, match="above the largest"):
            receiver.next_frame()
