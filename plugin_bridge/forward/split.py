"""One payload taken apart at the boundaries of its entries, which stay undecoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgpack

from plugin_bridge.forward.errors import LocalProtocolError

if TYPE_CHECKING:
    from collections.abc import Sequence

_FEWEST_TO_HALVE = 2


def split_entries(payload: bytes) -> list[bytes]:
    """Return the concatenated msgpack values of ``payload``, one by one.

    Raises:
        LocalProtocolError: The payload is no sequence of whole msgpack values, which
            no encoder of :mod:`.entries` writes.
    """
    unpacker = msgpack.Unpacker(max_buffer_size=max(len(payload), 1))
    unpacker.feed(payload)
    parts: list[bytes] = []
    start = 0
    try:
        while start < len(payload):
            unpacker.skip()
            end = unpacker.tell()
            parts.append(payload[start:end])
            start = end
    except (msgpack.UnpackException, ValueError) as exc:
        raise LocalProtocolError(
            f"no entry at byte {start} of a payload of {len(payload)}"
        ) from exc
    return parts


def halves(parts: Sequence[bytes]) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """Return the first and the second half; the second is one longer if one is.

    Raises:
        LocalProtocolError: Fewer than two parts.
    """
    if len(parts) < _FEWEST_TO_HALVE:
        raise LocalProtocolError(f"{len(parts)} entries cannot be halved")
    middle = len(parts) // 2
    return parts[:middle], parts[middle:]
