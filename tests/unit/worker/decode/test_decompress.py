from __future__ import annotations

import bz2
import gzip
import lzma
import random
import struct
import tracemalloc
import zlib
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from worker.decode.compressions import OUTPUT_BLOCK_BYTES
from worker.decode.decompress import decompress, inflate_small
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SHARED = Path(__file__).parents[5] / "shared" / "data" / "objects"
NO_LIMIT = 1 << 40

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": zstandard.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
NAMES = sorted(PACK)
MAGIC_BYTES = {"gzip": 2, "zstd": 4, "bzip2": 10, "xz": 6}

payloads = st.one_of(
    st.binary(max_size=300),
    st.builds(lambda piece, n: piece * n, st.binary(max_size=20), st.integers(0, 5000)),
)


def unpack(
    blocks: Iterable[bytes],
    compression: str = "auto",
    max_bytes: int = NO_LIMIT,
    max_ratio: int = NO_LIMIT,
) -> bytes:
    return b"".join(
        decompress(
            blocks, compression=compression, max_bytes=max_bytes, max_ratio=max_ratio
        )
    )


def refusal(blocks: Iterable[bytes], compression: str = "auto", **limits: int) -> str:
    """The code of the error that decompressing ends with."""
    with pytest.raises(BadObjectError) as caught:
        unpack(blocks, compression, **limits)
    assert "\n" not in str(caught.value)
    return caught.value.code


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[begin:end] for begin, end in pairwise(edges)]


def gzip_member(
    payload: bytes, *, extra: bytes = b"", name: bytes = b"", has_header_crc: bool
) -> bytes:
    """A member with the optional parts that RFC 1952 allows."""
    flags = 0x04 * bool(extra) | 0x08 * bool(name) | 0x02 * has_header_crc
    header = b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0\0\xff"
    if extra:
        header += struct.pack("<H", len(extra)) + extra
    if name:
        header += name + b"\0"
    if has_header_crc:
        header += struct.pack("<H", zlib.crc32(header) & 0xFFFF)
    deflate = zlib.compressobj(wbits=-15)
    trailer = struct.pack("<II", zlib.crc32(payload), len(payload))
    return header + deflate.compress(payload) + deflate.flush() + trailer


