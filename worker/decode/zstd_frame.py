"""One zstd frame, decompressed in bounded steps. No I/O.

The library's decompressor puts out all that its input yields, and 1 KiB of input can
yield 32 MiB. But no block of a frame yields more than 128 KiB, so it is fed a few whole
blocks at a time.

Source: RFC 8878 §3.1.1 (frames), §3.1.1.2 (blocks), §3.1.2 (skippable frames).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from typing_extensions import Buffer

MAX_BLOCK_BYTES = 1 << 17
"""The most that a block yields (RFC 8878 §3.1.1.2.4)."""

_MAGIC_BYTES = 4
_SKIPPABLE_TAIL = b"\x2a\x4d\x18"
_SKIPPABLE_HEADER_BYTES = 8
_BLOCK_HEADER_BYTES = 3
_CHECKSUM_BYTES = 4
_RLE_BLOCK = 1
_DICTIONARY_ID_BYTES = (0, 1, 2, 4)
_CONTENT_SIZE_BYTES = (0, 2, 4, 8)


class ZstdFrame:
    """The decompressor of one frame, with the interface of ``bz2.BZ2Decompressor``.

    Args:
        decompressor: Serves one frame after the other: to make one takes as long as a
            short frame does.
    """

    def __init__(self, decompressor: zstandard.ZstdDecompressor) -> None:
        self._inflate = decompressor.decompressobj()
        self._pending = b""
        self._left_bytes = 0  # of the part whose header was read
        self._has_begun = False
        self._has_checksum = False
        self._is_skippable = False
        self._is_last_part = False
        self.eof = False
        self.needs_input = True
        self.unused_data = b""

    def decompress(self, data: Buffer, max_length: int = MAX_BLOCK_BYTES) -> bytes:
        """Decompress some whole blocks.

        Args:
            data: The next bytes of the frame, and what may follow it.
            max_length: The most bytes wanted; one block's worth at least may come.

        Raises:
            zstandard.ZstdError: This is no valid frame.
        """
        pending = b"".join((self._pending, data))
        parts_left = max(max_length // MAX_BLOCK_BYTES, 1) - bool(self._left_bytes)
        end = 0
        self.needs_input = True
        while True:
            step = min(self._left_bytes, len(pending) - end)
            end += step
            self._left_bytes -= step
            if self._left_bytes:
                break
            if self._is_last_part:
                self.eof = True
                break
            if not parts_left:
                self.needs_input = False
                break
            if not self._read_header(pending, end):
                break
            parts_left -= 1
        output = b"" if self._is_skippable else self._inflate.decompress(pending[:end])
        if self.eof:
            self._pending, self.unused_data = b"", pending[end:]
            self.needs_input = False
            if not (self._is_skippable or self._inflate.eof):
                raise zstandard.ZstdError("the frame does not end with its last block")
        else:
            self._pending = pending[end:]
        return output

    def _read_header(self, data: bytes, at: int) -> bool:
        """Find out where the next part ends; False if that needs more bytes."""
        size_bytes = (
            self._block_bytes(data, at)
            if self._has_begun
            else self._frame_header_bytes(data, at)
        )
        self._left_bytes = size_bytes or 0
        return size_bytes is not None

    def _frame_header_bytes(self, data: bytes, at: int) -> int | None:
        if data[at + 1 : at + _MAGIC_BYTES] == _SKIPPABLE_TAIL:
            if len(data) < at + _SKIPPABLE_HEADER_BYTES:
                return None
            size = data[at + _MAGIC_BYTES : at + _SKIPPABLE_HEADER_BYTES]
            self._is_skippable = self._is_last_part = True
            return _SKIPPABLE_HEADER_BYTES + int.from_bytes(size, "little")
        if len(data) <= at + _MAGIC_BYTES:
            return None
        self._has_begun = True
        descriptor = data[at + _MAGIC_BYTES]
        is_single_segment = bool(descriptor & 0x20)
        self._has_checksum = bool(descriptor & 0x04)
        content_size_bytes = _CONTENT_SIZE_BYTES[descriptor >> 6]
        if is_single_segment and not content_size_bytes:
            content_size_bytes = 1
        return (
            _MAGIC_BYTES
            + 1
            + (not is_single_segment)  # the window descriptor
            + _DICTIONARY_ID_BYTES[descriptor & 0x03]
            + content_size_bytes
        )

    def _block_bytes(self, data: bytes, at: int) -> int | None:
        header = data[at : at + _BLOCK_HEADER_BYTES]
        if len(header) < _BLOCK_HEADER_BYTES:
            return None
        bits = int.from_bytes(header, "little")
        self._is_last_part = bool(bits & 1)
        is_rle = (bits >> 1) & 0x03 == _RLE_BLOCK
        size_bytes = _BLOCK_HEADER_BYTES + (1 if is_rle else bits >> 3)
        if self._is_last_part and self._has_checksum:
            size_bytes += _CHECKSUM_BYTES
        return size_bytes
