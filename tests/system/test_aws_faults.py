"""AWS fails for a while: trailfeed waits without a fuss, and goes on by itself."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.aws_standin.process import AwsStandIn
from tests.fakes.daemon import Daemon, merged, settings_for, wait_until
from tests.fakes.forward_receiver import RecordingReceiver
from tests.system.conftest import END
from worker.demo.files import cloudtrail_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.daemon import Settings

pytestmark = pytest.mark.system

FILES = 20
OUTAGE_S = 4.0  # boto3's own attempts may take 3 s, and would hide a shorter one
PATIENCE_S = 45.0  # the pause after a failure grows to 30 s at the most
BUCKET = "trail-logs"


@pytest.fixture(scope="module")
def standin() -> Iterator[AwsStandIn]:
    with AwsStandIn() as made:
        yield made


class Scene:
    """A queue, a receiver, and what is to be said of both in the end."""

    def __init__(self, aws: AwsStandIn, receiver: RecordingReceiver) -> None:
        self.aws = aws
        self.receiver = receiver
        self.queue = f"events-{uuid.uuid4().hex[:12]}"
        self.queue_url = aws.make_queue(self.queue)
        self.files = list(cloudtrail_files(FILES, end=END, seed=3))
        self.faults_before = aws.tally(self.queue)["faults"]

    def upload(self) -> None:
        self.aws.load(
            BUCKET, {file.key: file.body for file in self.files}, queue=self.queue
        )

    def settings(self, folder: Path) -> Settings:
        base = settings_for(self.aws, self.queue_url, self.receiver.address, folder)
        return merged(base, {"pool": {"workers": 1}})

    def struck(self, fault: str) -> int:
        """How many calls met the fault, since the scene began."""
        after: dict[str, int] = self.aws.tally(self.queue)["faults"]
        before: dict[str, int] = self.faults_before
        return after.get(fault, 0) - before.get(fault, 0)

    def wait_for_all(self) -> dict[str, Any]:
        """Wait until every record was delivered and every message deleted."""
        event_ids = [event_id for file in self.files for event_id in file.event_ids]
        self.receiver.wait_for_records(len(event_ids), timeout_s=PATIENCE_S)
        wait_until(lambda: self.aws.depth(self.queue) == 0)
        delivered = [str(record["eventID"]) for record in self.receiver.records()]
        assert sorted(delivered) == sorted(event_ids)
        return self.aws.tally(self.queue)


@pytest.fixture
def scene(standin: AwsStandIn, tmp_path: Path) -> Iterator[Scene]:
    with RecordingReceiver.unix(tmp_path / "forward.sock") as receiver:
        yield Scene(standin, receiver)
    standin.set_faults({})


@pytest.mark.parametrize(
    ("fault", "said", "over"),
    [
        ("sqs_500", "InternalFailure", "receiving again"),
        ("sqs_503", "ServiceUnavailable", "receiving again"),
        ("sqs_throttled", "it goes on by itself", "receiving again"),
        ("sqs_expired_token", "check source.access_key_id", "receiving again"),
        ("sqs_reset", "cannot receive from", "receiving again"),
        ("s3_503", "S3 asks to slow down", "objects can be read again"),
        ("s3_kms", "kms:Decrypt", "objects can be read again"),
        ("s3_expired_token", "check source.access_key_id", "objects can be read again"),
        ("s3_down", "s3://trail-logs/", "objects can be read again"),
    ],
)
def test_an_outage_is_waited_for_and_said_once(
    scene: Scene, tmp_path: Path, fault: str, said: str, over: str
) -> None:
    with Daemon(tmp_path, scene.settings(tmp_path)) as daemon:
        daemon.wait_for_boot(1)
        workers = daemon.workers()
        scene.aws.begin_outage(fault, for_s=OUTAGE_S)
        scene.upload()
        tally = scene.wait_for_all()
        wait_until(lambda: daemon.has_logged(over))

        assert daemon.workers() == workers
        complaints = [one for one in daemon.entries() if one["level"] == "error"]
        assert 1 <= len(complaints) <= 3
        assert said in complaints[0]["message"]
        assert "Traceback" not in daemon.log
    # Reads are tried up to three times at once, and 20 objects wait for S3.
    assert 1 <= scene.struck(fault) <= 4 * FILES * 8
    assert tally["max_receives"] == 1, "the outage must not wear out any message"


def test_entries_that_fail_inside_a_good_answer_are_tried_again(
    scene: Scene, tmp_path: Path
) -> None:
    scene.aws.set_faults({"sqs_partial": 1.0})
    scene.upload()
    with Daemon(tmp_path, scene.settings(tmp_path)) as daemon:
        wait_until(lambda: scene.struck("sqs_partial") >= 3 * FILES)
        assert scene.aws.depth(scene.queue) == FILES
        calls = scene.aws.tally(scene.queue)["calls"]
        scene.aws.set_faults({})
        tally = scene.wait_for_all()

        assert len(daemon.workers()) == 1
        assert daemon.has_logged("cannot delete messages: SQS refused message")
        wait_until(lambda: daemon.has_logged("can delete messages again"))
    assert calls["DeleteMessageBatch"] <= 3 * FILES
    assert (tally["deleted"], tally["max_receives"]) == (FILES, 1)
