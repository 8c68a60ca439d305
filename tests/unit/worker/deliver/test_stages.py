"""The quick way through the stages gives what the exact one gives."""

from __future__ import annotations

import hmac
import json
import math
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.forward.entries import EventEncoder, MapEncoder
from worker.config.model import Config, DecodeConfig
from worker.decode.parsed_file import ParsedFile
from worker.deliver.progress import Progress
from worker.deliver.stages import Stages
from worker.errors import BadObjectError
from worker.source.notifications import ObjectRef
from worker.source.objects import Body
from worker.transform.transformation import Transformation, build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugin_bridge.forward.entries import Encoder
    from worker.deliver.stages import File
    from worker.transform.transformation import Transform

REF = ObjectRef("bucket", "key", etag="e")
BODY = Body(b"", 0, "e", None)
FALLBACK = (1, 0)
QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/q"

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
times = st.sampled_from(["2026-11-20T12:00:00Z", "1970-01-01T00:00:00Z", "never", None])


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

    def look(record: dict[str, Any]) -> dict[str, Any]:
        seen.append(record)
        return record

    stages = Stages(
        DecodeConfig(),
        EventEncoder(),
        is_raw=False,
        transformation=Transformation(look=look),
        progress=Progress(),
    )
    text = f'{{"eventTime":"2026-11-20T12:00:00Z","a":{value}}}'.encode()
    assert stages.of_object(REF, BODY, FALLBACK)(text, 0) is not None
    assert len(seen) == 1


def stages_with(
    transformation: Transformation | None = None,
    *,
    is_raw: bool = False,
    **decode: Any,
) -> Stages:
    return Stages(
        DecodeConfig.model_validate(decode),
        EventEncoder(),
        is_raw=is_raw,
        transformation=transformation or Transformation(),
        progress=Progress(),
    )


def file_of(stages: Stages, records: list[Any]) -> File:
    file = stages.parsed(json.dumps({"Records": records}, ensure_ascii=False).encode())
    assert file is not None
    return file


def in_turn(stages: Stages, records: list[Any], room_bytes: int) -> list[bytes]:
    """What is encoded in runs, and what follows each one by one."""
    file = file_of(stages, records)
    encoded = stages.of_file(file, REF, BODY, FALLBACK)
    parts: list[bytes] = []
    while len(parts) < len(records):
        run, size_bytes = stages.run_of(file, len(parts), room_bytes)
        assert size_bytes == sum(map(len, run)) <= room_bytes
        parts += run
        if len(parts) < len(records):
            part = encoded(file.records[len(parts)], len(parts))
            assert part is not None
            parts.append(part)
    return parts


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
    assert in_turn(stages_with(is_raw=is_raw), records, room_bytes) == expected


@pytest.mark.parametrize(("is_raw", "first"), [(False, 0), (True, 50)])
def test_everyday_records_make_one_run(*, is_raw: bool, first: int) -> None:
    stages = stages_with(is_raw=is_raw)
    records = [{"eventTime": "2026-11-20T12:00:00Z", "n": n} for n in range(50)]
    file = file_of(stages, records)
    assert len(stages.run_of(file, 0, 10**6)[0]) == first, "parsed, the time is new"
    assert stages.of_file(file, REF, BODY, FALLBACK)(file.records[0], 0)
    assert len(stages.run_of(file, 10, 10**6)[0]) == 40


@pytest.mark.parametrize("decode", [{"with_metadata": True}, {"id_field": "id"}])
def test_there_are_no_runs_where_there_is_more_to_do(decode: dict[str, Any]) -> None:
    stages = stages_with(**decode)
    file = file_of(stages, [{"eventTime": "2026-11-20T12:00:00Z"}] * 5)
    assert stages.of_file(file, REF, BODY, FALLBACK)(file.records[0], 0)
    assert stages.run_of(file, 0, 10**6) == ([], 0)


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


LARGE = 2**64
"""Which the quick parser rounds."""


def transformed(
    record: dict[str, Any], **sections: dict[str, Any]
) -> tuple[dict[str, Any] | None, Transformation]:
    """What a record becomes under a configuration, and what was counted."""
    config = Config.model_validate({"source": {"queue_url": QUEUE_URL}, **sections})
    made = build(config, warn=lambda _: None)
    stages = Stages(
        DecodeConfig(),
        EventEncoder(),
        is_raw=False,
        transformation=made,
        progress=Progress(),
    )
    text = json.dumps({"eventTime": "2026-11-20T12:00:00Z", **record}).encode()
    part = stages.of_object(REF, BODY, FALLBACK)(text, 0)
    return (None if part is None else msgpack.unpackb(part)[1]), made


