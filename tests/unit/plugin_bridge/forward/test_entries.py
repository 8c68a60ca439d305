"""Golden bytes of each encoder, and the exact path for what C code refuses."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.forward.entries import (
    EventEncoder,
    JsonArrayEncoder,
    JsonLineEncoder,
    MapEncoder,
)
from plugin_bridge.forward.errors import EntryError
from plugin_bridge.forward.event_time import EventTime

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugin_bridge.forward.encoder import Encoder

TIME_S = 1_700_000_000  # 0x6553f100
ENCODERS = [EventEncoder, MapEncoder, JsonLineEncoder, JsonArrayEncoder]

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=20,
)
RECORDS = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"])), JSON_VALUES
)


def unpack_event(data: bytes) -> tuple[EventTime, object]:
    time, record = msgpack.unpackb(data, strict_map_key=True)
    assert time.code == 0
    return EventTime.parse(time.data), record


class TestGoldenBytes:
    def test_event(self) -> None:
        assert EventEncoder().encode({"a": 1376.0}, TIME_S, 5) == bytes.fromhex(
            "92"  # array of 2
            "d700 6553f100 00000005"  # fixext 8, type 0: seconds, nanoseconds
            "81 a161 cb4095800000000000"  # {"a": 1376.0}, a float
        )

    def test_raw_event(self) -> None:
        assert EventEncoder().encode_raw(b'{"a":1}', TIME_S, 5) == bytes.fromhex(
            "92 d700 6553f100 00000005"
            "81 a36c6f67 a77b2261223a317d"  # {"log": '{"a":1}'}, a str
        )

    def test_map(self) -> None:
        assert MapEncoder().encode({"a": None}, TIME_S, 5) == bytes.fromhex("81a161c0")

    def test_raw_map(self) -> None:
        assert MapEncoder().encode_raw(b"{}", TIME_S, 5) == bytes.fromhex(
            "81 a36c6f67 a27b7d"
        )

    def test_msgpack_is_concatenated(self) -> None:
        assert MapEncoder().assemble([b"\x80", b"\x81"]) == b"\x80\x81"
        assert EventEncoder().assemble([b"\x92", b"\x93"]) == b"\x92\x93"

    def test_json_line(self) -> None:
        encoder = JsonLineEncoder()
        parts = [encoder.encode({"a": 1376.0}, TIME_S, 5), encoder.encode({}, 0, 0)]
        assert encoder.assemble(parts) == b'{"a":1376.0}\n{}\n'

    def test_raw_json_line_quotes_the_text(self) -> None:
        encoder = JsonLineEncoder()
        assert encoder.encode_raw(b'{"a": 1}', 0, 0) == b'{"log":"{\\"a\\": 1}"}\n'

    def test_json_array_is_one_line_a_chunk(self) -> None:
        encoder = JsonArrayEncoder()
        parts = [encoder.encode({"a": "x\ny"}, 0, 0), encoder.encode_raw(b"{}", 0, 0)]
        assert encoder.assemble(parts) == b'[{"a":"x\\ny"},{"log":"{}"}]\n'


class TestTime:
    def test_changes_from_record_to_record(self) -> None:
        encoder = EventEncoder()
        times = [(1, 0), (1, 0), (1, 7), (2, 7), (1, 7)]
        packed = [encoder.encode({"n": 1}, *time) for time in times]
        raw = [encoder.encode_raw(b"{}", *time) for time in times]
        expected = [EventTime(*time) for time in times]
        assert [unpack_event(data)[0] for data in packed] == expected
        assert [unpack_event(data)[0] for data in raw] == expected

    def test_a_refused_time_does_not_stick(self) -> None:
        encoder = EventEncoder()
        for encode in (encoder.encode_raw(b"{}", 9, 0), encoder.encode({}, 9, 0)):
            with pytest.raises(EntryError, match="outside"):
                encoder.encode({}, 0, 0)
            with pytest.raises(EntryError, match="outside"):
                encoder.encode_raw(b"{}", 2**32, 0)
            assert unpack_event(encode)[0] == EventTime(9)

    @pytest.mark.parametrize("make", [MapEncoder, JsonLineEncoder, JsonArrayEncoder])
    def test_is_not_written_where_the_reader_takes_it_from_a_field(
        self, make: type[Encoder]
    ) -> None:
        encoder = make()
        assert encoder.encode({"a": 1}, 0, -1) == encoder.encode({"a": 1}, 5, 6)


class TestRawText:
    @pytest.mark.parametrize("size", [0, 31, 32, 255, 256, 65_535, 65_536])
    @pytest.mark.parametrize("make", ENCODERS)
    def test_is_text_of_any_length(self, make: type[Encoder], size: int) -> None:
        text = "é" * (size // 2) + "x" * (size % 2)
        data = make().encode_raw(text.encode(), TIME_S, 0)
        if make is EventEncoder:
            assert unpack_event(data)[1] == {"log": text}
        elif make is MapEncoder:
            assert msgpack.unpackb(data) == {"log": text}
        else:
            assert json.loads(data) == {"log": text}

    def test_that_is_not_utf8_cannot_be_quoted(self) -> None:
        with pytest.raises(EntryError, match="not UTF-8"):
            JsonLineEncoder().encode_raw(b"\xff", 0, 0)


class TestExactPath:
    AWKWARD: Mapping[str, object] = {
        "big": 2**64,
        "small": -(2**63) - 1,
        "most": 2**64 - 1,
        "least": -(2**63),
        "text": "a\ud800b\udfff",
        "key\udc00": {7: [(1.0, True, None)], None: 0, False: 1},
    }
    PORTABLE: Mapping[str, object] = {
        "big": "18446744073709551616",
        "small": "-9223372036854775809",
        "most": 2**64 - 1,
        "least": -(2**63),
        "text": "a\ufffdb\ufffd",
        "key\ufffd": {"7": [[1.0, True, None]], "null": 0, "false": 1},
    }

    @pytest.mark.parametrize("make", [JsonLineEncoder, JsonArrayEncoder])
    def test_json(self, make: type[Encoder]) -> None:
        record = dict(self.AWKWARD)
        assert json.loads(make().encode(record, TIME_S, 0)) == self.PORTABLE

    def test_msgpack(self) -> None:
        record = dict(self.AWKWARD)
        event = EventEncoder().encode(record, TIME_S, 0)
        assert unpack_event(event) == (EventTime(TIME_S), self.PORTABLE)
        assert msgpack.unpackb(MapEncoder().encode(record, 0, 0)) == self.PORTABLE

    def test_floats_stay_floats(self) -> None:
        record = {"f": 1376.0, "big": 2**70}
        assert json.dumps(json.loads(JsonLineEncoder().encode(record, 0, 0))) == (
            '{"f": 1376.0, "big": "1180591620717411303424"}'
        )
        assert isinstance(
            msgpack.unpackb(MapEncoder().encode(record, 0, 0))["f"], float
        )

    @pytest.mark.parametrize("awkward", [False, True])
    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_no_numbers(self, value: float, awkward: bool) -> None:
        record: dict[str, object] = {"v": value}
        if awkward:
            record["big"] = 2**64
        assert json.loads(JsonLineEncoder().encode(record, 0, 0))["v"] is None
        unpacked = msgpack.unpackb(MapEncoder().encode(record, 0, 0))["v"]
        assert unpacked == value or (math.isnan(value) and math.isnan(unpacked))

    @pytest.mark.parametrize("make", ENCODERS)
    def test_refuses_with_a_sentence_what_nothing_can_hold(
        self, make: type[Encoder]
    ) -> None:
        nested: dict[str, object] = {}
        for _ in range(100_000):
            nested = {"n": nested}
        refused: list[tuple[dict[str, object], str]] = [
            ({"a": {1, 2}}, "a value of type set"),
            (nested, "nested too deeply"),
            ({"a": 10**5_000}, "too many digits"),
        ]
        for record, sentence in refused:
            with pytest.raises(EntryError, match=sentence):
                make().encode(record, TIME_S, 0)

    @pytest.mark.parametrize(
        ("make", "depth"), [(JsonLineEncoder, 300), (MapEncoder, 1_100)]
    )
    def test_encoders_have_their_own_limits_of_nesting(
        self, make: type[Encoder], depth: int
    ) -> None:
        nested: dict[str, object] = {}
        for _ in range(depth):
            nested = {"n": nested}
        python_limit = sys.getrecursionlimit()
        sys.setrecursionlimit(10_000)
        try:
            with pytest.raises(EntryError, match="Recursion limit"):
                make().encode(nested, TIME_S, 0)
        finally:
            sys.setrecursionlimit(python_limit)


@given(RECORDS)
def test_what_json_holds_comes_back_equal(record: dict[str, object]) -> None:
    packed = EventEncoder().encode(record, TIME_S, 0)
    assert repr(unpack_event(packed)[1]) == repr(record)
    line = JsonLineEncoder().encode(record, TIME_S, 0)
    assert line.count(b"\n") == 1
    assert json.loads(line) == record
