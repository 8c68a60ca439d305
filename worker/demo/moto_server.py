"""moto's server as a process of its own, on a free loopback port.

Run as a script, it prints its URL as one line on standard output
and serves until standard input ends, so it never outlives the process that holds the
other end of that pipe, however that one dies.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import Any

from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.sqs.models import SQSBackend

POLL_S = 0.05


def receive_one_at_a_time() -> None:
    """Let moto hand a message to one receiver only.

    Its receive looks for a visible message and hides it in two steps, so that two long
    polls at the same time both get it: far more often than SQS delivers one twice.
    """
    receive = SQSBackend.receive_message
    turn = threading.Lock()

    def receive_message(
        backend: SQSBackend, queue_name: str, count: int, wait_s: int, *more: Any
    ) -> list[Any]:
        give_up_at = time.monotonic() + wait_s
        while True:
            with turn:
                messages: list[Any] = receive(backend, queue_name, count, 0, *more)
            if messages or time.monotonic() >= give_up_at:
                return messages
            time.sleep(POLL_S)

    SQSBackend.receive_message = receive_message  # type: ignore[assignment,method-assign]


def main() -> None:
    """Serve until standard input ends."""
    receive_one_at_a_time()
    # One line a request otherwise.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
