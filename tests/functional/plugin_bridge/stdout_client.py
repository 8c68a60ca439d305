"""A process that sends numbered JSON lines to the output writer, for ever or a while.

Usage: python -m tests.functional.plugin_bridge.stdout_client SOCKET NAME CHUNKS
"""

from __future__ import annotations

import sys

from plugin_bridge.client import Chunk
from plugin_bridge.forward.entries import JsonLineEncoder
from tests.functional.plugin_bridge.event_loop import client_to, deliver

RECORDS_PER_CHUNK = 20
RECORD_BYTES = 30_000  # a chunk of 600 KB does not fit a socket's buffer


def chunk_of(name: str, number: int) -> Chunk:
    encoder = JsonLineEncoder()
    first = number * RECORDS_PER_CHUNK
    parts = [
        encoder.encode({"from": name, "n": n, "pad": "x" * RECORD_BYTES}, 1, 0)
        for n in range(first, first + RECORDS_PER_CHUNK)
    ]
    return Chunk(f"{name}-{number}", "ct", encoder.assemble(parts), len(parts))


if __name__ == "__main__":
    socket_path, own_name, chunk_count = sys.argv[1:]
    deliver(
        client_to(f"unix://{socket_path}"),
        (chunk_of(own_name, number) for number in range(int(chunk_count))),
        timeout_s=60.0,
    )
