"""Segments: which source records they cover, and the stages before them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.forward.entries import EventEncoder
from plugin_bridge.forward.split import split_entries
from tests.fakes.calls import make_message
from worker.config.model import DecodeConfig
from worker.deliver.ledger import HeldMessage, HeldObject
from worker.deliver.progress import Progress
from worker.deliver.segments import Segment, Segmenter
from worker.errors import BadObjectError
from worker.source.notifications import ObjectRef
from worker.source.objects import Body
from worker.transform.transformation import Transformation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.transform.transformation import Transform

SHARED = Path(__file__).parents[5] / "shared" / "data"
KEY = "AWSLogs/123456789012/CloudTrail/us-east-1/2026/11/21/x.json.gz"
REF = ObjectRef(
    "bucket", KEY, region="us-east-1", event_time=1_700_000_000.25, version_id="v1"
)


class Run:
    """One object through the stages."""

    def __init__(
        self,
        data: bytes,
        *,
        transform: Transform | None = None,
        is_raw: bool = False,
        acked_records: int = 0,
        ref: ObjectRef = REF,
        max_entry_bytes: int = 10**9,
        room: Callable[[], int] | None = None,
        **decode: object,
    ) -> None:
        self.progress = Progress()
        self.charges: list[int] = []
        segmenter = Segmenter(
            DecodeConfig.model_validate(decode),
            EventEncoder(),
            segment_bytes=200,
            max_entry_bytes=max_entry_bytes,
            now=lambda: 1e9,
            progress=self.progress,
            is_raw=is_raw,
            transformation=Transformation(transform),
        )
        holder = HeldMessage(make_message(0), 0.0, 0.0)
        self.item = HeldObject(ref, holder, "0", acked_records=acked_records)
        body = Body(data, len(data), "etag", None)
        found = list(
            segmenter.segments(self.item, body, charge=self.charges.append, room=room)
        )
        self.pauses = sum(not segment.parts for segment in found)
        self.segments: list[Segment] = [one for one in found if one.parts]

    @property
    def entries(self) -> list[tuple[tuple[int, int], dict[str, Any]]]:
        found = []
        payload = b"".join(part for one in self.segments for part in one.parts)
        for part in split_entries(payload):
            time, record = msgpack.unpackb(part)
            seconds = int.from_bytes(time.data[:4], "big")
            found.append(((seconds, int.from_bytes(time.data[4:], "big")), record))
        return found

    @property
    def records(self) -> list[dict[str, Any]]:
        return [record for _, record in self.entries]

    @property
    def indices(self) -> list[int]:
        """The source record of each entry."""
        found: list[int] = []
        for segment in self.segments:
            found += (
                range(segment.first, segment.end)
                if segment.indices is None
                else segment.indices
            )
        return found


def file_of(records: Sequence[object]) -> bytes:
    return gzip.compress(json.dumps({"Records": records}).encode())


@given(
    st.lists(st.booleans(), max_size=60), st.integers(0, 60), st.sampled_from([0, 150])
)
def test_dropped_records_are_counted_and_the_others_named(
    passes: list[bool], acked: int, padding: int
) -> None:
    acked = min(acked, len(passes))
    data = file_of([{"n": n, "x": "x" * padding} for n in range(len(passes))])
    run = Run(
        data,
        transform=lambda record: record if passes[record["n"]] else None,
        acked_records=acked,
    )
    expected = [n for n, does_pass in enumerate(passes) if does_pass and n >= acked]

    assert [record["n"] for record in run.records] == expected
    assert run.indices == expected
    assert run.item.total_records == len(passes)
    assert run.progress.records_filtered == len(passes) - acked - len(expected)
    edges = [acked, *(segment.end for segment in run.segments)]
    assert [segment.first for segment in run.segments] == edges[:-1]
    for segment in run.segments:
        assert segment.size_bytes == sum(map(len, segment.parts))
        is_gapless = segment.end - segment.first == segment.count
        assert (segment.indices is None) is is_gapless


def test_a_transform_may_give_another_record() -> None:
    def transform(record: dict[str, Any]) -> dict[str, Any]:
        return {"renamed": record.pop("eventID")}

    run = Run(
        file_of([{"eventID": "e-1", "eventTime": "2023-07-10T12:34:56Z"}]),
        transform=transform,
        id_field="id",
    )

    assert run.entries == [
        ((1_688_992_496, 0), {"renamed": "e-1", "id": "e-1"})
    ]  # time and id are those of the record as it was read


def test_a_long_run_of_dropped_records_gives_the_loop_turns() -> None:
    data = file_of([{}] * 5000)

    assert Run(data, transform=lambda _: None).pauses == 5
    assert Run(data, charset="latin-1", acked_records=5000).pauses == 5


def test_records_without_the_location_are_counted_and_passed_over() -> None:
    data = file_of([{"d": {"a": 1}}, {}, {"d": [{"a": 2}, {"a": 3}]}, {}])
    run = Run(data, record_location="d")

    assert run.records == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert run.indices == [0, 2, 3]
    assert run.item.total_records == 5
    assert run.progress.records_without_location == 2
    assert Run(data, record_location="d", acked_records=3).records == [{"a": 3}]


@pytest.mark.parametrize("is_raw", [False, True])
@pytest.mark.parametrize(
    ("record", "time"),
    [
        ({"eventTime": "2023-07-10T12:34:56Z"}, (1_688_992_496, 0)),
        ({"eventTime": "never"}, None),
        ({"eventTime": "1912-04-15T02:20:00Z"}, None),
        ({"eventTime": {"a": 1}}, None),
        ({}, None),
    ],
)
def test_a_record_without_a_time_gets_the_notifications_and_is_counted(
    record: dict[str, Any], time: tuple[int, int] | None, is_raw: bool
) -> None:
    run = Run(file_of([record]), is_raw=is_raw)

    assert [found for found, _ in run.entries] == [time or (1_700_000_000, 250_000_000)]
    assert run.progress.records_without_time == (time is None)


@pytest.mark.parametrize("is_raw", [False, True])
def test_the_time_may_be_elsewhere(is_raw: bool) -> None:
    run = Run(
        b'{"meta":{"at":1688992496789}}',
        is_raw=is_raw,
        time_field="meta.at",
        time_format="epoch_ms",
    )
    assert [time for time, _ in run.entries] == [(1_688_992_496, 789_000_000)]


@pytest.mark.parametrize("event_time", [None, 0.0, -5.0, 1e11])
def test_without_any_time_it_is_now(event_time: float | None) -> None:
    run = Run(file_of([{}]), ref=ObjectRef("b", "k", event_time=event_time))
    assert [time for time, _ in run.entries] == [(1_000_000_000, 0)]


def test_raw_records_keep_their_bytes() -> None:
    texts = [b'{ "a":1.0, "\\u0061":2 }', b'{"n":1e400,"s":"\\ud800\xc3\xa9"}']
    run = Run(b'{"Records":[ %b ,%b]}' % tuple(texts), is_raw=True)

    assert [record["log"].encode() for record in run.records] == texts


def test_raw_lines_and_filtered_raw_records() -> None:
    run = Run(b"one\ntwo\n", is_raw=True, format="lines")
    assert run.records == [{"log": "one"}, {"log": "two"}]

    run = Run(
        file_of([{"n": 1}, {"n": 2}]),
        is_raw=True,
        transform=lambda record: record if record["n"] == 2 else None,
    )
    assert run.records == [{"log": '{"n": 2}'}]
    assert run.indices == [1]


@pytest.mark.parametrize("is_raw", [False, True])
@pytest.mark.parametrize(
    ("bad", "code"),
    [(b'{"a":tru}', "not_json"), (b"17", "record_not_object"), (b'"\xff"', "")],
)
def test_a_bad_record_is_named(bad: bytes, code: str, is_raw: bool) -> None:
    with pytest.raises(BadObjectError, match=r"^record 1: ") as caught:
        Run(b'{"Records":[{},' + bad + b"]}", is_raw=is_raw)
    assert caught.value.code == code or not code


def test_a_record_of_too_many_bytes_is_named_with_the_way_out() -> None:
    with pytest.raises(BadObjectError, match=r"^record 1 takes .* at the most$"):
        Run(file_of([{}, {"x": "x" * 100}]), max_entry_bytes=99)
    with pytest.raises(BadObjectError, match=r'set decode\.shape = "event"') as caught:
        Run(file_of([{"x": "x" * 100}]), max_entry_bytes=99, shape="file")
    assert caught.value.code == "record_too_large"


def test_what_the_object_holds_is_charged() -> None:
    data = file_of([{"x": "x" * 1000}] * 10)
    text_bytes = len(gzip.decompress(data))
    assert Run(data, charset="latin-1").charges[-1] == len(data) + text_bytes
    assert Run(data).charges[-1] == len(data) + 4 * text_bytes, "text and objects"


@pytest.mark.parametrize("format_", ["json", "csv", "wsv", "lines"])
@pytest.mark.parametrize("data", [b"", gzip.compress(b"")])
def test_an_empty_object_has_no_records(format_: str, data: bytes) -> None:
    run = Run(data, format=format_)
    assert (run.segments, run.item.total_records) == ([], 0)


@pytest.mark.parametrize(
    ("format_", "text"),
    [
        ("json", '{"a": "1"}\n{"a": "2"}\n{"a": "3"}\n'),
        ("csv", "a\n1\n2\n3\n"),
        ("wsv", "a\n1\n2\n3\n"),
    ],
)
@pytest.mark.parametrize("acked", [0, 1, 3])
def test_every_format_goes_on_where_it_stopped(
    format_: str, text: str, acked: int
) -> None:
    run = Run(text.encode(), format=format_, acked_records=acked)
    assert [record["a"] for record in run.records] == ["1", "2", "3"][acked:]
    assert run.item.total_records == 3


def test_metadata_and_id_are_added() -> None:
    run = Run(
        file_of([{"a": 1}, {"eventID": "e-1"}]),
        with_metadata=True,
        metadata_field="meta",
        id_field="id",
    )
    first, second = run.records

    assert {key: second["meta"][key] for key in ("bucket", "key", "index")} == {
        "bucket": "bucket",
        "key": KEY,
        "index": 1,
    }
    assert (len(first["id"]), second["id"]) == (32, "e-1")


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize("folder", ["invictus", "stratus"])
def test_real_records_come_out_whole(folder: str) -> None:
    count = 0
    for path in sorted((SHARED / "cloudtrail" / folder).glob("*.json")):
        source = json.loads(path.read_bytes())
        if isinstance(source, dict):
            source = source["Records"]
        structured, raw = Run(path.read_bytes()), Run(path.read_bytes(), is_raw=True)

        assert repr(structured.records) == repr(source)
        assert [json.loads(record["log"]) for record in raw.records] == source
        assert [t for t, _ in raw.entries] == [t for t, _ in structured.entries]
        assert structured.progress.records_without_time == 0
        whole = path.read_text(encoding="utf-8")
        assert all(record["log"] in whole for record in raw.records)
        count += len(source)
    assert count == {"invictus": 2900, "stratus": 310}[folder]


@pytest.mark.parametrize("is_raw", [False, True])
def test_a_segment_is_as_large_as_there_is_room(*, is_raw: bool) -> None:
    rooms = iter([100, 1000, *[180] * 99])
    asked: list[int] = []

    def room() -> int:
        asked.append(next(rooms))
        return asked[-1]

    records = [{"n": n, "eventTime": "2026-11-21T00:00:00Z"} for n in range(40)]
    run = Run(file_of(records), room=room, is_raw=is_raw)

    assert len(run.records) == 40
    sizes = [segment.size_bytes for segment in run.segments]
    assert len(sizes) - len(asked) <= 1, "once for each, but for a last record alone"
    for room_bytes, size_bytes in zip(asked, sizes, strict=False):
        assert size_bytes <= min(room_bytes, 200)
    first, second, *_ = sizes
    assert first < second
