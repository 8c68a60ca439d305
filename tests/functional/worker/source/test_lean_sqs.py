"""The everyday calls of SQS without boto3, and boto3 for all that is not everyday."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.fakes.aws import source_config
from tests.fakes.aws_standin.process import AwsStandIn
from worker.config.model import SourceConfig
from worker.demo.aws import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from worker.errors import RetriableError
from worker.source.lean_sqs import PAUSE_S, LeanSqs
from worker.source.queue import Queue
from worker.source.sessions import AwsSession

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_sqs import SQSClient

pytestmark = pytest.mark.functional

BODIES = [json.dumps({"number": n, "text": "ü"}) for n in range(25)]


class CountedClient:
    """boto3's client, and which of its calls were made."""

    def __init__(self, client: SQSClient) -> None:
        self._client = client
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name != "meta":
            self.calls.append(name)
        return getattr(self._client, name)


class Scene:
    """A queue with both ways to it; time stands still for the lean one."""

    def __init__(self, aws: AwsStandIn) -> None:
        self.now = 0.0
        self.queue_url = aws.make_queue("events")
        aws.send("events", BODIES)
        self.session = AwsSession(
            SourceConfig.model_validate(
                {
                    "queue_url": self.queue_url,
                    "region": aws.region,
                    "endpoint_url": aws.endpoint_url,
                    "access_key_id": ACCESS_KEY_ID,
                    "secret_access_key": SECRET_ACCESS_KEY,
                }
            )
        )
        self.client = CountedClient(self.session.sqs_client())
        self.queue = self.new_queue()

    def new_queue(self) -> Queue:
        client = cast("SQSClient", self.client)
        self.lean = LeanSqs(
            client,
            credential=self.session.credential,
            ca_bundle=None,
            read_timeout_s=30,
            clock=lambda: self.now,
        )
        return Queue(client, self.queue_url, self.lean)

    def receive(self, count: int = 10) -> list[str]:
        messages = self.queue.receive(
            max_messages=count, wait_s=0, visibility_timeout_s=30
        )
        return [message.body for message in messages]


@pytest.fixture
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn() as made:
        yield made


@pytest.fixture
def scene(aws: AwsStandIn) -> Iterator[Scene]:
    made = Scene(aws)
    yield made
    made.lean.close()


def test_everyday_calls_make_none_of_boto3s(aws: AwsStandIn, scene: Scene) -> None:
    messages = []
    while received := scene.queue.receive(
        max_messages=10, wait_s=0, visibility_timeout_s=30
    ):
        messages += received
    assert [message.body for message in messages] == BODIES
    assert all(message.sent_at is not None for message in messages)
    assert scene.queue.change_visibility([(messages[0], 0)]) == ()
    assert scene.queue.delete(messages[1:]) == ()
    assert aws.tally("events")["visible"] == 1
    assert scene.receive() == BODIES[:1]
    assert scene.client.calls == []


def test_what_sqs_refuses_inside_a_batch_is_told(scene: Scene) -> None:
    (first,) = scene.queue.receive(max_messages=1, wait_s=0, visibility_timeout_s=30)
    assert scene.queue.delete([first]) == ()
    (failure,) = scene.queue.change_visibility([(first, 10)])
    assert failure.message is first
    assert failure.handle_lost
    assert scene.client.calls == []


@pytest.mark.parametrize("fault", ["sqs_500", "sqs_expired_token", "sqs_reset"])
def test_a_fault_is_boto3s_and_so_are_the_next_calls(
    aws: AwsStandIn, scene: Scene, fault: str
) -> None:
    aws.set_faults({fault: 1.0})
    with pytest.raises(RetriableError):
        scene.receive()
    assert scene.client.calls == ["receive_message"]
    aws.set_faults({})
    assert scene.receive() == BODIES[:10]
    assert len(scene.client.calls) == 2, "the lean way rests"
    scene.now += PAUSE_S
    assert scene.receive() == BODIES[10:20]
    assert len(scene.client.calls) == 2


def test_a_connection_that_was_idle_for_long_is_not_used_again(
    scene: Scene,
) -> None:
    assert scene.receive() == BODIES[:10]
    scene.now += 3_600
    assert scene.receive() == BODIES[10:20]
    assert scene.client.calls == []


def test_behind_a_proxy_all_calls_are_boto3s(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    scene.queue = scene.new_queue()
    monkeypatch.undo()  # boto3's own client was made without
    assert scene.receive() == BODIES[:10]
    assert scene.client.calls == ["receive_message"]


def test_an_answer_a_byte_at_a_time_has_a_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.source.lean_sqs._WHOLE_S", 0.2)
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b" " * 99_999

    def drip(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            for byte in whole:
                connection.sendall(bytes([byte]))
                time.sleep(0.02)

    with socket.create_server(("127.0.0.1", 0)) as server:
        source = source_config(
            endpoint_url=f"http://127.0.0.1:{server.getsockname()[1]}"
        )
        session = AwsSession(source)
        lean = LeanSqs(
            session.sqs_client(),
            credential=session.credential,
            ca_bundle=None,
            read_timeout_s=0.2,
        )

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                drip(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        assert lean.call("ReceiveMessage", {}) is None, "left to boto3"
        thread.join()
