"""An AWS with a wired bucket, and CloudTrail files to put into it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.fakes.daemon import Settings, settings_for
from tests.system.cloudtrail_files import made_up_files, real_files
from worker.demo.aws import EmbeddedAws, Pipeline
from worker.demo.files import cloudtrail_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

END = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def aws() -> Iterator[EmbeddedAws]:
    """moto's server, one for all tests; each has a bucket and a queue of its own."""
    with EmbeddedAws() as embedded:
        yield embedded


@dataclass(frozen=True, slots=True)
class Stage:
    """A bucket that announces into a queue, and a folder to work in."""

    aws: EmbeddedAws
    pipeline: Pipeline
    folder: Path

    def upload(self, count: int, *, seed: int = 1) -> list[str]:
        """Put CloudTrail files into the bucket; return their event ids."""
        event_ids: list[str] = []
        for file in cloudtrail_files(count, end=END, seed=seed):
            self.aws.put_object(self.pipeline.bucket, file.key, file.body)
            event_ids += file.event_ids
        return event_ids

    def put(self, key: str, body: bytes) -> None:
        self.aws.put_object(self.pipeline.bucket, key, body)

    def send(self, body: str) -> None:
        """Put a message into the queue that S3 did not send."""
        self.aws.client("sqs").send_message(
            QueueUrl=self.pipeline.queue_url, MessageBody=body
        )

    def depth(self) -> int:
        return self.aws.queue_depth(self.pipeline.queue_url)

    def visible(self) -> int:
        """Messages that a receive would bring."""
        attributes = self.aws.client("sqs").get_queue_attributes(
            QueueUrl=self.pipeline.queue_url,
            AttributeNames=["ApproximateNumberOfMessages"],
        )["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"])

    def settings(self, address: str) -> Settings:
        return settings_for(self.aws, self.pipeline.queue_url, address, self.folder)


@pytest.fixture
def stage(aws: EmbeddedAws, tmp_path: Path) -> Stage:
    name = uuid.uuid4().hex[:12]
    pipeline = aws.make_pipeline(bucket=f"logs-{name}", queue=f"events-{name}")
    return Stage(aws, pipeline, tmp_path)


@pytest.fixture(params=["made-up", "real"])
def files(request: pytest.FixtureRequest) -> dict[str, bytes]:
    """CloudTrail files by key, gzipped: our own, and where they are, real ones."""
    return made_up_files() if request.param == "made-up" else real_files()
