from __future__ import annotations

import pytest

from plugin_bridge.forward.chunk import Chunk
from plugin_bridge.forward.entries import EventEncoder
from plugin_bridge.forward.errors import LocalProtocolError


def chunk_of(count: int) -> Chunk:
    encoder = EventEncoder()
    parts = [encoder.encode({"n": n}, 1, n) for n in range(count)]
    return Chunk("whole", "ct", encoder.assemble(parts), count)


@pytest.mark.parametrize(("count", "first"), [(2, 1), (3, 1), (7, 3), (100, 50)])
def test_halves_hold_the_same_records_in_order(count: int, first: int) -> None:
    whole = chunk_of(count)
    one, two = whole.halve("one", "two")
    assert (one.id, two.id) == ("one", "two")
    assert (one.count, two.count) == (first, count - first)
    assert one.payload + two.payload == whole.payload
    assert one.payload == chunk_of(first).payload
    assert one.tag == two.tag == "ct"


def test_a_single_record_has_no_halves() -> None:
    with pytest.raises(LocalProtocolError, match="1 entries cannot be halved"):
        chunk_of(1).halve("one", "two")
