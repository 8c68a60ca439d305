"""How what is sent becomes TLS records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, cast

from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.transport.tls import RECORD_BYTES, TlsTransport, records_of

if TYPE_CHECKING:
    import ssl

    from plugin_bridge.transport.tcp import TcpTransport

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


class ShortWriter:
    """TCP, context and socket at once: takes little at a time."""

    def __init__(self) -> None:
        self.written = b""

    def finish_connect(self) -> bool:
        return True

    def detach(self) -> Self:
        return self

    def wrap_socket(self, *_: object, **__: object) -> Self:
        return self

    def do_handshake(self) -> None:
        pass

    def send(self, record: memoryview) -> int:
        taken = record[:1_000]
        self.written += taken
        return len(taken)


def test_a_record_that_is_taken_in_part_leaves_no_gap() -> None:
    writer = ShortWriter()
    transport = TlsTransport(
        cast("TcpTransport", writer), cast("ssl.SSLContext", writer), "name", "address"
    )
    assert transport.finish_connect()
    data = bytes(range(256)) * 300
    left = memoryview(data)
    while left:
        left = left[transport.send(left) :]
    assert writer.written == data
