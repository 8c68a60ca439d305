"""What SQS says of a message, in any shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.fakes.aws import QUEUE_URL, source_config
from worker.errors import CommonFaultError
from worker.source.queue import Queue
from worker.source.sessions import AwsSession

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sqs import SQSClient

    from worker.source.lean_sqs import LeanSqs


@pytest.fixture(scope="module")
def client() -> SQSClient:
    return AwsSession(source_config()).sqs_client()


class RawAnswer:
    """In place of the lean calls: an answer as nobody has looked at it."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    def call(self, action: str, fields: Mapping[str, object]) -> dict[str, Any]:
        del action, fields
        return self._answer


RECEIVED = {
    "MessageId": "m",
    "ReceiptHandle": "h",
    "Body": "body",
    "MD5OfBody": "841a2d689ad86bd1611447453c22c6fc",
    "Attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "1700000000000"},
}


@pytest.mark.parametrize(
    "changes",
    [
        {"Body": 7},
        {"Body": "\ud800", "MD5OfBody": ""},
        {"ReceiptHandle": ["h"]},
        {"MessageId": "\udfff"},
        {"MD5OfBody": "0" * 32},
        {"Attributes": []},
        {"Attributes": {"ApproximateReceiveCount": "9" * 400}},
        {"Attributes": {"ApproximateReceiveCount": -1}},
        {"Attributes": {"SentTimestamp": "9" * 15}},
        {"Attributes": {"SentTimestamp": "9" * 5000}},
    ],
)
def test_a_message_of_another_shape_is_a_failed_call(
    client: SQSClient, changes: dict[str, Any]
) -> None:
    for received, is_well in ((RECEIVED, True), ({**RECEIVED, **changes}, False)):
        lean = RawAnswer({"Messages": [received]})
        queue = Queue(client, QUEUE_URL, cast("LeanSqs", lean))
        if is_well:
            (message,) = queue.receive(
                max_messages=1, wait_s=0, visibility_timeout_s=30
            )
            assert (message.body, message.receive_count) == ("body", 2)
        else:
            with pytest.raises(CommonFaultError, match=r"proxy|AWS"):
                queue.receive(max_messages=1, wait_s=0, visibility_timeout_s=30)
