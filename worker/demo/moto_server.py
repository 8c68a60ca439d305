"""moto's server as a process of its own, on a free loopback port.

Run as a script, it prints its URL as one line on standard output
and serves until standard input ends, so it never outlives the process that holds the
other end of that pipe, however that one dies.
"""

from __future__ import annotations

import functools
import logging
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.sqs.models import Queue, SQSBackend

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_S = 0.05


def take_turns() -> None:
    """Let one request at a time change queues.

    moto looks at a queue's messages and makes its changes in two steps. Two requests at
    once hand a message to two receivers, bring a deleted one back or lose a sent one.
    """
    turn = threading.RLock()  # a receive may move messages to another queue

    def in_turn(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def taking_turns(*args: Any, **options: Any) -> Any:
            with turn:
                return function(*args, **options)

        return taking_turns

    for owner, names in (
        (Queue, ("add_message", "delete_message")),
        (SQSBackend, ("change_message_visibility", "purge_queue")),
    ):
        for name in names:
            setattr(owner, name, in_turn(getattr(owner, name)))

    receive = in_turn(SQSBackend.receive_message)

    def receive_message(
        backend: SQSBackend, queue_name: str, count: int, wait_s: int, *more: Any
    ) -> list[Any]:
        give_up_at = time.monotonic() + wait_s
        while True:
            messages: list[Any] = receive(backend, queue_name, count, 0, *more)
            if messages or time.monotonic() >= give_up_at:
                return messages
            time.sleep(POLL_S)

    SQSBackend.receive_message = receive_message  # type: ignore[assignment,method-assign]


def main() -> None:
    """Serve until standard input ends."""
    take_turns()
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
