"""The SQS queue: receive, delete, change visibility, depth, send.

Source: Amazon SQS API Reference, ReceiveMessage, DeleteMessageBatch,
ChangeMessageVisibilityBatch, GetQueueAttributes, SendMessage and SendMessageBatch.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from botocore import xform_name
from botocore.exceptions import ClientError

from worker.errors import CommonFaultError
from worker.source.deadlines import Deadline
from worker.source.faults import (
    AWS_ERRORS,
    NOT_AWS_ERRORS,
    fault_of,
    is_aws_answer,
    no_aws_answer,
    not_aws_fault,
    service_code,
)
from worker.source.messages import Message, count_of, message_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from botocore.exceptions import BotoCoreError
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import (
        BatchResultErrorEntryTypeDef,
        ChangeMessageVisibilityBatchResultTypeDef,
        DeleteMessageBatchResultTypeDef,
        ReceiveMessageResultTypeDef,
        SendMessageBatchResultTypeDef,
    )

    from worker.errors import RetriableError
    from worker.source.lean_sqs import LeanSqs

Item = TypeVar("Item")

NO_QUEUE = "no_queue"
ACCESS_DENIED = "access_denied"
OVER_LIMIT = "over_limit"

CALL_S = 60.0
"""For a whole call, three times the longest poll."""

_MAX_BATCH = 10
_NO_ANSWER = "NoAnswer"
_NO_QUEUE_CODES = ("QueueDoesNotExist", "NonExistentQueue")
_ACCESS_DENIED_CODES = ("AccessDenied", "AccessDeniedException")
_LOST_HANDLE_CODES = ("MessageNotInflight", "ReceiptHandleIsInvalid")
# What else it says of a receipt handle, under a code that stands for anything: it has
# expired, its message "does not exist or is not available for visibility timeout
# change", or the 12 hours are over ("Total VisibilityTimeout … beyond the limit").
_LOST_HANDLE_WORDS = re.compile(
    r"expired|does not exist|not available for visibility|beyond the limit"
)


@dataclass(frozen=True, slots=True)
class Failure:
    """One entry of a batch that SQS did not carry out.

    Attributes:
        code: AWS's own.
        sentence: What SQS said of it, and of which message.
        handle_lost: The receipt handle is good for nothing any more: the message is
            visible again, was received by someone else, is gone, or was hidden for as
            long as SQS allows.
    """

    message: Message
    code: str
    sentence: str
    handle_lost: bool


@dataclass(frozen=True, slots=True)
class Depth:
    """How many messages the queue holds, approximately."""

    visible: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        return self.visible + self.in_flight + self.delayed


class Queue:
    """One SQS queue; safe to use from any thread.

    Nothing is tried again here beyond boto3's own few attempts.

    Args:
        client: Of the queue's region.
        queue_url: Which queue.
        lean: Tried first, for the calls that are made all the time.

    Raises:
        CommonFaultError: From every method: credentials, network, throttling, KMS, no
            such queue, access denied, or an answer that is not AWS's.
        AwsError: From every method: anything else that SQS refuses.
    """

    def __init__(
        self, client: SQSClient, queue_url: str, lean: LeanSqs | None = None
    ) -> None:
        self._client = client
        self._queue_url = queue_url
        self._lean = lean

    def receive(
        self, *, max_messages: int, wait_s: int, visibility_timeout_s: int
    ) -> list[Message]:
        """Receive what is there, or comes within ``wait_s``; perhaps nothing.

        Args:
            max_messages: 1 to 10.
            wait_s: 0 to 20 seconds.
            visibility_timeout_s: 0 to 43,200 seconds, instead of the queue's own.
        """
        with self._asking("receive from", "sqs:ReceiveMessage") as doing:
            response: ReceiveMessageResultTypeDef = self._ask(
                "ReceiveMessage",
                doing,
                MaxNumberOfMessages=max_messages,
                WaitTimeSeconds=wait_s,
                VisibilityTimeout=visibility_timeout_s,
                MessageSystemAttributeNames=[
                    "ApproximateReceiveCount",
                    "SentTimestamp",
                ],
            )
            return [message_of(received) for received in response.get("Messages", ())]

    def delete(self, messages: Sequence[Message]) -> tuple[Failure, ...]:
        """Delete messages, ten a call; safe to repeat.

        Returns:
            Those that SQS did not delete, each with its reason.
        """
        failures: list[Failure] = []
        for batch in _batches(messages):
            with self._asking("delete from", "sqs:DeleteMessage") as doing:
                response: DeleteMessageBatchResultTypeDef = self._ask(
                    "DeleteMessageBatch",
                    doing,
                    Entries=[
                        {"Id": str(n), "ReceiptHandle": message.receipt_handle}
                        for n, message in enumerate(batch)
                    ],
                )
                done = {entry["Id"] for entry in response.get("Successful", ())}
                failures += _failures(batch, done, response.get("Failed", ()))
        return tuple(failures)

    def change_visibility(
        self, changes: Sequence[tuple[Message, int]]
    ) -> tuple[Failure, ...]:
        """Set for how many seconds from now messages stay hidden, ten a call.

        Args:
            changes: Messages, each with 0 to 43,200 seconds; 0 gives it back at once.

        Returns:
            Those that SQS did not change, each with its reason.
        """
        failures: list[Failure] = []
        for batch in _batches(changes):
            with self._asking(
                "extend messages of", "sqs:ChangeMessageVisibility"
            ) as doing:
                response: ChangeMessageVisibilityBatchResultTypeDef = self._ask(
                    "ChangeMessageVisibilityBatch",
                    doing,
                    Entries=[
                        {
                            "Id": str(n),
                            "ReceiptHandle": message.receipt_handle,
                            "VisibilityTimeout": timeout_s,
                        }
                        for n, (message, timeout_s) in enumerate(batch)
                    ],
                )
                done = {entry["Id"] for entry in response.get("Successful", ())}
                failures += _failures(
                    [message for message, _ in batch], done, response.get("Failed", ())
                )
        return tuple(failures)

    def depth(self) -> Depth:
        """Ask how many messages there are."""
        with (
            self._asking("ask for the depth of", "sqs:GetQueueAttributes"),
            Deadline(CALL_S),
        ):
            attributes = self._client.get_queue_attributes(
                QueueUrl=self._queue_url,
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesNotVisible",
                    "ApproximateNumberOfMessagesDelayed",
                ],
            )["Attributes"]
            return Depth(
                visible=count_of(attributes["ApproximateNumberOfMessages"]),
                in_flight=count_of(attributes["ApproximateNumberOfMessagesNotVisible"]),
                delayed=count_of(attributes["ApproximateNumberOfMessagesDelayed"]),
            )

    def attributes(self) -> dict[str, str]:
        """Ask for all that SQS says of the queue, by SQS's own names."""
        with self._asking("look at", "sqs:GetQueueAttributes"), Deadline(CALL_S):
            answer = self._client.get_queue_attributes(
                QueueUrl=self._queue_url, AttributeNames=["All"]
            )
            return {name: str(value) for name, value in answer["Attributes"].items()}

    def send(self, body: str) -> str:
        """Put a message into the queue.

        Returns:
            The id that SQS gave it.
        """
        with self._asking("send to", "sqs:SendMessage"), Deadline(CALL_S):
            return self._client.send_message(
                QueueUrl=self._queue_url, MessageBody=body
            )["MessageId"]

    def send_batch(self, bodies: Sequence[str]) -> dict[int, str]:
        """Put up to ten messages into the queue with one call.

        Returns:
            By their place in ``bodies``, those that SQS did not take, and why.
        """
        with self._asking("send to", "sqs:SendMessage") as doing:
            response: SendMessageBatchResultTypeDef = self._ask(
                "SendMessageBatch",
                doing,
                Entries=[
                    {"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies)
                ],
            )
            done = {entry["Id"] for entry in response.get("Successful", ())}
            said = {
                entry["Id"]: f"{entry['Code']} {entry.get('Message', '')}".rstrip()
                for entry in response.get("Failed", ())
            }
            return {
                n: said.get(str(n), _NO_ANSWER)
                for n in range(len(bodies))
                if str(n) not in done
            }

    def _ask(self, action: str, doing: str, **fields: Any) -> Any:
        """Make a call; by boto3 where the lean one does not go well."""
        fields["QueueUrl"] = self._queue_url
        answer = self._lean.call(action, fields) if self._lean is not None else None
        if answer is None:
            with Deadline(CALL_S):
                answer = getattr(self._client, xform_name(action))(**fields)
            _check_answer(answer, doing)
        return answer

    @contextmanager
    def _asking(self, doing: str, permission: str) -> Iterator[str]:
        """Translate what a call, or the reading of its answer, raises.

        Args:
            doing: As in "receive from".
            permission: What the call needs.
        """
        doing = f"cannot {doing} {self._queue_url}"
        try:
            yield doing
        except AWS_ERRORS as error:
            raise self._fault(error, doing, permission) from error
        except NOT_AWS_ERRORS as error:
            raise not_aws_fault(error, doing) from error

    def _fault(
        self, error: BotoCoreError | ClientError, doing: str, permission: str
    ) -> RetriableError:
        code = service_code(error) if isinstance(error, ClientError) else ""
        if code in _NO_QUEUE_CODES:
            return CommonFaultError(
                NO_QUEUE,
                f"{doing}: there is no such queue: check source.queue_url and "
                "source.region",
            )
        if code in _ACCESS_DENIED_CODES:
            return CommonFaultError(
                ACCESS_DENIED, f"{doing}: access denied: allow {permission}"
            )
        if code == "OverLimit":
            return CommonFaultError(
                OVER_LIMIT,
                f"{doing}: it has as many messages in flight as SQS allows, 120,000",
            )
        return fault_of(error, doing)


def _check_answer(response: Mapping[str, Any], doing: str) -> None:
    # An empty queue's answer holds nothing, and neither does what boto3 makes of a page
    # that some proxy sent.
    if not is_aws_answer(response):
        raise no_aws_answer(doing, "it bears no mark of SQS")


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for begin in range(0, len(items), _MAX_BATCH):
        yield items[begin : begin + _MAX_BATCH]


def _failures(
    batch: Sequence[Message],
    done: set[str],
    failed: Sequence[BatchResultErrorEntryTypeDef],
) -> Iterator[Failure]:
    """Everything that SQS did not say to be done: an unanswered entry is none."""
    errors = {entry["Id"]: entry for entry in failed}
    for n, message in enumerate(batch):
        if str(n) in done:
            continue
        entry = errors.get(str(n))
        code = entry["Code"].rpartition(".")[2] if entry else _NO_ANSWER
        said = entry.get("Message", "") if entry else ""
        yield Failure(
            message=message,
            code=code,
            sentence=f"SQS refused message {message.id}: {code} {said}".rstrip(),
            handle_lost=code in _LOST_HANDLE_CODES
            or (
                code == "InvalidParameterValue"
                and _LOST_HANDLE_WORDS.search(said) is not None
            ),
        )
