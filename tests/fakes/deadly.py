"""``trailfeed run`` whose workers die of certain objects, and which tells of receives.

::

    python -m tests.fakes.deadly run --config FILE

A worker that decodes an object with ``deadly`` in its key kills itself, one with
``hungry`` takes a lot of memory and comes to no end. Each message
received is a line of the file ``received`` beside the configuration: id and count.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker.__main__ import main
from worker.deliver.segments import Segment, Segmenter
from worker.pool import watch
from worker.source.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.deliver.ledger import HeldObject
    from worker.source.messages import Message

FOLDER = Path(sys.argv[sys.argv.index("--config") + 1]).parent
BALLAST_BYTES = 200 << 20

_segments, _receive = Segmenter.segments, Queue.receive


def segments(self: Segmenter, item: HeldObject, *args: Any, **more: Any) -> Any:
    """Decode an object, or die, or take much memory and come to no end."""
    if "deadly" in item.ref.key:
        os.kill(os.getpid(), signal.SIGKILL)
    if "hungry" in item.ref.key:
        return hungry_segments(item)
    return _segments(self, item, *args, **more)


def hungry_segments(item: HeldObject) -> Iterator[Segment]:
    """Nothing, over and over."""
    ballast = b"x" * BALLAST_BYTES
    while ballast:
        time.sleep(0.01)
        yield Segment(item, 0, 0, (), 0, 0)


def receive(self: Queue, **asked: int) -> list[Message]:
    """Receive, and tell."""
    messages = _receive(self, **asked)
    with (FOLDER / "received").open("a") as file:
        file.writelines(f"{one.id} {one.receive_count}\n" for one in messages)
    return messages


Segmenter.segments = segments  # type: ignore[method-assign]
Queue.receive = receive  # type: ignore[method-assign]
watch.MEASURE_EVERY_S = 0.2

if __name__ == "__main__":
    main()
