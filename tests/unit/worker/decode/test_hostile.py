"""What a hostile object costs, and that it is delivered faithfully or refused."""

from __future__ import annotations

import bz2
import gzip
import itertools
import json
import lzma
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest
import zstandard

from plugin_bridge.forward.entries import EventEncoder, JsonLineEncoder
from plugin_bridge.forward.errors import EntryError
from worker.decode.cloudtrail import raw_records
from worker.decode.decompress import decompress
from worker.decode.json_values import parse_record
from worker.decode.limits import DEFAULT_LIMITS, SMALL_BYTES, DecodeLimits
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from plugin_bridge.forward.encoder import Encoder

MIB = 1 << 20


def peak_bytes(work: Callable[[], object]) -> int:
    """The most that was allocated at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def zeros(size_bytes: int) -> Iterator[bytes]:
    """A gzip of zeros, as it is being made."""
    deflate = zlib.compressobj(9, wbits=31)
    block = bytes(MIB)
    for _ in range(size_bytes // MIB):
        yield deflate.compress(block)
    yield deflate.flush()


@pytest.mark.parametrize(
    ("name", "empty"),
    [
        ("gzip", gzip.compress(b"")),
        ("bzip2", bz2.compress(b"")),
        ("xz", lzma.compress(b"")),
        ("zstd", zstandard.compress(b"")),
        ("zstd", b"\x50\x2a\x4d\x18" + bytes(4)),
    ],
)
def test_a_flood_of_empty_members_is_refused_and_a_few_are_not(
    name: str, empty: bytes
) -> None:
    taken_members = 0

    def flood() -> Iterator[bytes]:
        nonlocal taken_members
        while True:
            yield empty * 100
            taken_members += 100

    with pytest.raises(BadObjectError) as caught:
        list(_unpacked(flood()))
    assert caught.value.code == "too_many_members"
    assert f"the {name} data" in str(caught.value)
    assert taken_members < 20_000
    assert b"".join(_unpacked([empty * 1_000])) == b""


def _unpacked(blocks: Iterable[bytes]) -> Iterator[bytes]:
    return decompress(blocks, compression="auto", max_bytes=MIB, max_ratio=1000)


@pytest.mark.parametrize(
    ("max_ratio", "code"), [(1000, "over_max_ratio"), (1 << 40, "over_max_bytes")]
)
def test_a_gzip_bomb_is_refused_within_bounds(max_ratio: int, code: str) -> None:
    taken_bytes = 0

    def unpack() -> None:
        nonlocal taken_bytes
        for block in decompress(
            zeros(10 << 30),
            compression="auto",
            max_bytes=256 * MIB,
            max_ratio=max_ratio,
        ):
            taken_bytes += len(block)

    def refused() -> None:
        with pytest.raises(BadObjectError) as caught:
            unpack()
        assert caught.value.code == code

    assert peak_bytes(refused) < 16 * MIB
    assert taken_bytes <= 256 * MIB


@pytest.mark.parametrize("odd", [b"", b',"z":NaN'])
def test_a_million_tiny_records_cost_little_memory(odd: bytes) -> None:
    document = b'{"Records":[' + b"{}," * 1_000_000 + b"{}]" + odd + b"}"
    count = 0

    def split() -> None:
        nonlocal count
        count = sum(parse_record(raw) == {} for raw in raw_records(document))

    assert peak_bytes(split) < 8 * MIB
    assert count == 1_000_001


@pytest.mark.parametrize("place", ["first", "amid", "last"])
@pytest.mark.parametrize("value", ["NaN", r'"\ud800"', "1"])
def test_a_large_file_comes_out_whole_and_in_order(place: str, value: str) -> None:
    nested = '{"at":[{"eventID":1},{"eventID":2}],"text":"},{\\"eventID\\":"}'
    records = [f'{{"eventID":{n},"nested":{nested}}}' for n in range(20_000)]
    at = {"first": 0, "amid": 12_345, "last": -1}[place]
    records[at] = f'{{"eventID":{at % 20_000},"odd":{value}}}'
    document = ('{"v":1,"Records":[' + ",\n ".join(records) + "]}").encode()
    assert len(document) > MIB

    found = [str(raw, "utf-8") for raw in raw_records(document)]

    assert found == records


@pytest.mark.parametrize("other", ['{"b":{}}', '{"a":[1,{}]}', '{"a":"x"}'])
def test_records_that_begin_alike_or_not_are_told_apart(other: str) -> None:
    texts = ['{"a":1}', other, '{"a":[{"a":1},{"a":1},[{"a":1}]]}', "{}"]
    records = list(itertools.islice(itertools.cycle(texts), 100_000))
    for gap in (",", " ,\n\t ", "," + " " * 99):
        document = ('{"Records":[' + gap.join(records) + "]}").encode()
        found = [str(raw, "utf-8") for raw in raw_records(document)]
        assert found == records


def test_a_large_document_that_ends_early_is_refused_after_its_records() -> None:
    document = b'{"Records":[' + b'{"a":1},' * 200_000
    raws = iter(raw_records(document))

    assert sum(1 for _ in itertools.islice(raws, 200_000)) == 200_000
    with pytest.raises(BadObjectError, match="byte 1600012"):
        next(raws)


@pytest.mark.parametrize(
    "document",
    [
        b'{"Records":[{"a":"' + rb"\"" * MIB,
        b'{"Records":[{"a":"' + rb"\"" * MIB + b"\\",
        b'{"Records":[' + b"[" * 2 * MIB,
        b'{"Records":[' + b'"a",' * MIB,
        b'{"' + rb"\"" * MIB,
        b'{"a":NaN,' + b" " * 2 * MIB,
    ],
)
def test_a_text_without_an_end_is_gone_through_once(document: bytes) -> None:
    with pytest.raises(BadObjectError):
        list(map(parse_record, raw_records(document)))


def test_a_large_record_costs_a_few_times_its_size() -> None:
    size_bytes = 32 * MIB
    texts = b",".join(b'"key%07d":"%s"' % (n, b"x" * 1000) for n in range(32_768))
    document = b'{"Records":[{' + texts + b"}]}"
    encoded_bytes = 0

    def deliver() -> None:
        nonlocal encoded_bytes
        for raw in raw_records(document):
            record = parse_record(raw, DecodeLimits.of(1 << 30))
            encoded_bytes += len(EventEncoder().encode(record, 1, 0))

    assert peak_bytes(deliver) < 4 * size_bytes
    assert encoded_bytes > 1000 * 32_768


@pytest.mark.parametrize("value", [b"{}", b"[]", b"1", b'"a"'])
def test_a_record_of_too_many_values_is_refused(value: bytes) -> None:
    record = b'{"a":[' + (value + b",") * MIB + b"1]}"

    with pytest.raises(BadObjectError) as caught:
        parse_record(record)

    assert caught.value.code == "too_many_values"
    assert "pool.inflight_bytes" in str(caught.value)


ACCEPTED: dict[str, bytes] = {
    "texts": b'"ab",' * 400_000,
    "wide": '"€",'.encode() * 400_000,
    "one-wide": b'"' + b"x" * 6 * MIB + '\U0001f600",'.encode(),
    "one-plain": b'"' + b"x" * 12 * MIB + b'",',
    "escapes": b'"' + rb"\n" * 3 * MIB + b'",',
    "lone-surrogates": b'"' + rb"a\ud800" * 400_000 + b'",',
    "lists": b"[]," * 300_000,
    "nested-lists": b"[[]]," * 200_000,
    "objects": b"{}," * 200_000,
    "members": b"{%b},"
    % b",".join(b'"%x":"%x"' % (number, number) for number in range(300_000)),
    "floats": b"1.5," * 400_000,
    "not-a-number": b"NaN," * 400_000,
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_record_that_is_taken_keeps_to_its_share(name: str) -> None:
    record = b'{"a":[' + ACCEPTED[name] + b"1]}"
    assert len(record) > SMALL_BYTES or name in {"lists", "nested-lists", "objects"}

    def deliver() -> None:
        EventEncoder().encode(parse_record(record), 1, 0)

    assert peak_bytes(deliver) < DEFAULT_LIMITS.record_bytes


@pytest.mark.parametrize("value", [b"{}", b'""'])
def test_so_is_a_file_of_one_that_is_never_gone_through(value: bytes) -> None:
    document = b'{"Records":[{"a":[' + (value + b",") * (13 * MIB) + b"1]}]}"

    with pytest.raises(BadObjectError) as caught:
        list(raw_records(document))

    assert caught.value.code == "too_many_values"


def test_marks_inside_a_text_are_no_values() -> None:
    text = "[,{" * 2 * MIB

    assert parse_record(json.dumps({"a": text}).encode()) == {"a": text}


@pytest.mark.parametrize("encoder", [EventEncoder(), JsonLineEncoder()])
@pytest.mark.parametrize("leaf", ["1", "1" * 30, "NaN", r'"\ud800"'])
@pytest.mark.parametrize("brackets", [('{"a":', "}"), ("[", "]")])
@pytest.mark.parametrize("levels", [200, 253, 254, 255, 900, 1024, 5000, 100_000])
def test_nesting_is_delivered_or_refused_at_any_depth(
    encoder: Encoder, leaf: str, brackets: tuple[str, str], levels: int
) -> None:
    begin, end = brackets
    value = begin * levels + leaf + end * levels
    document = f'{{"Records":[{{"deep":{value}}}]}}'.encode()
    try:
        (raw,) = raw_records(document)
        encoder.encode(parse_record(raw), 1, 0)
    except (BadObjectError, EntryError) as error:
        refused_for = str(error)
    else:
        refused_for = ""

    assert bool(refused_for) is (levels > 253), refused_for
