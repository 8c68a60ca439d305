"""What fails for all calls alike: one clear line, and the next try is a fresh one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fakes.aws import source_config
from tests.functional.worker.source.raw_server import RawServer, Request, ok, s3_error
from worker.errors import CommonFaultError
from worker.source.notifications import ObjectRef
from worker.source.objects import ObjectReader
from worker.source.queue import Queue
from worker.source.sessions import AwsSession

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.functional

NO_KEYS = {"access_key_id": None, "secret_access_key": None}
UNRESOLVABLE = "http://sqs.trailfeed-test.invalid:9"
SQS_HEAD = (
    "HTTP/1.1 {status} Status\r\nContent-Type: application/x-amz-json-1.0\r\n"
    "x-amzn-RequestId: 1\r\nContent-Length: {length}\r\n\r\n"
)


def sqs_answer(status: int, body: dict[str, object]) -> bytes:
    text = json.dumps(body)
    return (SQS_HEAD.format(status=status, length=len(text)) + text).encode()


def refusal(request: Request, status: int, code: str, message: str) -> bytes:
    """An error of the service that was asked."""
    if "x-amz-target" in request.headers:
        shape = f"com.amazonaws.sqs#{code}"
        return sqs_answer(status, {"__type": shape, "message": message})
    return s3_error(status, code, message)


class Source:
    """A queue and objects behind one endpoint."""

    def __init__(self, endpoint_url: str, **settings: object) -> None:
        source = source_config(endpoint_url=endpoint_url, **settings)
        session = AwsSession(source)
        queue = Queue(session.sqs_client(), source.queue_url)
        objects = ObjectReader(session, source)
        self.calls: dict[str, Callable[[], object]] = {
            "receive": lambda: queue.receive(
                max_messages=1, wait_s=0, visibility_timeout_s=1
            ),
            "object": lambda: objects.read(ObjectRef("trail-logs", "a/b")),
        }


EACH_CALL = pytest.mark.parametrize("call", ["receive", "object"])


@EACH_CALL
def test_keys_that_another_program_replaced_are_taken_once_the_old_ones_are_refused(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.source.credentials.MIN_AGE_S", 0)
    file = tmp_path / "credentials"

    def write(key_id: str) -> None:
        file.write_text(
            f"[default]\naws_access_key_id = {key_id}\naws_secret_access_key = s\n"
        )

    def answer(request: Request) -> bytes:
        if "AKIANEW" in request.headers["authorization"]:
            return sqs_answer(200, {}) if call == "receive" else ok()
        return refusal(request, 403, "ExpiredToken", "The security token is expired")

    write("AKIAOLD")
    with RawServer(answer) as server:
        make = Source(server.url, **NO_KEYS).calls[call]
        with pytest.raises(CommonFaultError) as caught:
            make()
        assert caught.value.code == "credentials_refused"
        write("AKIANEW")
        make()


@EACH_CALL
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("RequestTimeTooSkewed", "The difference between ... is too large"),
        ("SignatureDoesNotMatch", "Signature expired: 2026 is now earlier than 2027"),
        ("InvalidSignatureException", "Signature not yet current: 2027 is still later"),
    ],
)
def test_a_wrong_clock_is_named_and_a_right_one_is_enough(
    call: str, code: str, message: str
) -> None:
    is_wrong = True

    def answer(request: Request) -> bytes:
        if is_wrong:
            return refusal(request, 403, code, message)
        return sqs_answer(200, {}) if call == "receive" else ok()

    with RawServer(answer) as server:
        make = Source(server.url).calls[call]
        with pytest.raises(
            CommonFaultError, match="set this machine's clock"
        ) as caught:
            make()
        assert caught.value.code == "clock_skew"
        is_wrong = False
        make()


@EACH_CALL
def test_a_host_that_cannot_be_resolved_is_a_fault_of_all(call: str) -> None:
    with pytest.raises(CommonFaultError, match="check the network") as caught:
        Source(UNRESOLVABLE).calls[call]()

    assert caught.value.code == "unreachable"
    assert "\n" not in str(caught.value)


@EACH_CALL
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "ThrottlingException"),
        (403, "RequestThrottled"),
        (503, "Throttling"),
    ],
)
def test_throttling_is_tried_a_few_times_and_then_left_to_the_backoff(
    call: str, status: int, code: str
) -> None:
    def answer(request: Request) -> bytes:
        return refusal(request, status, code, "Rate exceeded")

    with RawServer(answer) as server:
        with pytest.raises(CommonFaultError) as caught:
            Source(server.url).calls[call]()
        assert len(server.requests) <= 4

    assert caught.value.code == "throttled"
