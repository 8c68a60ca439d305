"""Refusals, broken downloads and silent servers: each is an error of its kind."""

from __future__ import annotations

import pytest

from tests.fakes.aws import source_config
from tests.functional.worker.source.object_reading import (
    EITHER_WAY,
    PLAIN,
    read,
    reader,
)
from tests.functional.worker.source.raw_server import (
    Answer,
    RawServer,
    Request,
    dripping,
    ok,
    s3_error,
)
from worker.errors import (
    AccessDeniedError,
    BadObjectError,
    CommonFaultError,
    DownloadError,
    MissingObjectError,
)
from worker.source.notifications import ObjectRef
from worker.source.object_faults import WrongRegionError
from worker.source.objects import ObjectReader
from worker.source.sessions import AwsSession

pytestmark = pytest.mark.functional


@EITHER_WAY
@pytest.mark.parametrize(
    ("status", "aws_code", "kind", "code"),
    [
        (404, "NoSuchKey", MissingObjectError, "missing_object"),
        (404, "NoSuchVersion", MissingObjectError, "missing_object"),
        (404, "NoSuchBucket", DownloadError, "missing_bucket"),
        (403, "AccessDenied", AccessDeniedError, "access_denied"),
        (403, "InvalidObjectState", DownloadError, "archived"),
        (403, "InvalidAccessKeyId", CommonFaultError, "credentials_refused"),
        (403, "SignatureDoesNotMatch", CommonFaultError, "credentials_refused"),
        (400, "ExpiredToken", CommonFaultError, "credentials_refused"),
        (401, "Unauthorized", CommonFaultError, "credentials_refused"),
        (403, "RequestTimeTooSkewed", CommonFaultError, "clock_skew"),
        (400, "KMS.DisabledException", CommonFaultError, "kms"),
        (400, "AuthorizationHeaderMalformed", WrongRegionError, "wrong_region"),
        (301, "PermanentRedirect", WrongRegionError, "wrong_region"),
        (400, "InvalidArgument", DownloadError, "refused"),
        (405, "MethodNotAllowed", DownloadError, "refused"),
        (500, "InternalError", DownloadError, "server_error"),
        (503, "ServiceUnavailable", DownloadError, "server_error"),
        (503, "SlowDown", DownloadError, "slow_down"),
    ],
)
def test_each_refusal_has_its_kind(
    key: str, status: int, aws_code: str, kind: type[Exception], code: str
) -> None:
    with pytest.raises((DownloadError, CommonFaultError)) as caught:
        read(s3_error(status, aws_code), key)

    assert type(caught.value) is kind
    assert caught.value.code == code
    assert f"s3://trail-logs/{key}" in str(caught.value)
    assert "\n" not in str(caught.value)


@EITHER_WAY
@pytest.mark.parametrize("status", [400, 403, 404, 407])
def test_a_refusal_that_is_not_s3s_own_is_nothing_said_of_the_object(
    key: str, status: int
) -> None:
    page = b"<html><body>denied<br></body></html>"
    head = f"HTTP/1.1 {status} Status\r\nContent-Type: text/html\r\n"
    answer = f"{head}Content-Length: {len(page)}\r\n\r\n".encode() + page

    with pytest.raises(CommonFaultError, match="proxy") as caught:
        read(answer, key)

    assert caught.value.code == "no_aws_answer"


@EITHER_WAY
def test_a_page_in_an_objects_place_is_told_by_its_missing_etag(key: str) -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"

    with pytest.raises(CommonFaultError, match="proxy") as caught:
        read(page, key)

    assert caught.value.code == "no_aws_answer"


@EITHER_WAY
def test_a_403_says_that_it_may_be_a_missing_key(key: str) -> None:
    with pytest.raises(AccessDeniedError, match="s3:ListBucket"):
        read(s3_error(403, "AccessDenied"), key)


@EITHER_WAY
@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("sent", [b"", b"abc"])
def test_a_body_that_ends_early_is_never_taken_for_a_whole_one(
    key: str, then: str, sent: bytes
) -> None:
    answer = Answer(ok(sent, length=300), "close" if then == "close" else "reset")

    with pytest.raises(DownloadError) as caught:
        read(answer, key)

    assert caught.value.code == "broken_off"
    assert f"s3://trail-logs/{key}" in str(caught.value)


@EITHER_WAY
@pytest.mark.parametrize("then", ["close", "reset"])
def test_a_connection_without_an_answer_is_a_failed_download(
    key: str, then: str
) -> None:
    with pytest.raises(DownloadError) as caught:
        read(Answer(b"", "close" if then == "close" else "reset"), key)

    assert caught.value.code == "broken_off"


