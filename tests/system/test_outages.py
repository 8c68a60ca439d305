"""What fails for all does not push messages towards the dead-letter queue."""

from __future__ import annotations

import contextlib
import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.fakes.aws_standin.process import AwsStandIn
from tests.fakes.daemon import Daemon, merged, settings_for, wait_until
from tests.fakes.forward_receiver import RecordingReceiver
from worker.demo.files import cloudtrail_files

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system

QUEUE = "events"
END = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BEFORE, DURING = 20, 60


@dataclass(frozen=True, slots=True)
class Outage:
    """How long something is out of order, and how long a receive hides a message."""

    seconds: float = 10.0
    visibility_timeout_s: int = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: ids of events sent and delivered, receives of one message."""

    sent: list[str]
    delivered: list[str]
    most_receives: int
    messages_left: int


def survive(fault: str, outage: Outage, folder: Path) -> Outcome:
    """Deliver files before, during and after an outage.

    Args:
        fault: Of the AWS stand-in, or ``receiver``: there is none.
        outage: How long.
        folder: To work in.
    """
    sent: list[str] = []
    socket_path = folder / "forward.sock"
    with AwsStandIn() as aws, contextlib.ExitStack() as stack:
        queue_url = aws.make_queue(QUEUE)

        def upload(count: int, seed: int) -> None:
            files = list(cloudtrail_files(count, end=END, seed=seed))
            aws.load("logs", {f.key: f.body for f in files}, queue=QUEUE)
            sent.extend(one for file in files for one in file.event_ids)

        first = stack.enter_context(RecordingReceiver.unix(socket_path))
        receivers = [first]
        settings = merged(
            settings_for(aws, queue_url, first.address, folder),
            {
                "source": {
                    "visibility_timeout_s": outage.visibility_timeout_s,
                    "wait_time_s": 1,
                }
            },
        )
        daemon = stack.enter_context(Daemon(folder, settings))

        def delivered() -> list[str]:
            return [
                str(record["eventID"]) for one in receivers for record in one.records()
            ]

        upload(BEFORE, seed=1)
        wait_until(lambda: aws.depth(QUEUE) == 0)
        if fault == "receiver":
            first.close()
            socket_path.unlink()
        else:
            aws.begin_outage(fault, for_s=outage.seconds)
        upload(DURING, seed=2)
        time.sleep(outage.seconds)
        assert set(delivered()) < set(sent)
        if fault == "receiver":
            receivers.append(stack.enter_context(RecordingReceiver.unix(socket_path)))
        wait_until(lambda: set(delivered()) == set(sent))
        wait_until(lambda: aws.depth(QUEUE) == 0)
        most_receives = aws.tally(QUEUE)["max_receives"]
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0
        return Outcome(sent, delivered(), most_receives, aws.depth(QUEUE))


@pytest.mark.parametrize(
    "fault", ["s3_down", "s3_503", "s3_403", "s3_kms", "s3_expired_token", "receiver"]
)
def test_no_message_is_received_again_and_all_is_delivered_once(
    fault: str, tmp_path: Path
) -> None:
    outcome = survive(fault, Outage(), tmp_path)
    assert sorted(outcome.delivered) == sorted(outcome.sent)
    assert outcome.most_receives == 1
    assert outcome.messages_left == 0
