from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.decode.limits import DEFAULT_LIMITS
from worker.decode.text import characters, lines, utf8_blocks
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1 << 20
CHARSETS = ["utf-8", "UTF8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le"]
CHARSETS += ["utf-32", "shift_jis", "gb18030", "euc_kr", "iso2022_jp"]


def cut(data: bytes, places: list[int]) -> Iterator[bytes]:
    """The bytes in blocks, some of them perhaps empty."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return (data[a:b] for a, b in itertools.pairwise(edges))


@pytest.mark.parametrize("charset", CHARSETS)
@given(
    text=st.text(alphabet="aé日\n,\"'", max_size=30), places=st.lists(st.integers(0))
)
def test_text_comes_out_wherever_it_is_cut(
    charset: str, text: str, places: list[int]
) -> None:
    data = text.encode(charset, "ignore")
    expected = data.decode(charset)

    assert "".join(characters(cut(data, places), charset)) == expected
    assert b"".join(utf8_blocks(cut(data, places), charset)) == expected.encode()


@pytest.mark.parametrize("charset", ["utf-8", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("places", [[], [1], [1, 2], [1, 2, 3, 4, 5]])
def test_a_byte_order_mark_at_the_begin_is_left_out(
    charset: str, places: list[int]
) -> None:
    data = "\ufeffa\ufeffb".encode(charset)

    assert "".join(characters(cut(data, places), charset)) == "a\ufeffb"
    assert b"".join(utf8_blocks(cut(data, places), charset)).decode() == "a\ufeffb"


@pytest.mark.parametrize(
    ("charset", "data", "code", "words"),
    [
        ("utf-8", b"abc\xff", "not_utf8", "UTF-8 at byte 3: set decode.charset"),
        ("utf-8", "aé".encode()[:-1], "not_utf8", "at byte 1:"),
        ("utf-8", b"a\xed\xa0\x80", "not_utf8", "at byte 1:"),
        ("utf-16-le", b"a\0b", "wrong_charset", "not utf-16-le at byte 2:"),
        ("utf-16", b"abcd", "wrong_charset", "not utf-16 at byte 0:"),
        ("shift_jis", b"abc\x83\xff", "wrong_charset", "not shift_jis at byte 3:"),
        ("ascii", "aé".encode(), "wrong_charset", "not ascii at byte 1:"),
    ],
)
@pytest.mark.parametrize("places", [[], [1], [2], [3], [1, 2, 3, 4]])
def test_a_wrong_byte_is_named(
    charset: str, data: bytes, code: str, words: str, places: list[int]
) -> None:
    with pytest.raises(BadObjectError) as caught:
        list(characters(cut(data, places), charset))

    assert caught.value.code == code
    assert words in str(caught.value)


@given(st.lists(st.text(alphabet="ab\r\n\x0b\x85\u2028", max_size=9)))
def test_lines_end_with_a_line_feed_only(texts: list[str]) -> None:
    whole = "".join(texts)
    expected = whole.split("\n")
    if not expected[-1]:
        expected.pop()

    found = lines(texts, lambda _: None)

    assert [line for line in found if line is not None] == expected


@pytest.mark.parametrize(("character", "copies"), [("x", 4), ("\U0001f600", 16)])
def test_a_line_without_an_end_is_refused(character: str, copies: int) -> None:
    limits = replace(DEFAULT_LIMITS, record_bytes=copies * 2 * MIB)
    endless = itertools.chain(["ok\n"], itertools.repeat(character * MIB))
    held: list[int] = []
    found = lines(endless, held.append, limits)

    assert next(found) == "ok"
    with pytest.raises(BadObjectError) as caught:
        list(found)
    assert caught.value.code == "line_too_long"
    assert "pool.inflight_bytes" in str(caught.value)
    assert held == [copies // 4 * MIB, copies // 4 * 2 * MIB]
