from __future__ import annotations

import gzip
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import BadObjectError
from worker.verify.contents import sha256_of, whole


@given(st.binary(max_size=5_000))
def test_one_member_is_hashed_uncompressed(content: bytes) -> None:
    stored = gzip.compress(content)
    assert sha256_of(stored) == hashlib.sha256(content).hexdigest()
    assert whole(stored) == content


def test_content_of_many_blocks() -> None:
    content = b"abcdefgh" * 700_000
    assert sha256_of(gzip.compress(content)) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("more", [b"\0", b"x", gzip.compress(b"more")])
def test_what_follows_is_refused(more: bytes) -> None:
    with pytest.raises(BadObjectError, match="follow the gzip data"):
        sha256_of(gzip.compress(b"abc") + more)


def test_every_cut_is_refused() -> None:
    stored = gzip.compress(b"abc" * 100)
    for cut in range(len(stored)):
        with pytest.raises(BadObjectError, match="ends before its end"):
            sha256_of(stored[:cut])


@pytest.mark.parametrize("stored", [b"{}", gzip.compress(b"abc")[:-8] + b"\0" * 8])
def test_damage_is_refused(stored: bytes) -> None:
    with pytest.raises(BadObjectError, match="corrupt"):
        sha256_of(stored)
