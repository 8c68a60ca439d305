"""Credentials of an assumed role, against an STS that a test scripts."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

from tests.fakes.aws import source_config
from tests.functional.worker.source.raw_server import (
    RawServer,
    Request,
    ok,
    s3_error,
)
from worker.errors import CommonFaultError
from worker.source.notifications import ObjectRef
from worker.source.objects import ObjectReader
from worker.source.queue import Queue
from worker.source.sessions import AwsSession

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.functional

ROLE_ARN = "arn:aws:iam::123456789012:role/trail-reader"


def answer(status: str, body: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n{body}".encode()


class Sts:
    """Gives out other keys at each call, which live as long as it is told."""

    def __init__(self, *, life: dt.timedelta) -> None:
        self._life = life
        self.calls_count = 0

    def __call__(self, _: Request) -> bytes:
        self.calls_count += 1
        expires_at = dt.datetime.now(dt.UTC) + self._life
        return answer(
            "200 OK",
            "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
            f"<AccessKeyId>ASIA{self.calls_count}EXAMPLE</AccessKeyId>"
            "<SecretAccessKey>example</SecretAccessKey>"
            f"<SessionToken>token-{self.calls_count}</SessionToken>"
            f"<Expiration>{expires_at:%Y-%m-%dT%H:%M:%SZ}</Expiration>"
            "</Credentials></AssumeRoleResult></AssumeRoleResponse>",
        )


def test_another_accounts_role_is_asked_for_with_its_external_id() -> None:
    sts = Sts(life=dt.timedelta(hours=1))
    with RawServer(sts) as server:
        source = source_config(
            endpoint_url=server.url,
            role_arn=ROLE_ARN,
            external_id="trail:1/a",
            role_session_name="reader@host",
        )
        AwsSession(source).credential()
        AwsSession(source.model_copy(update={"external_id": ""})).credential()

    asked, without = (parse_qs(one.body.decode()) for one in server.requests)
    assert asked["Action"] == ["AssumeRole"]
    assert asked["RoleArn"] == [ROLE_ARN]
    assert asked["RoleSessionName"] == ["reader@host"]
    assert asked["ExternalId"] == ["trail:1/a"]
    assert "ExternalId" not in without


def test_a_session_that_was_revoked_is_asked_for_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It had an hour to live: nobody would refresh it for that long."""
    monkeypatch.setattr("worker.source.credentials.MIN_AGE_S", 0)
    sts = Sts(life=dt.timedelta(hours=1))

    def answer_all(request: Request) -> bytes:
        if b"AssumeRole" in request.body:
            return sts(request)
        is_old = request.headers["x-amz-security-token"] == "token-1"
        return s3_error(400, "ExpiredToken") if is_old else ok()

    with RawServer(answer_all) as server:
        source = source_config(endpoint_url=server.url, role_arn=ROLE_ARN)
        for key in ("a/b", "a//b"):
            sts.calls_count = 0
            reader = ObjectReader(AwsSession(source), source)
            with pytest.raises(CommonFaultError) as caught:
                reader.read(ObjectRef("bucket", key))
            assert caught.value.code == "credentials_refused"
            assert bytes(reader.read(ObjectRef("bucket", key)).data) == b"abc"
            assert sts.calls_count == 2


def test_credentials_are_kept_while_they_live() -> None:
    sts = Sts(life=dt.timedelta(hours=1))
    with RawServer(sts) as server:
        session = AwsSession(source_config(endpoint_url=server.url, role_arn=ROLE_ARN))
        tokens = {session.credential().session_token for _ in range(3)}

    assert tokens == {"token-1"}
    assert sts.calls_count == 1


def test_credentials_are_refreshed_before_they_expire() -> None:
    sts = Sts(life=dt.timedelta(minutes=5))
    with RawServer(sts) as server:
        session = AwsSession(source_config(endpoint_url=server.url, role_arn=ROLE_ARN))
        first, second = session.credential(), session.credential()

    assert first.session_token != second.session_token


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "503 Unavailable"])
@pytest.mark.parametrize(
    "page", ["<html>proxy<br></html>", "<html></html>", "[]", "null", ""]
)
def test_what_is_not_stss_answer_is_said_to_be_none(status: str, page: str) -> None:
    with RawServer(lambda _: answer(status, page)) as server:
        source = source_config(endpoint_url=server.url, role_arn=ROLE_ARN)
        session = AwsSession(source)
        queue = Queue(session.sqs_client(), source.queue_url)
        calls: list[Callable[[], object]] = [
            session.credential,
            queue.depth,
            lambda: queue.receive(max_messages=1, wait_s=0, visibility_timeout_s=1),
            lambda: ObjectReader(session, source).read(ObjectRef("bucket", "a")),
            lambda: ObjectReader(session, source).read(ObjectRef("bucket", "a//b")),
        ]
        for call in calls:
            with pytest.raises(CommonFaultError, match="proxy") as caught:
                call()
            assert caught.value.code == "no_aws_answer"


def test_a_refused_role_names_the_keys_to_look_at() -> None:
    refused = answer(
        "403 Forbidden",
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error>"
        "</ErrorResponse>",
    )
    with RawServer(lambda _: refused) as server:
        session = AwsSession(source_config(endpoint_url=server.url, role_arn=ROLE_ARN))
        with pytest.raises(CommonFaultError, match=r"source\.external_id") as caught:
            session.credential()

    assert caught.value.code == "role_refused"
