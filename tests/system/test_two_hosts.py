"""Two supervisors share a queue, as two hosts do: they know nothing of each other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fakes.aws_standin.process import AwsStandIn
from tests.fakes.daemon import Daemon, settings_for, wait_until
from tests.fakes.forward_receiver import RecordingReceiver

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system

OBJECTS = 400
RECORDS = 5


def test_two_hosts_share_a_queue(tmp_path: Path) -> None:
    with AwsStandIn() as aws:
        queue_url = aws.make_queue("events")
        bodies = {
            f"AWSLogs/{n}.json": json.dumps(
                {"Records": [{"eventID": f"{n}-{i}"} for i in range(RECORDS)]}
            ).encode()
            for n in range(OBJECTS)
        }
        hosts = []
        for name in ("a", "b"):
            folder = tmp_path / name
            folder.mkdir()
            hosts.append((folder, RecordingReceiver.unix(folder / "forward.sock")))
        (folder_a, receiver_a), (folder_b, receiver_b) = hosts
        with (
            receiver_a,
            receiver_b,
            Daemon(
                folder_a, settings_for(aws, queue_url, receiver_a.address, folder_a)
            ) as a,
            Daemon(
                folder_b, settings_for(aws, queue_url, receiver_b.address, folder_b)
            ) as b,
        ):
            a.wait_for_boot(2)
            b.wait_for_boot(2)
            aws.load("logs", bodies, queue="events")
            wait_until(lambda: aws.depth("events") == 0)
            found = [
                [str(record["eventID"]) for record in receiver.records()]
                for receiver in (receiver_a, receiver_b)
            ]
    everything = [f"{n}-{i}" for n in range(OBJECTS) for i in range(RECORDS)]
    assert sorted(found[0] + found[1]) == sorted(everything), "each of them once"
    assert found[0], "both take their part"
    assert found[1], "both take their part"
