"""The quick way through the stages gives what the exact one gives."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.forward.encoder import NO_RUN
from plugin_bridge.forward.entries import EventEncoder, MapEncoder
from plugin_bridge.forward.split import split_entries
from tests.unit.worker.deliver.staging import (
    BODY,
    FALLBACK,
    REF,
    file_of,
    stages_with,
    times,
)
from worker.config.model import DecodeConfig
from worker.decode.parsed_file import ParsedFile
from worker.deliver.progress import Progress
from worker.deliver.stages import Stages
from worker.transform.transformation import Transformation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugin_bridge.forward.encoder import Encoder
    from worker.transform.transformation import Transform

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=True)
    | st.text(st.characters(codec="utf-8"), max_size=300),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=12,
)


def same(record: dict[str, Any]) -> dict[str, Any]:
    return record


def encode(text: bytes, **decode: Any) -> tuple[list[bytes | None], bytes | None]:
    """The record as it is encoded by each quick way, and by the exact one.

    It is the eighth record of its object.
    """
    config = DecodeConfig.model_validate(decode)

    def stages(transform: Transform | None) -> Stages:
        return Stages(
            config,
            EventEncoder(),
            is_raw=False,
            transformation=Transformation(transform),
            progress=Progress(),
        )

    def encoded(transform: Transform | None) -> bytes | None:
        return stages(transform).of_object(REF, BODY, FALLBACK)(text, 7)

    def in_file(transform: Transform | None) -> bytes | None:
        all_of = stages(transform)
        file = all_of.parsed(b'{"Records":[%b%b]}' % (7 * b"{},", text))
        if file is None:  # for what orjson refuses
            return encoded(transform)
        return all_of.of_file(file, REF, BODY, FALLBACK)(file.records[7], 7)

    quick = [encoded(None), encoded(same), in_file(None), in_file(same)]
    with (
        patch("worker.deliver.stages.quick_record", return_value=None),
        patch("worker.deliver.stages.quick_exact_record", return_value=None),
    ):
        return quick, encoded(None)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), values), times)
def test_any_record(record: dict[str, Any], time: str | None) -> None:
    text = json.dumps({**record, "eventTime": time}).encode()
    quick, exact = encode(text)
    assert quick == 4 * [exact]


@pytest.mark.parametrize(
    "value",
    [
        *("18446744073709551615", "18446744073709551616", "-9223372036854775809"),
        *("1376.0", "-0.0", "-0", "1e400", "NaN", '"\\ud800"', "1E5", '"\\u02cb"'),
        *("[1.5,123456789012345678901234567890]", '"' + "x" * 203 + '"'),
    ],
)
@pytest.mark.parametrize("twice", ['"a":1,', ""])
def test_odd_values(value: str, twice: str) -> None:
    text = f'{{"eventTime":"2026-11-20T12:00:00Z",{twice}"a":{value}}}'.encode()
    quick, exact = encode(text)
    assert quick == 4 * [exact]
    assert exact is not None


def test_metadata_and_id_are_the_same() -> None:
    text = b'{"eventTime":"2026-11-20T12:00:00Z","a":1}'
    quick, exact = encode(text, with_metadata=True, id_field="id")
    assert quick == 4 * [exact]
    assert exact is not None
    _, record = msgpack.unpackb(exact)
    assert record["_metadata"]["index"] == 7


def test_a_large_integer_among_floats_stays_exact() -> None:
    number = 2**64
    text = b'{"eventTime":"2026-11-20T12:00:00Z","a":1.5,"b":%d}' % number
    for part in encode(text)[0]:
        assert part is not None
        assert str(number).encode() in part, "as a decimal string"


@pytest.mark.parametrize("encoder", [EventEncoder(), MapEncoder()])
@pytest.mark.parametrize("value", [2.0**63, 2.0**64, -(2.0**63), 1e300, -1e19])
def test_what_may_have_been_a_large_integer_is_seen(
    encoder: Encoder, value: float
) -> None:
    stamp = encoder.stamp(1, 0)
    assert encoder.tells_rounded
    assert encoder.encode_quickly({"a": [0.5, {"b": value}]}, stamp) is None


@pytest.mark.parametrize("encoder", [EventEncoder(), MapEncoder()])
@pytest.mark.parametrize("value", [0.0, 1.5, -1e18, math.nextafter(2.0**63, 0), "Ëx"])
def test_all_else_is_encoded_quickly(encoder: Encoder, value: object) -> None:
    part = encoder.encode_quickly({"a": value}, encoder.stamp(1, 0))
    assert part == encoder.encode({"a": value}, 1, 0)


@pytest.mark.parametrize("value", ["1", "1.5", "123456789012345678901234567890"])
def test_every_record_is_looked_at_once(value: str) -> None:
    seen: list[dict[str, Any]] = []

    stages = Stages(
        DecodeConfig(),
        EventEncoder(),
        is_raw=False,
        transformation=Transformation(look=seen.extend),
        progress=Progress(),
    )
    text = f'{{"eventTime":"2026-11-20T12:00:00Z","a":{value}}}'.encode()
    assert stages.of_object(REF, BODY, FALLBACK)(text, 0) is not None
    assert len(seen) == 1


def in_turn(stages: Stages, records: list[Any], room_bytes: int) -> bytes:
    """What is encoded in runs, and what follows each one by one."""
    file = file_of(stages, records)
    encoded = stages.of_file(file, REF, BODY, FALLBACK)
    parts: list[bytes] = []
    count = 0
    while count < len(records):
        run = stages.run_of(file, count, room_bytes)
        assert run.size_bytes == sum(map(len, run.parts)) <= room_bytes
        assert len(split_entries(b"".join(run.parts))) == run.count
        parts += run.parts
        count += run.count
        if count < len(records):
            part = encoded(file.records[count], count)
            assert part is not None
            parts.append(part)
            count += 1
    return b"".join(parts)


@pytest.mark.parametrize("is_raw", [False, True])
@given(
    records=st.lists(
        st.fixed_dictionaries(
            {
                "eventTime": times | st.just(1.5),
                "a": st.sampled_from([1, "ü", 2**64, 20_000 * "x"]),
            }
        )
    ),
    room_bytes=st.integers(0, 200),
)
def test_a_run_is_what_one_by_one_is(
    *, is_raw: bool, records: list[dict[str, Any]], room_bytes: int
) -> None:
    exactly = stages_with(is_raw=is_raw).of_object(REF, BODY, FALLBACK)
    expected = [
        exactly(json.dumps(record, ensure_ascii=False).encode(), index)
        for index, record in enumerate(records)
    ]
    found = in_turn(stages_with(is_raw=is_raw), records, room_bytes)
    assert found == b"".join(part for part in expected if part is not None)


@pytest.mark.parametrize("is_raw", [False, True])
def test_everyday_records_make_one_run(*, is_raw: bool) -> None:
    stages = stages_with(is_raw=is_raw)
    records = [{"eventTime": f"2026-11-20T12:00:{n:02}Z", "n": n} for n in range(50)]
    assert stages.run_of(file_of(stages, records), 0, 10**6).count == 50
    assert stages.run_of(file_of(stages, records), 10, 10**6).count == 40


@pytest.mark.parametrize("decode", [{"with_metadata": True}, {"id_field": "id"}])
def test_there_are_no_runs_where_there_is_more_to_do(decode: dict[str, Any]) -> None:
    stages = stages_with(**decode)
    file = file_of(stages, [{"eventTime": "2026-11-20T12:00:00Z"}] * 5)
    assert stages.of_file(file, REF, BODY, FALLBACK)(file.records[0], 0)
    assert stages.run_of(file, 0, 10**6) == NO_RUN


@pytest.mark.parametrize(
    "text",
    [
        b'{"Records": [{"a": "\xff"}]}',
        b'{"Records": [1]}',
        b'{"Records": [null]}',
        b'{"Records": [{"eventTime": [1]}]}',
        b'{"Records": {}}',
        b'[{"Records": []}]',
        b'{"Records": [{"a": NaN}]}',
        b'{"Records": []} x',
        b'{"Records": [' + (1 << 20) * b" " + b"]}",
    ],
)
def test_odd_files_are_not_taken_whole_for_their_texts(text: bytes) -> None:
    assert stages_with(is_raw=True).parsed(text) is None
    assert stages_with(is_raw=True).parsed(b'{"Records": [{"a": 1}]}') is not None


def test_a_run_does_not_walk_over_what_lies_before_it() -> None:
    class Unwalkable(list[Any]):
        def __iter__(self) -> Iterator[Any]:
            raise AssertionError("from the begin on")

    stages = stages_with()
    file = file_of(stages, [{"eventTime": "2026-11-20T12:00:00Z"}] * 5)
    assert stages.of_file(file, REF, BODY, FALLBACK)(file.records[0], 0)
    assert isinstance(file, ParsedFile)
    file.records = Unwalkable(file.records)
    assert stages.run_of(file, 3, 10**6).count == 2