def test_a_download_that_breaks_off_is_begun_again() -> None:
    whole = bytes(range(256)) * 40
    cut = Answer(ok(whole[:5000], length=len(whole)), "close")
    answers = iter([cut, Answer(ok(whole))])
    with RawServer(lambda _: next(answers)) as server:
        assert bytes(reader(server.url).read(PLAIN).data) == whole


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_byte_now_and_then_has_a_deadline(
    monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr("worker.source.objects.ANSWER_S", 0.3)
    monkeypatch.setattr("worker.source.objects._ATTEMPTS", 1)
    monkeypatch.setattr("worker.source.deadlines._LOOK_S", 0.05)
    whole = ok(b"x" * 1000)
    begun = 0 if part == "head" else whole.index(b"x" * 1000)
    with dripping(whole, begun) as url, pytest.raises(DownloadError) as caught:
        reader(url).read(PLAIN)
    assert caught.value.code == "timeout"
    assert PLAIN.url in str(caught.value)


def test_a_redirect_to_another_host_is_not_followed() -> None:
    with RawServer(lambda _: ok(b"stolen")) as elsewhere:

        def moved(request: Request) -> bytes:
            location = f"Location: {elsewhere.url}{request.target}\r\n"
            head = f"HTTP/1.1 307 Temporary Redirect\r\n{location}"
            return f"{head}Content-Length: 0\r\n\r\n".encode()

        with RawServer(moved) as server, pytest.raises(WrongRegionError):
            reader(server.url, session_token="secret").read(PLAIN)  # noqa: S106
        assert elsewhere.requests == []


def test_two_versions_are_never_joined_into_one_body() -> None:
    def answer(request: Request) -> Answer:
        if "range" not in request.headers:
            return Answer(ok(b"old", length=6), "close")
        rest = ok(b"new", headers={"Content-Range": "bytes 3-5/6"}).replace(
            b"abc", b"other"
        )
        return Answer(rest.replace(b"200 OK", b"206 Partial Content", 1), "close")

    with RawServer(answer) as server, pytest.raises(DownloadError) as caught:
        reader(server.url).read(PLAIN)

    assert caught.value.code == "broken_off"


def test_a_failing_s3_is_asked_a_few_times_and_then_left() -> None:
    answers = iter([s3_error(503, "SlowDown"), s3_error(500, "InternalError"), ok()])
    with RawServer(lambda _: next(answers)) as server:
        assert bytes(reader(server.url).read(PLAIN).data) == b"abc"
    with RawServer(lambda _: s3_error(503, "SlowDown")) as server:
        with pytest.raises(DownloadError):
            reader(server.url).read(PLAIN)
        assert 2 <= len(server.requests) <= 4


@pytest.mark.parametrize("sent", [b"", ok(b"abc", length=300)])
def test_a_server_that_falls_silent_is_given_up(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr("worker.source.objects.ANSWER_S", 0.2)
    monkeypatch.setattr("worker.source.objects._ATTEMPTS", 1)
    monkeypatch.setattr("worker.source.deadlines._LOOK_S", 0.05)

    with pytest.raises(DownloadError) as caught:
        read(Answer(sent, "hang"))

    assert caught.value.code in {"timeout", "broken_off"}


@EITHER_WAY
def test_a_server_that_is_not_there_is_a_fault_of_all_objects(key: str) -> None:
    with RawServer(lambda _: ok()) as server:
        url = server.url

    with pytest.raises(CommonFaultError) as caught:
        reader(url).read(ObjectRef("trail-logs", key))

    assert caught.value.code == "unreachable"


@EITHER_WAY
def test_no_credentials_are_a_fault_of_all_objects(key: str) -> None:
    with RawServer(lambda _: ok()) as server:
        lonely = reader(server.url, access_key_id=None, secret_access_key=None)
        with pytest.raises(CommonFaultError, match=r"source\.access_key_id") as caught:
            lonely.read(ObjectRef("trail-logs", key))

    assert caught.value.code == "no_credentials"
    assert server.requests == []


@EITHER_WAY
def test_a_body_above_the_limit_is_not_read(key: str) -> None:
    with RawServer(lambda _: Answer(ok(b"", length=1 << 50), "hang")) as server:
        source = source_config(endpoint_url=server.url)
        limited = ObjectReader(AwsSession(source), source, max_bytes=1000)
        with pytest.raises(BadObjectError, match=r"decode\.max_object_bytes"):
            limited.read(ObjectRef("trail-logs", key))
