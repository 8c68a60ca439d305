from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.stub import Stubber

from tests.fakes.aws import QUEUE_URL, source_config
from worker.errors import AwsError, CommonFaultError
from worker.source.messages import Message
from worker.source.queue import Depth, Queue
from worker.source.sessions import AwsSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_sqs import SQSClient

    Call = tuple[str, Callable[[Queue], object]]


class StubbedQueue:
    """A queue whose client answers from a script and never opens a connection."""

    def __init__(self, client: SQSClient) -> None:
        self.queue = Queue(client, QUEUE_URL)
        self.stub = Stubber(client)

    def answer(
        self,
        operation: str,
        response: dict[str, object],
        expected: dict[str, object] | None = None,
    ) -> None:
        signed = {**response, "ResponseMetadata": {"RequestId": "r1"}}
        self.stub.add_response(operation, signed, expected)

    def fail(self, operation: str, code: str, message: str = "why") -> None:
        self.stub.add_client_error(operation, code, message)


@pytest.fixture(scope="module")
def client() -> SQSClient:
    return AwsSession(source_config()).sqs_client()


@pytest.fixture
def stubbed(client: SQSClient) -> Iterator[StubbedQueue]:
    stubbed = StubbedQueue(client)
    with stubbed.stub:
        yield stubbed
        stubbed.stub.assert_no_pending_responses()


def messages(count: int) -> list[Message]:
    return [Message(f"m{n}", f"handle-{n}", "body") for n in range(count)]


def entries(numbers: range, **more: object) -> list[dict[str, Any]]:
    return [
        {"Id": str(at), "ReceiptHandle": f"handle-{n}", **more}
        for at, n in enumerate(numbers)
    ]


def done(*numbers: int) -> list[dict[str, str]]:
    return [{"Id": str(n)} for n in numbers]


def failed(number: int, code: str, message: str = "") -> dict[str, Any]:
    return {"Id": str(number), "Code": code, "SenderFault": True, "Message": message}


