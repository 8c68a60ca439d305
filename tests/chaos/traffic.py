"""What is put into the bucket: CloudTrail-like files with ids that say their place."""

from __future__ import annotations

import gzip
import json
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from worker.demo.calls import EVERYDAY
from worker.demo.events import record

if TYPE_CHECKING:
    from tests.fakes.aws_standin.process import AwsStandIn

BUCKET = "chaos-logs"
QUEUE = "chaos-events"

SMALL_RECORDS = (1, 12)
LARGE_RECORDS = (200, 600)
LARGE_SHARE = 0.08
SHARED_MESSAGE_SHARE = 0.05
ANNOUNCED_TWICE_SHARE = 0.03

_AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
_ID = "@event-id@"


@dataclass(slots=True)
class Traffic:
    """Uploads objects and announces them; the same seed gives the same ones.

    Most are small, some are large; some share one message, and some are announced
    by two.

    Attributes:
        event_ids: All that was sent, in order: ``OBJECT-RECORD``, both counted from 0.
        sent_at: The instant at which an object was announced, by its last event's id;
            only of those that nothing is wrong with.
        objects: How many objects.
        messages: How many messages announce them.
    """

    aws: AwsStandIn
    seed: int
    event_ids: list[str] = field(default_factory=list)
    sent_at: dict[str, float] = field(default_factory=dict)
    objects: int = 0
    messages: int = 0
    _rng: random.Random = field(init=False)
    _templates: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self._rng = rng = random.Random(self.seed)  # noqa: S311 - example data
        self._templates = [
            json.dumps({**record(call, _AT, rng), "eventID": _ID})
            for call, _ in EVERYDAY
        ]

    def send(self, count: int) -> None:
        """Upload so many objects and announce them."""
        single: dict[str, bytes] = {}
        shared: dict[str, bytes] = {}
        twice: list[str] = []
        last_ids: list[str] = []
        for _ in range(count):
            key, body = self._object()
            last_ids.append(self.event_ids[-1])
            if self._rng.random() < SHARED_MESSAGE_SHARE:
                shared[key] = body
                continue
            single[key] = body
            if self._rng.random() < ANNOUNCED_TWICE_SHARE:
                twice.append(key)
        self.aws.load(BUCKET, single, queue=QUEUE)
        more = [announcement([key]) for key in twice]
        if shared:
            self.aws.load(BUCKET, shared)
            more.append(announcement(list(shared)))
        self.aws.send(QUEUE, more)
        self.messages += len(single) + len(more)
        self.sent_at |= dict.fromkeys(last_ids, time.monotonic())

    def send_to(self, bucket: str, count: int) -> None:
        """Upload so many objects into another bucket and announce each."""
        objects = dict(self._object() for _ in range(count))
        self.aws.load(bucket, objects, queue=QUEUE)
        self.messages += count

    def repeat(self, times: int) -> None:
        """Upload one object and announce it so many times, in messages of their own."""
        key, body = self._object()
        self.aws.load(BUCKET, {key: body})
        self.aws.send(QUEUE, [announcement([key])] * times)
        self.messages += times

    def _object(self) -> tuple[str, bytes]:
        rng, number = self._rng, self.objects
        self.objects += 1
        is_large = rng.random() < LARGE_SHARE
        records = rng.randint(*(LARGE_RECORDS if is_large else SMALL_RECORDS))
        ids = [f"{number:06d}-{position:04d}" for position in range(records)]
        self.event_ids += ids
        text = ",".join(
            template.replace(_ID, id_)
            for template, id_ in zip(
                rng.choices(self._templates, k=records), ids, strict=True
            )
        )
        body = gzip.compress(f'{{"Records":[{text}]}}'.encode(), 1, mtime=0)
        return f"AWSLogs/{number:06d}.json.gz", body


def announcement(keys: list[str], bucket: str = BUCKET) -> str:
    """CloudTrail's own message (CloudTrail user guide, SNS notifications)."""
    return json.dumps({"s3Bucket": bucket, "s3ObjectKey": keys})
