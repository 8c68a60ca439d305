"""Blocks that are not here yet: nothing that comes out depends on when they come."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from worker.config.model import DecodeConfig
from worker.decode.decompress import decompress
from worker.decode.reader import reader_for
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MIB = 1 << 20
LIMITS: dict[str, Any] = {"max_bytes": 1 << 30, "max_ratio": 10_000}

PACK: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.compress,
}

# Each with a member, a quoted row or a document of several lines across the cuts.
TEXTS = {
    "json": b'\xef\xbb\xbf{"Records":[{"a":1},\n{"b":[2,"\xc3\xa9"]}]}\n{"c":3}\n',
    "csv": b'a,b\n1,"x\n\n""y"" \xc3\xa9"\n\n2,z\n"3\n4",w\n',
    "wsv": b'a b\n1 "x y"\n\n2 "z\xc3\xa9"\n',
    "lines": b"\xef\xbb\xbfone\n\ntwo \xc3\xa9\r\nthree",
}


def items(blocks: Iterable[bytes], format_: str) -> list[object]:
    """The items of an object, the fault's code last where there is one."""
    reader = reader_for(
        DecodeConfig.model_validate({"format": format_}), text_field="log"
    )
    found: list[object] = []
    unpacked = decompress(blocks, compression="auto", **LIMITS)
    try:
        found.extend(
            reader.record(item)
            for item in reader.items(unpacked, lambda _: None)
            if item is not None
        )
    except BadObjectError as error:
        found.append(error.code)
    return found


def cut(data: bytes, places: list[int]) -> Iterator[bytes]:
    """Blocks that end at these places, each followed by one that is not here yet."""
    ends = sorted({min(place, len(data)) for place in places} | {len(data)})
    begin = 0
    yield b""
    for end in ends:
        yield data[begin:end]
        yield b""
        yield b""
        begin = end


@pytest.mark.parametrize("format_", TEXTS)
@pytest.mark.parametrize("compression", PACK)
@given(places=st.lists(st.integers(0, 150), max_size=12))
def test_when_blocks_come_changes_nothing(
    format_: str, compression: str, places: list[int]
) -> None:
    text = TEXTS[format_]
    middle = len(text) // 2
    data = PACK[compression](text[:middle]) + PACK[compression](text[middle:])

    assert items(cut(data, places), format_) == items([data], format_)


@pytest.mark.parametrize("format_", TEXTS)
@given(
    places=st.lists(st.integers(0, 150), max_size=6),
    end=st.integers(0, 150),
    is_packed=st.booleans(),
)
def test_when_blocks_come_changes_no_fault(
    format_: str, places: list[int], end: int, *, is_packed: bool
) -> None:
    data = gzip.compress(TEXTS[format_]) if is_packed else TEXTS[format_]
    broken = data[:end]

    assert items(cut(broken, places), format_) == items([broken], format_)


@pytest.mark.parametrize("format_", TEXTS)
def test_a_block_that_is_not_here_gives_the_loop_its_turn(format_: str) -> None:
    """And so it does again and again, whatever was begun before."""
    reader = reader_for(
        DecodeConfig.model_validate({"format": format_}), text_field="log"
    )
    text = TEXTS[format_]

    def blocks() -> Iterator[bytes]:
        for at in range(len(text)):
            yield text[at : at + 1]
            yield b""

    found = list(reader.items(blocks(), lambda _: None))

    assert found.count(None) >= len(text)


def test_large_json_lines_are_the_same_whenever_their_blocks_come() -> None:
    line = json.dumps({"text": "x" * 300}).encode() + b"\n"
    data = line * 5000 + b'{"a":\n[1,\n2]}\n' + line * 2000

    places = list(range(0, len(data), MIB // 3))
    assert items(cut(data, places), "json") == items([data], "json")
    assert len(items([data], "json")) == 7001


def test_a_row_of_many_lines_is_not_parsed_again_for_each_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_lines = 0

    class Counted(str):
        __slots__ = ()

        def __format__(self, spec: str) -> str:
            nonlocal given_lines
            given_lines += 1
            return super().__format__(spec)

    def slow_lines(*_args: object) -> Iterator[str | None]:
        yield Counted("a")
        yield Counted('"begin')
        for _ in range(2000):
            yield None
            yield Counted("xxxxxxxxx")
        yield Counted('end"')

    monkeypatch.setattr("worker.decode.rows.lines", slow_lines)
    found = items([b"any"], "csv")

    assert found == [{"a": "begin\n" + "xxxxxxxxx\n" * 2000 + "end"}]
    assert given_lines < 4 * 2000


def test_millions_of_empty_members_keep_nobody_waiting() -> None:
    blocks = decompress([gzip.compress(b"") * 2000], compression="gzip", **LIMITS)

    assert next(blocks) == b""
    assert b"".join(blocks) == b""