def test_receive_asks_for_the_receive_count_and_the_sent_time(
    stubbed: StubbedQueue,
) -> None:
    stubbed.answer(
        "receive_message",
        {
            "Messages": [
                {
                    "MessageId": "m1",
                    "ReceiptHandle": "h1",
                    "Body": "hello",
                    "Attributes": {
                        "ApproximateReceiveCount": "3",
                        "SentTimestamp": "1709294400500",
                    },
                },
                {"MessageId": "m2", "ReceiptHandle": "h2", "Body": ""},
            ]
        },
        {
            "QueueUrl": QUEUE_URL,
            "MaxNumberOfMessages": 7,
            "WaitTimeSeconds": 20,
            "VisibilityTimeout": 600,
            "MessageSystemAttributeNames": ["ApproximateReceiveCount", "SentTimestamp"],
        },
    )

    found = stubbed.queue.receive(max_messages=7, wait_s=20, visibility_timeout_s=600)

    sent_at = datetime(2024, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
    assert found == [Message("m1", "h1", "hello", 3, sent_at), Message("m2", "h2", "")]


def test_an_empty_queue_gives_no_messages(stubbed: StubbedQueue) -> None:
    stubbed.answer("receive_message", {})

    assert stubbed.queue.receive(max_messages=1, wait_s=0, visibility_timeout_s=1) == []


def test_deletes_go_ten_a_call(stubbed: StubbedQueue) -> None:
    for numbers in (range(10), range(10, 12)):
        stubbed.answer(
            "delete_message_batch",
            {"Successful": done(*range(len(numbers))), "Failed": []},
            {"QueueUrl": QUEUE_URL, "Entries": entries(numbers)},
        )

    assert stubbed.queue.delete(messages(12)) == ()
    assert stubbed.queue.delete([]) == ()


def test_an_entry_that_failed_is_named_with_its_reason(stubbed: StubbedQueue) -> None:
    for failures in ([], [failed(1, "InternalError", "try again")]):
        successful = [n for n in range(10) if not failures or n == 0]
        stubbed.answer(
            "delete_message_batch",
            {"Successful": done(*successful), "Failed": failures},
        )
    every = messages(12)

    (failure,) = stubbed.queue.delete(every)

    assert failure.message is every[11]
    assert (failure.code, failure.handle_lost) == ("InternalError", False)
    assert failure.sentence == "SQS refused message m11: InternalError try again"


def test_an_entry_without_an_answer_is_not_taken_for_done(
    stubbed: StubbedQueue,
) -> None:
    stubbed.answer("delete_message_batch", {"Successful": done(0), "Failed": []})

    (failure,) = stubbed.queue.delete(messages(2))

    assert (failure.message.id, failure.code) == ("m1", "NoAnswer")
    assert not failure.handle_lost


def test_visibility_changes_go_ten_a_call(stubbed: StubbedQueue) -> None:
    for numbers in (range(10), range(10, 11)):
        stubbed.answer(
            "change_message_visibility_batch",
            {"Successful": done(*range(len(numbers))), "Failed": []},
            {"QueueUrl": QUEUE_URL, "Entries": entries(numbers, VisibilityTimeout=30)},
        )

    assert stubbed.queue.change_visibility([(m, 30) for m in messages(11)]) == ()


@pytest.mark.parametrize(
    ("code", "message", "is_lost"),
    [
        ("MessageNotInflight", "", True),
        ("AWS.SimpleQueueService.MessageNotInflight", "", True),
        ("ReceiptHandleIsInvalid", "", True),
        ("InvalidParameterValue", "Reason: The receipt handle has expired.", True),
        (
            "InvalidParameterValue",
            "Value AQEB for parameter ReceiptHandle is invalid. Reason: Message does "
            "not exist or is not available for visibility timeout change.",
            True,
        ),
        (
            "InvalidParameterValue",
            "Total VisibilityTimeout for the message is beyond the limit [43200 "
            "seconds]",
            True,
        ),
        ("InvalidParameterValue", "Value 43201 for VisibilityTimeout is wrong", False),
        ("InternalError", "", False),
    ],
)
def test_a_lost_receipt_handle_is_told_from_other_failures(
    stubbed: StubbedQueue, code: str, message: str, *, is_lost: bool
) -> None:
    stubbed.answer(
        "change_message_visibility_batch",
        {"Successful": [], "Failed": [failed(0, code, message)]},
    )

    (failure,) = stubbed.queue.change_visibility([(messages(1)[0], 600)])

    assert failure.handle_lost is is_lost


def test_depth_counts_visible_hidden_and_delayed(stubbed: StubbedQueue) -> None:
    stubbed.answer(
        "get_queue_attributes",
        {
            "Attributes": {
                "ApproximateNumberOfMessages": "5",
                "ApproximateNumberOfMessagesNotVisible": "2",
                "ApproximateNumberOfMessagesDelayed": "1",
            }
        },
    )

    depth = stubbed.queue.depth()

    assert depth == Depth(visible=5, in_flight=2, delayed=1)
    assert depth.total == 8


def test_a_message_is_sent_as_it_is(stubbed: StubbedQueue) -> None:
    stubbed.answer(
        "send_message",
        {"MessageId": "m9"},
        {"QueueUrl": QUEUE_URL, "MessageBody": '{"é": 1}'},
    )

    assert stubbed.queue.send('{"é": 1}') == "m9"


CALLS: list[Call] = [
    (
        "receive_message",
        lambda queue: queue.receive(max_messages=1, wait_s=0, visibility_timeout_s=1),
    ),
    ("delete_message_batch", lambda queue: queue.delete(messages(1))),
    (
        "change_message_visibility_batch",
        lambda queue: queue.change_visibility([(messages(1)[0], 0)]),
    ),
    ("get_queue_attributes", Queue.depth),
    ("send_message", lambda queue: queue.send("body")),
]


@pytest.mark.parametrize("call", CALLS, ids=[name for name, _ in CALLS])
@pytest.mark.parametrize(
    ("aws_code", "code", "way_out"),
    [
        ("AWS.SimpleQueueService.NonExistentQueue", "no_queue", "source.queue_url"),
        ("QueueDoesNotExist", "no_queue", "source.region"),
        ("AccessDenied", "access_denied", "sqs:"),
        ("AccessDeniedException", "access_denied", "sqs:"),
        ("ExpiredToken", "credentials_refused", "source.access_key_id"),
        ("InvalidClientTokenId", "credentials_refused", "source.access_key_id"),
        ("SignatureDoesNotMatch", "credentials_refused", "source.access_key_id"),
        ("RequestTimeTooSkewed", "clock_skew", "clock"),
        ("RequestThrottled", "throttled", "by itself"),
        ("KmsDisabled", "kms", "kms:Decrypt"),
        ("KMS.DisabledException", "kms", "kms:Decrypt"),
        ("OverLimit", "over_limit", "in flight"),
    ],
)
def test_a_fault_of_all_messages_names_the_queue_and_the_way_out(
    stubbed: StubbedQueue, call: Call, aws_code: str, code: str, way_out: str
) -> None:
    operation, make = call
    stubbed.fail(operation, aws_code)

    with pytest.raises(CommonFaultError) as caught:
        make(stubbed.queue)

    assert caught.value.code == code
    assert QUEUE_URL in str(caught.value)
    assert way_out in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("call", CALLS, ids=[name for name, _ in CALLS])
def test_any_other_refusal_keeps_awss_own_code(
    stubbed: StubbedQueue, call: Call
) -> None:
    operation, make = call
    stubbed.fail(operation, "InvalidParameterValue", "one\ntwo")

    with pytest.raises(AwsError, match="one two") as caught:
        make(stubbed.queue)

    assert caught.value.code == "InvalidParameterValue"
    assert QUEUE_URL in str(caught.value)


@pytest.mark.parametrize("call", CALLS[:3], ids=[name for name, _ in CALLS[:3]])
@pytest.mark.parametrize(
    ("metadata", "is_awss"),
    [
        ({}, False),
        ({"HTTPHeaders": {"content-type": "text/html"}}, False),
        ({"HTTPHeaders": {"content-type": "application/x-amz-json-1.0"}}, True),
        ({"RequestId": "r1", "HTTPHeaders": {}}, True),
    ],
)
def test_an_answer_that_says_nothing_has_to_bear_awss_mark(
    stubbed: StubbedQueue, call: Call, metadata: dict[str, object], *, is_awss: bool
) -> None:
    operation, make = call
    response: dict[str, object]
    response = (
        {} if operation == "receive_message" else {"Successful": [], "Failed": []}
    )
    stubbed.stub.add_response(operation, {**response, "ResponseMetadata": metadata})

    if is_awss:
        make(stubbed.queue)
    else:
        with pytest.raises(CommonFaultError, match="proxy") as caught:
            make(stubbed.queue)
        assert caught.value.code == "no_aws_answer"
        assert QUEUE_URL in str(caught.value)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NoCredentialsError(), "no_credentials"),
        (EndpointConnectionError(endpoint_url="https://sqs.example"), "unreachable"),
        (ConnectTimeoutError(endpoint_url="https://sqs.example"), "unreachable"),
        (ReadTimeoutError(endpoint_url="https://sqs.example"), "timeout"),
    ],
)
def test_what_never_reached_sqs_is_a_fault_of_all_messages(
    monkeypatch: pytest.MonkeyPatch, client: SQSClient, error: Exception, code: str
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(client, "receive_message", fail)
    with pytest.raises(CommonFaultError) as caught:
        Queue(client, QUEUE_URL).receive(
            max_messages=1, wait_s=0, visibility_timeout_s=1
        )

    assert caught.value.code == code


def test_a_depth_that_is_no_number_is_a_failed_call(stubbed: StubbedQueue) -> None:
    stubbed.answer(
        "get_queue_attributes",
        {
            "Attributes": {
                "ApproximateNumberOfMessages": "1" * 400,
                "ApproximateNumberOfMessagesNotVisible": "0",
                "ApproximateNumberOfMessagesDelayed": "0",
            }
        },
    )
    with pytest.raises(CommonFaultError):
        stubbed.queue.depth()
