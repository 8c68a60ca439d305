"""A daemon that runs with this configuration: how it fares, and a message to it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from worker.doctor.finding import Answer, fail, ok, skip, warn
from worker.doctor.measured import Numbers, numbers
from worker.observe.asking import UnreachableError, base_url, page, status

if TYPE_CHECKING:
    from worker.config.model import Config
    from worker.source.queue import Queue

DAEMON: Final = "daemon"
TEST_MESSAGE: Final = "test message"

POLL_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running one.

    Attributes:
        base: Of its status endpoint.
        pids: Of its workers.
    """

    base: str
    numbers: Numbers
    pids: tuple[int, ...]


def look_at_daemon(config: Config) -> Answer[Daemon]:
    """Ask the status endpoint of this configuration; nobody need be there."""
    if not config.status.listen:
        return Answer((skip(DAEMON, "status.listen is empty, so none can be asked"),))
    base = base_url(config.status.listen)
    try:
        document = status(base)
        found = numbers(page(f"{base}/metrics"))
    except UnreachableError:
        said = f"none answers at {base}: nothing was measured, which is no fault"
        return Answer((skip(DAEMON, said),))
    except ValueError:
        said = f"{base} is not trailfeed's"
        return Answer((warn(DAEMON, said, "set status.listen to a free port"),))
    pids = tuple(one["pid"] for one in document["workers"] if one.get("pid"))
    daemon = Daemon(base, found, pids)
    return Answer((_judged(document, found),), daemon)


def _judged(document: dict[str, Any], found: Numbers) -> Any:
    problems = document.get("problems") or {}
    if problems:
        said = "; ".join(f"{name}: {reason}" for name, reason in problems.items())
        return warn(
            DAEMON, f"one runs and is not ready: {said}", "trailfeed top shows more"
        )
    records = sum(one.get("records_delivered", 0) for one in document["workers"])
    test = ", S3's test message was seen" if found.test_events else ""
    return ok(
        DAEMON,
        f"one runs and is ready: {records:,} records delivered in "
        f"{document.get('uptime_s', 0):,.0f} s{test}",
    )


def send_test(
    queue: Queue, config: Config, daemon: Daemon | None, *, timeout_s: float
) -> Answer[bool]:
    """Send a message like S3's own test and see the daemon take and delete it.

    Args:
        queue: The queue; needs ``sqs:SendMessage``.
        config: The whole configuration.
        daemon: Who is to take it; None: nothing is sent.
        timeout_s: How long that may last.
    """
    if daemon is None:
        said = "no daemon of this configuration runs that would take it: none was sent"
        return Answer((skip(TEST_MESSAGE, said),))
    before = daemon.numbers.test_events
    began_at = time.monotonic()
    queue.send(s3_test_message(wants_sns=config.source.uses_sns is True))
    while time.monotonic() < began_at + timeout_s:
        time.sleep(POLL_S)
        if numbers(page(f"{daemon.base}/metrics")).test_events > before:
            took_s = time.monotonic() - began_at
            said = f"sent, received and deleted by the daemon within {took_s:.1f} s"
            return Answer((ok(TEST_MESSAGE, said),), value=True)
    return Answer(
        (
            fail(
                TEST_MESSAGE,
                f"sent, and not taken by the daemon within {timeout_s:g} s: it "
                "receives nothing, or another one took it",
                "see whether it is ready, and whether others receive from the queue",
            ),
        )
    )


def s3_test_message(*, wants_sns: bool) -> str:
    """What S3 sends when a notification is set up, which trailfeed deletes.

    Source: Amazon S3 User Guide, "Event message structure", the test message.
    """
    body = json.dumps(
        {
            "Service": "Amazon S3",
            "Event": "s3:TestEvent",
            "Time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}",
            "Bucket": "trailfeed-doctor",
            "RequestId": "trailfeed-doctor",
            "HostId": "trailfeed-doctor",
        }
    )
    if wants_sns:
        body = json.dumps({"Type": "Notification", "Message": body})
    return body
