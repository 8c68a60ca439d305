from __future__ import annotations

import msgpack
import pytest

from plugin_bridge.forward.errors import (
    LocalProtocolError,
    NackedError,
    RemoteProtocolError,
)
from plugin_bridge.forward.frames import (
    acked_chunk,
    acknowledgement,
    chunk_id,
    packed_forward,
)


def test_golden_frame() -> None:
    frame = packed_forward(
        "ct", b"\x92\x01\x80", count=1, chunk="p8n9gmxTQVC8/nh2wlKKeQ=="
    )
    assert bytes(frame) == bytes.fromhex(
        "93"  # array of 3
        "a26374"  # "ct"
        "c403 920180"  # bin 8 of 3 bytes
        "82"  # map of 2
        "a473697a65 01"  # "size": 1
        "a56368756e6b"  # "chunk":
        "b870386e39676d7854515643382f6e683277 6c4b4b65513d3d"
    )


def test_golden_frame_without_acknowledgement_has_an_option_all_the_same() -> None:
    frame = packed_forward("ct", b"\x92\x01\x80", count=1, chunk=None)
    assert bytes(frame) == bytes.fromhex("93 a26374 c403 920180 81 a473697a65 01")


@pytest.mark.parametrize("size", [1, 255, 256, 65_535, 65_536, 1_000_000])
def test_entries_are_bin_of_any_size(size: int) -> None:
    entries = b"e" * size
    frame = packed_forward("t" * 40, entries, count=3, chunk="c")
    whole = bytes(frame)
    assert msgpack.unpackb(whole) == ["t" * 40, entries, {"size": 3, "chunk": "c"}]
    assert len(frame) == len(whole)


def test_entries_are_not_copied() -> None:
    entries = b"e" * 1_000
    assert packed_forward("t", entries, count=3, chunk="c").pieces[1] is entries


def test_empty_entries_are_refused() -> None:
    with pytest.raises(LocalProtocolError, match="without entries"):
        packed_forward("t", b"", count=0, chunk="c")


def test_entries_beyond_what_bin_holds_are_refused() -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return 2**32

    with pytest.raises(LocalProtocolError, match="4294967296 bytes do not fit"):
        packed_forward("t", Huge(), count=1, chunk="c")


def test_chunk_id_is_base64_of_16_bytes() -> None:
    assert chunk_id(bytes(range(16))) == "AAECAwQFBgcICQoLDA0ODw=="
    with pytest.raises(LocalProtocolError, match="15 bytes"):
        chunk_id(bytes(15))


def test_golden_acknowledgement() -> None:
    assert acknowledgement("c1") == bytes.fromhex("81 a361636b a26331")
    response = msgpack.unpackb(acknowledgement("c1"), raw=True)
    assert acked_chunk(response) == "c1"


def test_empty_map_is_a_nack() -> None:
    with pytest.raises(NackedError, match="refused"):
        acked_chunk({})


@pytest.mark.parametrize(
    "response", [None, 1, [], {b"ack": 1}, {b"nack": b"c"}, [b"PONG"], b"c", {1: 2}]
)
def test_anything_else_is_the_receivers_fault(response: object) -> None:
    with pytest.raises(RemoteProtocolError, match="unexpected response"):
        acked_chunk(response)


def test_a_greeting_names_the_shared_key() -> None:
    with pytest.raises(RemoteProtocolError, match=r"output\.shared_key"):
        acked_chunk([b"HELO", {b"nonce": b"\xff\xfe", b"auth": b""}])
