from __future__ import annotations

import pytest

from plugin_bridge.forward.errors import EntryError
from plugin_bridge.forward.event_time import EventTime


def test_serializes_as_the_specification_shows() -> None:
    assert EventTime(0x5B8D_80F0, 0x075B_CD15).serialize() == bytes.fromhex(
        "5b8d80f0 075bcd15"
    )


@pytest.mark.parametrize("time", [EventTime(1), EventTime(2**32 - 1, 999_999_999)])
def test_parse_is_the_inverse(time: EventTime) -> None:
    assert EventTime.parse(time.serialize()) == time


@pytest.mark.parametrize(
    ("seconds", "nanoseconds", "sentence"),
    [
        (0, 0, "time of 0 s is outside"),
        (-1, 0, "time of -1 s is outside"),
        (2**32, 0, "time of 4294967296 s is outside"),
        (1, -1, "-1 ns is not a fraction"),
        (1, 1_000_000_000, "1000000000 ns is not a fraction"),
    ],
)
def test_refuses_what_a_receiver_would_misread(
    seconds: int, nanoseconds: int, sentence: str
) -> None:
    with pytest.raises(EntryError, match=sentence):
        EventTime(seconds, nanoseconds)


@pytest.mark.parametrize("data", [b"", b"1234567", b"123456789"])
def test_parse_takes_eight_bytes_only(data: bytes) -> None:
    with pytest.raises(EntryError, match="instead of 8"):
        EventTime.parse(data)
