"""gzip as CloudTrail writes it: one member, and nothing after it.

The reader of logs takes any number of members, as others do. Here what follows the
first would be content that no hash covers.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, Final

from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

MAX_DIGEST_BYTES: Final = 256 << 20
"""Uncompressed; a digest of 50,000 log files takes 30 MB."""

_BLOCK_BYTES: Final = 1 << 20
_GZIP_WINDOW_BITS: Final = 31  # zlib's number for a gzip header and 32 KiB


def blocks_of(stored: Buffer) -> Iterator[bytes]:
    """Yield the uncompressed content, in blocks of 1 MiB at most.

    Raises:
        BadObjectError: Not gzip, damaged, truncated, or followed by something; perhaps
            after some blocks.

    Source: RFC 1952 §2.2.
    """
    inflate = zlib.decompressobj(_GZIP_WINDOW_BITS)
    rest: Buffer = stored
    while True:
        try:
            block = inflate.decompress(rest, _BLOCK_BYTES)
        except zlib.error as error:
            raise BadObjectError("corrupt", f"the gzip data is corrupt: {error}") from (
                error
            )
        rest = inflate.unconsumed_tail
        if block:
            yield block
        if inflate.eof:
            break
        if not (block or rest):
            raise BadObjectError("truncated", "the gzip data ends before its end")
    if inflate.unused_data:
        raise BadObjectError(
            "trailing_data",
            f"{len(inflate.unused_data):,} bytes follow the gzip data, which no hash "
            "covers",
        )


def sha256_of(stored: Buffer) -> str:
    """The hash of the uncompressed content, in hexadecimal digits.

    Raises:
        BadObjectError: As for :func:`blocks_of`.
    """
    digest = hashlib.sha256()
    for block in blocks_of(stored):
        digest.update(block)
    return digest.hexdigest()


def whole(stored: Buffer) -> bytes:
    """The uncompressed content of a digest.

    Raises:
        BadObjectError: As for :func:`blocks_of`, or it is larger than any digest.
    """
    blocks = []
    size_bytes = 0
    for block in blocks_of(stored):
        size_bytes += len(block)
        if size_bytes > MAX_DIGEST_BYTES:
            raise BadObjectError(
                "over_max_bytes", f"it holds more than {MAX_DIGEST_BYTES:,} bytes"
            )
        blocks.append(block)
    return b"".join(blocks)
