"""A receiver that costs little: acknowledges every chunk and counts its records.

It prints its count whenever a line comes in on standard input, whose end ends it.
"""

from __future__ import annotations

import selectors
import socket
import sys
from pathlib import Path

import msgpack

READ_BYTES = 1 << 20


def serve(path: Path) -> None:
    """Serve on a Unix socket."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(64)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
    unpackers: dict[int, msgpack.Unpacker] = {}
    records = 0
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                selector.register(connection, selectors.EVENT_READ)
                unpackers[connection.fileno()] = msgpack.Unpacker(max_buffer_size=0)
            elif key.fd == sys.stdin.fileno():
                if not sys.stdin.readline():
                    return
                sys.stdout.write(f"{records}\n")
                sys.stdout.flush()
            else:
                peer = key.fileobj
                assert isinstance(peer, socket.socket)
                data = peer.recv(READ_BYTES)
                if not data:
                    selector.unregister(peer)
                    peer.close()
                    continue
                unpacker = unpackers[key.fd]
                unpacker.feed(data)
                for _tag, _entries, option in unpacker:
                    records += option["size"]
                    peer.sendall(msgpack.packb({"ack": option["chunk"]}))


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
