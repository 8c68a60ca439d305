"""SQS's JSON protocol over the queues.

Source: Amazon SQS API Reference; its model in botocore (``awsQueryCompatible``: the
code that clients see is the one in ``x-amzn-query-error``).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes.aws_standin.faults import SQS_CALL_FAULTS, SQS_DELETE_FAULTS
from tests.fakes.aws_standin.queues import Queue, SqsError, State
from tests.fakes.aws_standin.wire import NO_ANSWER, Answer, Ending

if TYPE_CHECKING:
    from tests.fakes.aws_standin.faults import Faults

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
TARGET_PREFIX = "AmazonSQS."
MAX_BATCH = 10

Respond = Callable[[Answer], None]
Fields = dict[str, Any]

# Codes of the query protocol whose shape in the JSON protocol has another name.
_SHAPES = {"NonExistentQueue": "QueueDoesNotExist"}
_HEADERS = b"Content-Type: application/x-amz-json-1.0\r\n"
_REFUSALS = {
    "sqs_500": ("InternalFailure", 500),
    "sqs_503": ("ServiceUnavailable", 503),
    "sqs_throttled": ("RequestThrottled", 403),
    "sqs_expired_token": ("ExpiredToken", 403),
    "sqs_no_delete": ("ServiceUnavailable", 503),
}


@dataclass(slots=True, eq=False)
class _Poll:
    """A long poll that waits for messages."""

    fields: Fields
    respond: Respond
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class Sqs:
    """Answers SQS's calls.

    Args:
        faults: Asked at each call.
        clock: Monotonic, but for the time that the control lets pass.
        endpoint_url: Where queue URLs begin.
    """

    faults: Faults
    clock: Callable[[], float]
    endpoint_url: str = ""
    queues: dict[str, Queue] = field(default_factory=dict)
    calls: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    _polls: defaultdict[str, deque[_Poll]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    _timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)

    def url_of(self, name: str) -> str:
        return f"{self.endpoint_url}/{ACCOUNT_ID}/{name}"

    def answer(self, action: str, body: bytes, respond: Respond) -> None:
        """Answer a call, now or, for a long poll, later."""
        self.calls[action] += 1
        is_delete = action.startswith("DeleteMessage")
        possible = SQS_DELETE_FAULTS if is_delete else SQS_CALL_FAULTS
        match self.faults.draw(possible, self.clock()):
            case None:
                pass
            case "sqs_slow":
                respond = _delayed(respond, self.faults.slow_s)
            case "sqs_hang":
                respond(
                    Answer(
                        sent_bytes=-1,
                        ending=Ending.CLOSED,
                        delay_s=self.faults.hang_s,
                    )
                )
                return
            case "sqs_reset":
                respond(NO_ANSWER)
                return
            case "sqs_lost_answer":
                respond = _losing(respond)
            case refusal:
                code, status = _REFUSALS[refusal]
                respond(_error(SqsError(code, "a fault that was ordered", status)))
                return
        try:
            fields: Fields = json.loads(body)
            if action == "ReceiveMessage":
                self._receive(fields, respond)
                return
            result = self._do(action, fields)
        except SqsError as error:
            respond(_error(error))
            return
        respond(Answer(body=json.dumps(result).encode(), headers=_HEADERS))

    def wake(self, queue: Queue) -> None:
        """Serve the long polls of a queue as far as it has messages."""
        queue.pass_time(self.clock())
        polls = self._polls[queue.name]
        while polls and queue.has_visible:
            poll = polls.popleft()
            if poll.timer is not None:
                poll.timer.cancel()
            self._hand_out(queue, poll.fields, poll.respond)
        if polls:
            self._wake_at_next_change(queue)

    def _do(self, action: str, fields: Fields) -> Fields:  # noqa: PLR0911 - a table
        match action:
            case "DeleteMessage":
                self._queue(fields).delete(fields["ReceiptHandle"])
                return {}
            case "DeleteMessageBatch":
                queue = self._queue(fields)
                return self._batch(fields, lambda e: queue.delete(e["ReceiptHandle"]))
            case "ChangeMessageVisibility":
                self._change(self._queue(fields), fields)
                return {}
            case "ChangeMessageVisibilityBatch":
                queue = self._queue(fields)
                return self._batch(fields, lambda e: self._change(queue, e))
            case "SendMessage":
                return self._send(self._queue(fields), fields)
            case "SendMessageBatch":
                queue = self._queue(fields)
                return self._batch(fields, lambda e: self._send(queue, e))
            case "GetQueueAttributes":
                return {"Attributes": self._attributes(self._queue(fields), fields)}
            case "GetQueueUrl":
                name = fields["QueueName"]
                return {"QueueUrl": self.url_of(self._queue({"QueueUrl": name}).name)}
            case _:
                raise SqsError("InvalidAction", f"{action} is not stood in for")

    def _queue(self, fields: Fields) -> Queue:
        name = str(fields.get("QueueUrl", "")).rpartition("/")[2]
        try:
            return self.queues[name]
        except KeyError:
            raise SqsError(
                "AWS.SimpleQueueService.NonExistentQueue",
                "The specified queue does not exist.",
            ) from None

    def _receive(self, fields: Fields, respond: Respond) -> None:
        queue = self._queue(fields)
        queue.pass_time(self.clock())
        wait_s = fields.get("WaitTimeSeconds", queue.wait_time_s)
        if queue.has_visible or not wait_s:
            self._hand_out(queue, fields, respond)
            return
        poll = _Poll(fields, respond)
        polls = self._polls[queue.name]
        polls.append(poll)

        def give_up() -> None:
            polls.remove(poll)
            self._hand_out(queue, fields, respond)

        poll.timer = asyncio.get_running_loop().call_later(wait_s, give_up)
        self._wake_at_next_change(queue)

    def _hand_out(self, queue: Queue, fields: Fields, respond: Respond) -> None:
        now = self.clock()
        received = queue.receive(
            max_messages=fields.get("MaxNumberOfMessages", 1),
            visibility_timeout_s=fields.get(
                "VisibilityTimeout", queue.visibility_timeout_s
            ),
            now=now,
            wall_ms=wall_ms(),
            duplicates=int(self.faults.strikes("sqs_duplicate", now)),
            rng=self.faults.rng,
        )
        items = ",".join(
            f"{{{message.fragment}"
            f'"ReceiptHandle":"{handle}","Attributes":'
            f'{{"SentTimestamp":"{message.sent_ms}",'
            f'"ApproximateReceiveCount":"{message.receives}",'
            f'"ApproximateFirstReceiveTimestamp":"{message.first_received_ms}"}}}}'
            for message, handle in received
        )
        text = f'{{"Messages":[{items}]}}' if items else "{}"
        respond(Answer(body=text.encode(), headers=_HEADERS))

    def _change(self, queue: Queue, entry: Fields) -> None:
        queue.change_visibility(
            entry["ReceiptHandle"], entry["VisibilityTimeout"], now=self.clock()
        )
        self.wake(queue)

    def _send(self, queue: Queue, entry: Fields) -> Fields:
        id_ = queue.send(
            entry["MessageBody"],
            now=self.clock(),
            wall_ms=wall_ms(),
            delay_s=entry.get("DelaySeconds", 0),
        )
        self.wake(queue)
        return {"MessageId": id_}

    def _batch(self, fields: Fields, act: Callable[[Fields], Fields | None]) -> Fields:
        entries = fields.get("Entries", [])
        if not 1 <= len(entries) <= MAX_BATCH:
            raise SqsError(
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"
                if entries
                else "AWS.SimpleQueueService.EmptyBatchRequest",
                f"{len(entries)} entries",
            )
        successful, failed = [], []
        for entry in entries:
            error = None
            if self.faults.strikes("sqs_partial", self.clock()):
                error = SqsError("InternalError", "a fault that was ordered", 500)
            else:
                try:
                    successful.append({"Id": entry["Id"], **(act(entry) or {})})
                except SqsError as refusal:
                    error = refusal
            if error is not None:
                failed.append(
                    {
                        "Id": entry["Id"],
                        "Code": error.code,
                        "Message": error.message,
                        "SenderFault": error.status < 500,
                    }
                )
        return {"Successful": successful, "Failed": failed}

    def _attributes(self, queue: Queue, fields: Fields) -> Fields:
        queue.pass_time(self.clock())
        values = {
            "ApproximateNumberOfMessages": queue.counts[State.VISIBLE],
            "ApproximateNumberOfMessagesNotVisible": queue.counts[State.IN_FLIGHT],
            "ApproximateNumberOfMessagesDelayed": queue.counts[State.DELAYED],
            "VisibilityTimeout": queue.visibility_timeout_s,
            "ReceiveMessageWaitTimeSeconds": queue.wait_time_s,
            "QueueArn": _arn(queue),
        }
        if queue.dead_letters is not None:
            values["RedrivePolicy"] = json.dumps(
                {
                    "deadLetterTargetArn": _arn(queue.dead_letters),
                    "maxReceiveCount": queue.max_receive_count,
                }
            )
        wanted = fields.get("AttributeNames", [])
        return {
            name: str(value)
            for name, value in values.items()
            if name in wanted or "All" in wanted
        }

    def _wake_at_next_change(self, queue: Queue) -> None:
        """Look again when a hidden message comes back, for the polls that wait."""
        timer = self._timers.pop(queue.name, None)
        if timer is not None:
            timer.cancel()
        at = queue.next_change()
        if at is not None:
            self._timers[queue.name] = asyncio.get_running_loop().call_later(
                max(at - self.clock(), 0.0) + 0.001, self.wake, queue
            )


def wall_ms() -> int:
    """The wall time, which SQS stamps on messages."""
    return time.time_ns() // 1_000_000


def _arn(queue: Queue) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{queue.name}"


def _error(error: SqsError) -> Answer:
    kind = "Sender" if error.status < 500 else "Receiver"
    name = error.code.rpartition(".")[2]
    shape = f"com.amazonaws.sqs#{_SHAPES.get(name, name)}"
    body = json.dumps({"__type": shape, "message": error.message})
    query_error = f"x-amzn-query-error: {error.code};{kind}\r\n".encode()
    return Answer(error.status, body.encode(), _HEADERS + query_error)


def _delayed(respond: Respond, delay_s: float) -> Respond:
    def late(answer: Answer) -> None:
        asyncio.get_running_loop().call_later(delay_s, respond, answer)

    return late


def _losing(respond: Respond) -> Respond:
    return lambda _: respond(NO_ANSWER)