@pytest.mark.parametrize(
    "sections",
    [
        {"filter": {"include": [f"a = {LARGE}"]}},
        {"filter": {"include": [f"a ~ {str(LARGE)[:-1]}?"]}},
        {"filter": {"include": [f"b.*.a = {LARGE}"]}},
        {"filter": {"exclude": ["a ~ *e+*"]}},
    ],
)
def test_filters_see_large_integers_as_they_are(
    sections: dict[str, dict[str, Any]],
) -> None:
    record, made = transformed({"a": LARGE, "b": [{"a": LARGE}]}, **sections)
    assert record is not None
    assert record["a"] == str(LARGE)
    assert made.filter is not None
    assert sum(made.filter.included.values()) == len(made.filter.included)


def test_hashes_are_of_large_integers_as_they_are() -> None:
    redact = {"paths": ["a"], "action": "hash", "hash_key": "k"}
    record, _ = transformed({"a": LARGE}, redact=redact)
    same, _ = transformed({"a": LARGE, "b": 1.5}, redact=redact)
    assert record is not None
    assert same is not None
    digest = hmac.new(b"k", str(LARGE).encode(), "sha256").hexdigest()
    assert record["a"] == same["a"] == f"hmac-sha256:{digest}"


@pytest.mark.parametrize("schema", ["ecs", "ocsf"])
def test_parameters_as_text_hold_large_integers_as_they_are(schema: str) -> None:
    record, _ = transformed(
        {"requestParameters": {"size": LARGE}}, enrich={"schema": schema}
    )
    assert str(LARGE) in json.dumps(record)


def test_what_is_parsed_twice_is_filtered_and_redacted_and_counted_once() -> None:
    record, made = transformed(
        {"a": LARGE, "eventName": "AssumeRole", "password": "secret"},
        filter={"include": ["eventName ~ Assume*"]},
        redact={"paths": ["password"]},
    )
    assert record is not None
    assert (record["a"], record["password"]) == (str(LARGE), "[redacted]")
    assert made.filter is not None
    assert made.filter.included == {"eventName ~ Assume*": 1}
    assert made.redactor is not None
    assert made.redactor.values_count == 1


def test_what_is_filtered_out_need_not_be_encoded() -> None:
    with patch.object(EventEncoder, "encode_quickly") as encoded:
        record, _ = transformed({"a": "b"}, filter={"exclude": ["a = b"]})
    assert record is None
    encoded.assert_not_called()


def counts_of(made: Transformation) -> tuple[dict[str, int], int]:
    assert made.filter is not None
    assert made.redactor is not None
    return made.filter.excluded, made.redactor.values_count


@given(
    records=st.lists(
        st.fixed_dictionaries(
            {
                "eventTime": times,
                "a": st.sampled_from(["drop", "keep", 2**64, None]),
                "b": st.sampled_from(["", "secret", {"c": 1}, 2**64]),
            }
        )
        | st.just({"eventTime": 1.5})
    ),
    begin=st.integers(0, 3),
)
def test_a_file_that_is_filtered_and_redacted_is_what_one_by_one_is(
    records: list[dict[str, Any]], begin: int
) -> None:
    sections = {
        "filter": {"exclude": ["a = drop"]},
        "redact": {"paths": ["b", "eventTime"] if begin == 1 else ["b"]},
    }
    _, one_by_one = transformed({}, **sections)
    _, whole = transformed({}, **sections)
    exactly = stages_with(one_by_one).of_object(REF, BODY, FALLBACK)
    expected = [exactly(json.dumps(record).encode(), 0) for record in records[begin:]]
    stages = stages_with(whole)
    file = file_of(stages, records)
    encoded = stages.of_file(file, REF, BODY, FALLBACK, begin)
    parts: list[bytes | None] = []
    while begin + len(parts) < len(records):
        at = begin + len(parts)
        parts += stages.run_of(file, at, 10_000)[0]
        if begin + len(parts) < len(records):
            at = begin + len(parts)
            parts.append(encoded(file.records[at], at))
    assert parts == expected
    assert counts_of(whole) == counts_of(one_by_one)


def test_what_is_no_record_is_named_in_a_file_that_is_filtered() -> None:
    _, made = transformed({}, filter={"exclude": ["a = drop"]})
    stages = stages_with(made)
    file = file_of(stages, [{"a": "drop"}, 1])
    encoded = stages.of_file(file, REF, BODY, FALLBACK)
    assert encoded(file.records[0], 0) is None
    with pytest.raises(BadObjectError, match="record 1: a record is a number"):
        encoded(file.records[1], 1)


def test_a_run_does_not_walk_over_what_lies_before_it() -> None:
    class Unwalkable(list[Any]):
        def __iter__(self) -> Iterator[Any]:
            raise AssertionError("from the begin on")

    stages = stages_with()
    file = file_of(stages, [{"eventTime": "2026-11-20T12:00:00Z"}] * 5)
    assert stages.of_file(file, REF, BODY, FALLBACK)(file.records[0], 0)
    assert isinstance(file, ParsedFile)
    file.records = Unwalkable(file.records)
    assert len(stages.run_of(file, 3, 10**6)[0]) == 2
