"""``POST /_control``: what a test orders and asks, as one JSON object a call."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from tests.fakes.aws_standin.buckets import stored_body
from tests.fakes.aws_standin.faults import S3_FAULTS
from tests.fakes.aws_standin.queues import Queue
from tests.fakes.aws_standin.sqs import REGION, wall_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.aws_standin.buckets import Buckets, StoredBody
    from tests.fakes.aws_standin.faults import Faults
    from tests.fakes.aws_standin.sqs import Sqs

PATH = "/_control"

Fields = dict[str, Any]


@dataclass(slots=True)
class Control:
    """Carries out orders; ``do`` names which, the other fields are its arguments.

    Args:
        advance: Lets so many seconds pass for all queues.
    """

    sqs: Sqs
    buckets: Buckets
    faults: Faults
    advance: Callable[[float], None]

    def answer(self, body: bytes) -> tuple[int, bytes]:
        """Return an HTTP status and JSON; 400 and the reason for a bad order."""
        orders: dict[str, Callable[..., Fields]] = {
            "make_queue": self.make_queue,
            "load": self.load,
            "send": self.send,
            "set_faults": self.set_faults,
            "begin_outage": self.begin_outage,
            "fail_bucket": self.fail_bucket,
            "pass_time": self.pass_time,
            "tally": self.tally,
        }
        try:
            fields = json.loads(body)
            result = orders[fields.pop("do")](**fields)
        except (KeyError, TypeError, ValueError) as error:
            return 400, json.dumps({"error": repr(error)}).encode()
        return 200, json.dumps(result).encode()

    def make_queue(
        self,
        name: str,
        *,
        visibility_timeout_s: int = 30,
        wait_time_s: int = 0,
        dead_letters: str = "",
        max_receive_count: int = 10,
    ) -> Fields:
        """Make a queue, whose dead-letter queue must be there."""
        self.sqs.queues[name] = Queue(
            name,
            visibility_timeout_s,
            wait_time_s,
            self.sqs.queues[dead_letters] if dead_letters else None,
            max_receive_count,
        )
        return {"queue_url": self.sqs.url_of(name)}

    def load(
        self,
        bucket: str,
        bodies: list[str],
        objects: list[list[Any]],
        queue: str = "",
    ) -> Fields:
        """Put objects into a bucket, and their notifications into a queue.

        Args:
            bucket: Its name.
            bodies: In base64.
            objects: A key and the number of its body each.
            queue: Empty: no notifications.
        """
        stored = [stored_body(base64.b64decode(body)) for body in bodies]
        announced = []
        for key, number in objects:
            self.buckets.put(bucket, key, stored[number])
            announced.append(_notification(bucket, key, stored[number]))
        return self.send(queue, announced) if queue else {}

    def send(self, queue: str, messages: list[str]) -> Fields:
        """Put messages into a queue."""
        target = self.sqs.queues[queue]
        now, at_ms = self.sqs.clock(), wall_ms()
        ids = [target.send(body, now=now, wall_ms=at_ms) for body in messages]
        self.sqs.wake(target)
        return {"ids": ids}

    def set_faults(
        self,
        probabilities: dict[str, float],
        slow_s: float | None = None,
        hang_s: float | None = None,
    ) -> Fields:
        """Replace the probabilities; an empty map also ends all outages."""
        self.faults.set_probabilities(probabilities)
        if not probabilities:
            self.faults.end_outages()
        if slow_s is not None:
            self.faults.slow_s = slow_s
        if hang_s is not None:
            self.faults.hang_s = hang_s
        return {}

    def begin_outage(self, fault: str, for_s: float) -> Fields:
        """Let each call fail in one way for so long."""
        self.faults.begin_outage(fault, until=self.sqs.clock() + for_s)
        return {}

    def fail_bucket(self, bucket: str, fault: str | None) -> Fields:
        """Let each call of one bucket fail in one way; None: no more."""
        if fault is None:
            self.buckets.failing.pop(bucket, None)
        elif fault in S3_FAULTS:
            self.buckets.failing[bucket] = fault
        else:
            raise ValueError(f"no fault {fault!r} of S3")
        return {}

    def pass_time(self, by_s: float) -> Fields:
        """Let so many seconds pass at once for every hidden message."""
        self.advance(by_s)
        for queue in self.sqs.queues.values():
            self.sqs.wake(queue)
        return {}

    def tally(self, queue: str, *, with_messages: bool = False) -> Fields:
        """Count by state; with each message's own life where asked for."""
        source = self.sqs.queues[queue]
        source.pass_time(self.sqs.clock())
        result: Fields = {
            **{state.value: count for state, count in source.counts.items()},
            "receives": sum(message.receives for message in source.messages),
            "duplicates": sum(message.duplicates for message in source.messages),
            "vain_deletes": sum(message.vain_deletes for message in source.messages),
            "max_receives": max((m.receives for m in source.messages), default=0),
            "calls": dict(self.sqs.calls),
            "gets": self.buckets.gets,
            "faults": dict(self.faults.struck),
        }
        if with_messages:
            result["messages"] = [
                {
                    "id": message.id,
                    "body": message.body,
                    "state": message.state.value,
                    "receives": message.receives,
                    "deletes": message.deletes,
                    "vain_deletes": message.vain_deletes,
                }
                for message in source.messages
            ]
        return result


def _notification(bucket: str, key: str, body: StoredBody) -> str:
    """S3's own message for a new object (S3 User Guide, event message structure)."""
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": "2026-11-20T12:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {
                "key": quote_plus(key, safe="/"),
                "size": len(body.data),
                "eTag": body.etag,
            },
        },
    }
    return json.dumps({"Records": [record]})
