"""Answers of HTTP/1.1, however they are cut on their way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.source.http_answer import HttpAnswer, OddAnswerError

HEAD = b'HTTP/1.1 200 OK\r\nETag: "abc"\r\nContent-Length: 5\r\nX-A:b: c \r\n\r\n'
WHOLE = HEAD + b"hello"


@given(st.lists(st.integers(1, len(WHOLE) - 1), unique=True).map(sorted))
def test_it_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    answer = HttpAnswer(max_bytes=5)
    pieces = [WHOLE[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)]
    assert [answer.take(piece) for piece in pieces] == [False] * len(cuts) + [True]
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.fields == {"etag": '"abc"', "content-length": "5", "x-a": "b: c"}
    assert answer.may_be_followed


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1", b"x"),
        (b"SSH-2.0-OpenSSH_9.2", b""),
        (b"HTTP/1.1 twelve\r\nContent-Length: 1", b"x"),
        (b"HTTP/1.1 200 OK", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: \xb2", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 101", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"1" * 5000, b""),
        (b"HTTP/1.1 " + b"2" * 5000 + b" OK\r\nContent-Length: 1", b"x"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1", b"xy"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked", b"x"),
        (b"x" * 70_000, b""),
    ],
)
def test_all_else_is_odd(head: bytes, body: bytes) -> None:
    with pytest.raises(OddAnswerError):
        HttpAnswer(max_bytes=100).take(head + b"\r\n\r\n" + body)


def test_a_head_without_an_end_is_odd() -> None:
    answer = HttpAnswer(max_bytes=100)
    assert not answer.take(b"HTTP/1.1 200 OK\r\n")
    with pytest.raises(OddAnswerError, match="does not end"):
        answer.take(b"x" * 70_000)


def test_nothing_follows_where_the_other_side_says_so() -> None:
    answer = HttpAnswer(max_bytes=100)
    assert answer.take(
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nConnection: Close\r\n\r\n"
    )
    assert answer.status == 404
    assert not answer.may_be_followed


@pytest.mark.parametrize("begun", [HEAD[:20], HEAD, HEAD + b"hel"])
def test_an_end_before_the_end_is_odd(begun: bytes) -> None:
    answer = HttpAnswer(max_bytes=100)
    assert not answer.take(begun)
    with pytest.raises(OddAnswerError, match="ends before its end"):
        answer.take(b"")
