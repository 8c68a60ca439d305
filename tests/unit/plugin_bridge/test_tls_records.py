"""How what is sent becomes TLS records."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.transport.tls import RECORD_BYTES, records_of

SIZES = st.one_of(
    st.integers(0, 40),
    st.integers(RECORD_BYTES - 3, RECORD_BYTES + 3),
    st.integers(0, 3 * RECORD_BYTES),
)


@given(st.lists(SIZES, max_size=5))
def test_records_hold_all_in_order_and_are_full_but_the_last(
    sizes_bytes: list[int],
) -> None:
    pieces = [bytes([n]) * size_bytes for n, size_bytes in enumerate(sizes_bytes)]
    records = list(records_of(map(memoryview, pieces)))
    assert b"".join(records) == b"".join(pieces)
    assert all(len(record) == RECORD_BYTES for record in records[:-1])
    assert all(0 < len(record) <= RECORD_BYTES for record in records[-1:])
