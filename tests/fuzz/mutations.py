"""Small damage to bytes, of the kinds that parsers get wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

MAX_BYTES = 1 << 18

TOKENS = (
    *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\n", b"\r\n", b"\t", b" "),
    *(b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-0.0", b"0x1", b"01"),
    b"123456789012345678901234567890",
    b"9" * 4301,
    *(b'"Records":[', b'{"Records":[{}]}', b'"eventTime":', b'"eventID":', b'{"":'),
    *(rb"\ud800", rb"\udc00\ud800", rb"\u0000", b"\x00", b"\xff", b"\xc3", b"\xed\xa0"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", "\u2028\x85\x0b\x1c".encode(), "é日😀".encode()),
    *(b"%", b"%zz", b"%E9", b"+", b"../", b"a" * 300),
    *(b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"BZh9", b"\xfd7zXZ\x00"),
)
"""What a parser treats in a way of its own."""


def mutate(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return the data with a few changes, or none.

    Args:
        random: Decides about everything.
        data: What to change.
        others: Parts of these are put into it.
    """
    for _ in range(random.choice((0, 1, 1, 1, 2, 3, 8))):
        data = random.choice(_KINDS)(random, data, others)[:MAX_BYTES]
    return data


def _flip(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    if not data:
        return data
    at = random.randrange(len(data))
    return b"%b%c%b" % (
        data[:at],
        data[at] ^ (1 << random.randrange(8)),
        data[at + 1 :],
    )


def _insert(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + random.choice(TOKENS) + data[at:]


def _replace(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    begin, end = _slice(random, data)
    return data[:begin] + random.choice(TOKENS) + data[end:]


def _delete(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    begin, end = _slice(random, data)
    return data[:begin] + data[end:]


def _cut_off(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return data[: random.randint(0, len(data))]


def _repeat(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    begin, end = _slice(random, data)
    times = random.choice((2, 3, 100, 20_000))
    return data[:begin] + (data[begin:end] * times)[:MAX_BYTES] + data[end:]


def _splice(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    other = random.choice(others)
    begin, end = _slice(random, other)
    at = random.randint(0, len(data))
    return data[:at] + other[begin:end] + data[at:]


def _slice(random: Random, data: bytes) -> tuple[int, int]:
    begin = random.randint(0, len(data))
    longest = random.choice((1, 4, 32, len(data)))
    return begin, min(len(data), begin + random.randint(0, longest))


_KINDS: tuple[Callable[[Random, bytes, Sequence[bytes]], bytes], ...] = (
    _flip,
    _insert,
    _replace,
    _delete,
    _cut_off,
    _repeat,
    _splice,
)
