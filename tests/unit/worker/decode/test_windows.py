"""How far a compression may look back, by itself and within another."""

from __future__ import annotations

import gzip
import lzma
import random
from typing import TYPE_CHECKING

import pytest
import zstandard

from tests.unit.worker.decode.test_decompress import refusal, unpack
from worker.decode.limits import DecodeLimits

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_window_that_is_too_large_is_refused() -> None:
    dictionary = lzma.compress(
        b"abc",
        filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 29, "preset": 0}],
    )

    assert refusal([dictionary]) == "window_too_large"


@pytest.mark.parametrize("pack", [lzma.compress, zstandard.compress])
def test_windows_in_windows_take_no_more_than_one(
    pack: Callable[[bytes], bytes],
) -> None:
    text = random.Random(1).randbytes(600_000).hex().encode()  # noqa: S311 - filler
    assert unpack([pack(gzip.compress(pack(text)))]) == text
    assert refusal([pack(pack(pack(text)))]) == "window_too_large"
    limits = DecodeLimits.of(256 << 20)
    windows_bytes = sum(limits.window_of(number) for number in (1, 2, 3))
    assert windows_bytes <= limits.window_bytes + 1024
