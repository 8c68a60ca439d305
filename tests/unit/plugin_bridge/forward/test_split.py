from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_bridge.forward.entries import EventEncoder
from plugin_bridge.forward.errors import LocalProtocolError
from plugin_bridge.forward.split import halves, split_entries

RECORDS = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.none() | st.integers() | st.floats() | st.text(max_size=300),
        lambda values: st.lists(values) | st.dictionaries(st.text(max_size=5), values),
        max_leaves=6,
    ),
    max_size=4,
)


@settings(max_examples=40)
@given(st.lists(RECORDS, max_size=8))
def test_finds_each_entry_byte_for_byte(records: list[dict[str, object]]) -> None:
    encoder = EventEncoder()
    parts = [
        encoder.encode(record, 1_700_000_000, i) for i, record in enumerate(records)
    ]
    assert split_entries(b"".join(parts)) == parts


def test_follows_the_deepest_record_that_is_ever_encoded() -> None:
    encoder = EventEncoder()
    record: dict[str, object] = {}
    for _ in range(250):
        record = {"in": record}
    part = encoder.encode(record, 1, 0)
    assert split_entries(part * 3) == [part] * 3


def test_large_entries_are_no_exception() -> None:
    part = EventEncoder().encode_raw(b"x" * 3_000_000, 1, 0)
    assert split_entries(part + part) == [part, part]


@pytest.mark.parametrize("payload", [b"\x92\x01", b"\x01\xc1", b"\xdb\xff\xff\xff\xff"])
def test_refuses_what_is_no_sequence_of_values(payload: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="no entry at byte"):
        split_entries(payload)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([b"a", b"b"], ([b"a"], [b"b"])),
        ([b"a", b"b", b"c"], ([b"a"], [b"b", b"c"])),
        ([b"a", b"b", b"c", b"d"], ([b"a", b"b"], [b"c", b"d"])),
    ],
)
def test_halves(parts: list[bytes], expected: tuple[list[bytes], list[bytes]]) -> None:
    assert halves(parts) == expected


@pytest.mark.parametrize("parts", [[], [b"a"]])
def test_less_than_two_cannot_be_halved(parts: list[bytes]) -> None:
    with pytest.raises(LocalProtocolError, match="cannot be halved"):
        halves(parts)
