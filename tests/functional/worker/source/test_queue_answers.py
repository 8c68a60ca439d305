"""The queue against what answers in SQS's place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.aws import source_config
from tests.functional.worker.source.raw_server import RawServer, dripping
from worker.errors import CommonFaultError
from worker.source.messages import Message
from worker.source.queue import Queue
from worker.source.sessions import AwsSession

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.functional

MESSAGE = Message("m", "h", "b")
CALLS: list[Callable[[Queue], object]] = [
    lambda queue: queue.receive(max_messages=9, wait_s=0, visibility_timeout_s=9),
    lambda queue: queue.delete([MESSAGE]),
    lambda queue: queue.change_visibility([(MESSAGE, 0)]),
    Queue.depth,
    lambda queue: queue.send("body"),
]


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "404 Not Found"])
@pytest.mark.parametrize(
    ("content_type", "page"),
    [
        ("text/html", "<html>proxy<br></html>"),
        ("text/html", ""),
        ("application/json", "[]"),
        ("application/json", "null"),
        ("application/x-amz-json-1.0", '{"Messages":[{"MessageId":"x"}],"Failed":[1]}'),
    ],
)
def test_what_is_not_sqss_answer_is_said_to_be_none(
    status: str, content_type: str, page: str
) -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n"
    answer = f"{head}Content-Length: {len(page)}\r\n\r\n{page}".encode()
    with RawServer(lambda _: answer) as server:
        source = source_config(endpoint_url=server.url)
        queue = Queue(AwsSession(source).sqs_client(), source.queue_url)
        for call in CALLS:
            with pytest.raises(CommonFaultError, match="proxy") as caught:
                call(queue)
            assert caught.value.code == "no_aws_answer"
            assert source.queue_url in str(caught.value)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize("call", CALLS)
def test_an_answer_a_byte_at_a_time_has_a_deadline(
    call: Callable[[Queue], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.source.queue.CALL_S", 0.3)
    monkeypatch.setattr("worker.source.deadlines._LOOK_S", 0.05)
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b" " * 99_999
    with dripping(whole, 0) as url:
        source = source_config(endpoint_url=url)
        queue = Queue(AwsSession(source).sqs_client(), source.queue_url)
        with pytest.raises(CommonFaultError) as caught:
            call(queue)
    assert caught.value.code == "timeout"
    assert source.queue_url in str(caught.value)