@pytest.mark.parametrize("name", NAMES)
@given(
    members=st.lists(payloads, min_size=1, max_size=4),
    places=st.lists(st.integers(0, 1 << 20), max_size=6),
    is_named=st.booleans(),
)
def test_any_members_in_any_blocks_come_out_whole(
    name: str, members: list[bytes], places: list[int], *, is_named: bool
) -> None:
    members[0] = b"{" + members[0]  # else it may be packed once more, or no text
    packed = b"".join(map(PACK[name], members))

    assert unpack(cut(packed, places), name if is_named else "auto") == b"".join(
        members
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_cut_object_is_never_taken_for_a_whole_one(name: str) -> None:
    first, second = (PACK[name](text * 9) for text in (b"Records", b"more"))
    packed = first + second
    for end in range(1, len(packed)):
        if end == len(first):
            continue  # a whole object: nothing tells that more was meant to follow
        assert refusal([packed[:end]], name) == "truncated", end
        if end >= MAGIC_BYTES[name]:
            assert refusal([packed[:end]]) == "truncated", end


@pytest.mark.parametrize("name", NAMES)
def test_a_block_for_each_byte_changes_nothing(name: str) -> None:
    packed = PACK[name](b"one") + PACK[name](b"two" * 100_000)

    assert unpack(cut(packed, list(range(len(packed))))) == b"one" + b"two" * 100_000


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("extra_bytes", [-1, 0, 1])
@pytest.mark.parametrize("blocks_count", [1, 2])
def test_payloads_as_large_as_the_blocks_come_out_whole(
    name: str, extra_bytes: int, blocks_count: int
) -> None:
    payload = (bytes(range(256)) * 4096 * blocks_count + b"!")[
        : (1 << 20) * blocks_count
    ]
    payload = (payload + b"!")[: len(payload) + extra_bytes]

    assert unpack([PACK[name](payload)]) == payload


@pytest.mark.parametrize("name", NAMES)
def test_what_follows_the_last_member_is_refused(name: str) -> None:
    packed = PACK[name](b"abc")

    assert refusal([packed + b"and more of it"]) == "trailing_garbage"
    if name != "gzip":
        assert refusal([packed, b"\0"], name) == "trailing_garbage"
    assert refusal([packed, b"\0\0\0\0x"], name) == "trailing_garbage"


@pytest.mark.parametrize("zeros", [1, 500, 5_000])
@given(places=st.lists(st.integers(0, 1 << 14), max_size=4))
def test_zeros_after_a_gzip_member_are_passed_over(
    zeros: int, places: list[int]
) -> None:
    """As gzip(1) and Python's module do it: tapes are padded so."""
    packed = gzip.compress(b"abc") + bytes(zeros)
    assert unpack(cut(packed, places)) == b"abc"
    assert unpack(cut(packed + gzip.compress(b"d") + bytes(zeros), places)) == b"abcd"


@pytest.mark.parametrize("inner", NAMES)
@pytest.mark.parametrize("outer", NAMES)
def test_what_is_packed_twice_is_unpacked_twice(outer: str, inner: str) -> None:
    text = b'{"a":1}' * 50_000
    packed = PACK[outer](PACK[inner](text[:99]) + PACK[inner](text[99:]))
    assert unpack(cut(packed, [5, 30, 31])) == text
    assert unpack([packed], outer) == text
    assert inflate_small(packed, max_bytes=NO_LIMIT, max_ratio=NO_LIMIT) is None


def test_three_layers_are_the_most_and_the_limits_are_for_each_of_them() -> None:
    text = b"{" + bytes(1 << 20)
    twice = gzip.compress(gzip.compress(text))
    thrice = gzip.compress(twice)
    assert unpack([thrice]) == text
    assert refusal([gzip.compress(thrice)]) == "too_many_layers"
    assert refusal([thrice], max_ratio=1000) == "over_max_ratio"
    assert refusal([thrice], max_bytes=1 << 20) == "over_max_bytes"
    # Little comes out in the end, but much in between.
    skipped = b"\x50\x2a\x4d\x18" + (1 << 22).to_bytes(4, "little") + bytes(1 << 22)
    hidden = gzip.compress(skipped + zstandard.compress(b"{}"))
    assert unpack([hidden], max_ratio=2_000) == b"{}"
    assert refusal([hidden], max_ratio=100) == "over_max_ratio"


@pytest.mark.parametrize("name", NAMES)
def test_another_format_than_named_is_refused(name: str) -> None:
    assert refusal([b'{"Records": []}'], name) == f"not_{name}"
    other = NAMES[NAMES.index(name) - 1]
    assert refusal([PACK[other](b"abc")], name) == f"not_{name}"


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_byte_never_comes_out_as_something_else(name: str) -> None:
    # zstd's own command adds the checksum; its library leaves it out.
    pack = (
        zstandard.ZstdCompressor(write_checksum=True).compress
        if name == "zstd"
        else PACK[name]
    )
    payload = b'{"Records": [{"eventName": "DeleteQueue"}]}'
    packed = pack(payload)
    for at in range(len(packed)):
        changed = packed[:at] + bytes([packed[at] ^ 0x55]) + packed[at + 1 :]
        try:
            # Header fields without meaning for the payload (gzip's mtime) may change.
            assert unpack([changed], name) == payload, at
        except BadObjectError:
            continue


@pytest.mark.parametrize("name", ["auto", "none", *NAMES])
@pytest.mark.parametrize("blocks", [[], [b""], [b"", b""]])
def test_an_empty_body_is_nothing_and_no_error(name: str, blocks: list[bytes]) -> None:
    found = decompress(blocks, compression=name, max_bytes=1, max_ratio=1)

    assert b"".join(found) == b""


def test_what_has_no_magic_number_passes_as_it_is() -> None:
    text = b'{"Records": []}'

    assert unpack([text[:3], b"", text[3:]]) == text
    assert unpack([b"{"]) == b"{"
    assert unpack([gzip.compress(text)], "none") == gzip.compress(text)


def test_an_uncompressed_block_is_not_copied() -> None:
    body = b"x" * 100

    (block,) = decompress([body], compression="auto", max_bytes=100, max_ratio=1)

    assert block is body


def test_any_buffer_will_do() -> None:
    packed = gzip.compress(b"abc")

    assert unpack([memoryview(packed)[:5], bytearray(packed[5:])]) == b"abc"  # type: ignore[list-item]


@pytest.mark.parametrize("has_header_crc", [False, True])
@pytest.mark.parametrize("extra", [b"", b"e" * 70, b"e" * 65_535])
@pytest.mark.parametrize("name", [b"", b"n" * 5000])
def test_every_optional_part_of_a_gzip_header_is_read(
    extra: bytes, name: bytes, *, has_header_crc: bool
) -> None:
    member = gzip_member(
        b"a" * 99, extra=extra, name=name, has_header_crc=has_header_crc
    )
    for size in (1, 7, len(member)):
        blocks = [member[at : at + size] for at in range(0, len(member), size)]
        assert unpack([*blocks, member]) == b"a" * 198


def test_padding_between_and_behind_xz_streams_is_passed_over() -> None:
    first, second = lzma.compress(b"one"), lzma.compress(b"two")
    packed = first + bytes(8) + second + bytes(1 << 20)

    assert unpack([packed]) == b"onetwo"
    edges = [0, *range(len(first), len(first) + 9), len(packed) - 1]
    assert unpack(cut(packed, edges)) == b"onetwo"


@pytest.mark.parametrize("padding_bytes", [1, 2, 3, 5, 7])
def test_other_padding_than_of_four_bytes_is_refused(padding_bytes: int) -> None:
    packed = lzma.compress(b"one")

    for behind in (b"", packed):
        padded = packed + bytes(padding_bytes) + behind
        assert refusal([padded]) == "trailing_garbage"
        assert refusal(cut(padded, [len(packed) + 1]), "xz") == "trailing_garbage"
    assert refusal([bytes(4) + packed], "xz") == "not_xz"


def test_skippable_zstd_frames_are_skipped() -> None:
    skippable = b"\x57\x2a\x4d\x18" + struct.pack("<I", 5) + b"abcde"
    packed = skippable + zstandard.compress(b"one") + skippable

    assert unpack([packed]) == b"one"
    assert unpack(cut(packed, list(range(len(packed))))) == b"one"
    assert refusal([packed[:-1]]) == "truncated"


@pytest.mark.parametrize("name", NAMES)
def test_the_limits_name_the_key_to_raise(name: str) -> None:
    packed = PACK[name](bytes(3_000_000))
    with pytest.raises(BadObjectError, match=r"decode\.max_object_bytes") as caught:
        unpack([packed], max_bytes=2_999_999)
    assert caught.value.code == "over_max_bytes"
    with pytest.raises(BadObjectError, match=r"decode\.max_ratio") as caught:
        unpack([packed], max_ratio=100)
    assert caught.value.code == "over_max_ratio"

    assert len(unpack([packed], max_bytes=3_000_000)) == 3_000_000


def test_the_size_limit_holds_without_compression_too() -> None:
    assert refusal([b"abc", b"d"], "none", max_bytes=3) == "over_max_bytes"
    assert unpack([b"abcd"], "none", max_ratio=0, max_bytes=4) == b"abcd"


@pytest.mark.parametrize("name", NAMES)
def test_memory_stays_bounded_whatever_the_ratio(name: str) -> None:
    packed = PACK[name](bytes(100 << 20))
    tracemalloc.start()
    try:
        sizes = [
            len(block)
            for block in decompress(
                [packed], compression="auto", max_bytes=NO_LIMIT, max_ratio=NO_LIMIT
            )
        ]
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert sum(sizes) == 100 << 20
    assert max(sizes) <= OUTPUT_BLOCK_BYTES
    assert peak_bytes < 16 << 20


def test_many_small_members_do_not_cost_the_square_of_their_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each member is fed little more than itself, not all that follows it."""
    fed_bytes = 0

    class CountingInflate:
        def __init__(self, window_bits: int) -> None:
            self._inflate = zlib.decompressobj(window_bits)

        def __getattr__(self, name: str) -> object:
            return getattr(self._inflate, name)

        def decompress(self, data: bytes, max_length: int) -> bytes:
            nonlocal fed_bytes
            fed_bytes += len(data)
            return self._inflate.decompress(data, max_length)

    monkeypatch.setattr(
        "worker.decode.decompress.isal_zlib.decompressobj", CountingInflate
    )
    packed = gzip.compress(b"line\n") * 20_000

    assert unpack([packed]) == b"line\n" * 20_000
    assert len(packed) < fed_bytes < 64 * len(packed)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
def test_other_projects_files_are_read() -> None:
    gzipped = (SHARED / "multipart-gzip.log.gz").read_bytes()
    assert unpack([gzipped]).count(b"\n") == 12
    packed = (SHARED / "multipart-zst.log.zst").read_bytes()
    assert unpack([packed]) == (SHARED / "multipart-zst.log").read_bytes()


LIMITS = {"max_bytes": 10_000, "max_ratio": 1_000}
NO_LIMITS = {"max_bytes": 1 << 30, "max_ratio": 1_000}
NOISE = random.Random(5).randbytes(OUTPUT_BLOCK_BYTES)  # noqa: S311 - example data


@pytest.mark.parametrize("size_bytes", [0, 1, 5_000])
def test_one_short_member_is_inflated_in_one_call(size_bytes: int) -> None:
    data = bytes(range(256)) * (size_bytes // 256 + 1)
    body = gzip.compress(data[:size_bytes], mtime=0)
    assert inflate_small(body, **LIMITS) == data[:size_bytes]


def test_a_member_of_one_block_is_inflated_in_one_call() -> None:
    data = NOISE[:-4_096]
    body = gzip.compress(data, compresslevel=1)
    assert inflate_small(body, **NO_LIMITS) == data


@pytest.mark.parametrize(
    "data",
    [bytes(OUTPUT_BLOCK_BYTES + 1), NOISE],
    ids=["larger inflated", "larger as it is stored"],
)
def test_a_member_above_one_block_is_left_to_the_general_way(data: bytes) -> None:
    assert inflate_small(gzip.compress(data), **NO_LIMITS) is None


def test_a_member_that_states_too_few_bytes_is_left_to_the_general_way() -> None:
    body = gzip.compress(bytes(5_000))[:-4] + (4_000).to_bytes(4, "little")
    assert inflate_small(body, **NO_LIMITS) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x1f\x8b",
        b'{"Records":[]}',
        gzip.compress(b"a") + gzip.compress(b"b"),
        gzip.compress(b"a") + b"garbage",
        gzip.compress(b"a")[:-1],
        gzip.compress(b"a")[:-5] + b"\0\0\0\0\0",
        gzip.compress(bytes(10_001)),
        gzip.compress(bytes(9_999)).replace(
            b"\x1f\x8b\x08\x00", b"\x1f\x8b\x08\x08", 1
        ),
        gzip.compress(bytes(range(256)) * 1_000, compresslevel=0),
    ],
)
def test_all_else_is_left_to_the_general_way(body: bytes) -> None:
    assert inflate_small(body, **LIMITS) is None


def test_a_short_member_above_the_ratio_is_left_to_the_general_way() -> None:
    body = gzip.compress(bytes(9_000))
    assert inflate_small(body, max_bytes=10_000, max_ratio=10) is None
