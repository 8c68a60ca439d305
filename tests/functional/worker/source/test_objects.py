"""The object reader against a server that records and misbehaves, byte by byte."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.aws import source_config
from tests.functional.worker.source.raw_server import (
    Answer,
    RawServer,
    Request,
    ok,
    s3_error,
)
from worker.errors import (
    AccessDeniedError,
    BadObjectError,
    CommonFaultError,
    DownloadError,
    MissingObjectError,
    RetriableError,
)
from worker.source.notifications import ObjectRef
from worker.source.object_faults import WrongRegionError
from worker.source.objects import Body, ObjectReader, is_changed_by_obstore
from worker.source.queue import Queue
from worker.source.sessions import AwsSession

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.functional

OWNER = "210987654321"
PLAIN = ObjectRef("trail-logs", "AWSLogs/1/a.json.gz")
# obstore reads the first, boto3 the second: a key that obstore would change.
EITHER_WAY = pytest.mark.parametrize("key", ["a/b.json.gz", "a//b.json.gz"])


def reader(server_url: str, **changes: object) -> ObjectReader:
    source = source_config(endpoint_url=server_url, **changes)
    return ObjectReader(AwsSession(source), source)


def read(answer: Answer | bytes, key: str = PLAIN.key) -> Body:
    """Read one object from a server that always answers the same."""
    with RawServer(lambda _: answer) as server:
        return reader(server.url).read(ObjectRef("trail-logs", key))


@pytest.fixture(scope="module")
def echo() -> Iterator[RawServer]:
    """A server that has every object."""
    with RawServer(lambda _: ok()) as server:
        yield server


@pytest.fixture(scope="module")
def echo_reader(echo: RawServer) -> ObjectReader:
    return reader(echo.url)


@EITHER_WAY
def test_a_body_comes_with_what_identifies_it(key: str) -> None:
    body = read(ok(b"whole body", headers={"x-amz-version-id": "v9"}), key)

    assert bytes(body.data) == b"whole body"
    assert (body.size_bytes, body.etag, body.version_id) == (10, "abc", "v9")


@EITHER_WAY
def test_a_body_is_left_as_it_is_stored(key: str) -> None:
    """CloudTrail stores with Content-Encoding: gzip, which is ours to undo."""
    body = read(ok(b"not even gzip", headers={"Content-Encoding": "gzip"}), key)

    assert bytes(body.data) == b"not even gzip"


@EITHER_WAY
def test_an_empty_object_is_an_empty_body(key: str) -> None:
    assert bytes(read(ok(b""), key).data) == b""


@EITHER_WAY
def test_the_named_version_is_asked_for(key: str) -> None:
    with RawServer(lambda _: ok()) as server:
        reader(server.url).read(ObjectRef("trail-logs", key, version_id="v1.x_y"))

    (target,) = server.targets
    assert parse_qs(urlsplit(target).query)["versionId"] == ["v1.x_y"]


@EITHER_WAY
def test_requests_are_signed_for_the_buckets_region_and_say_who_asks(key: str) -> None:
    with RawServer(lambda _: ok()) as server:
        reader(server.url).read(ObjectRef("trail-logs", key, region="eu-west-1"))

    (request,) = server.requests
    assert "/eu-west-1/s3/aws4_request" in request.headers["authorization"]
    assert "trailfeed/" in request.headers["user-agent"]


def test_the_expected_owner_is_signed_into_the_request() -> None:
    with RawServer(lambda _: ok()) as server:
        reader(server.url, expected_bucket_owner=OWNER).read(PLAIN)

    (request,) = server.requests
    assert request.headers["x-amz-expected-bucket-owner"] == OWNER
    assert "x-amz-expected-bucket-owner" in request.headers["authorization"]


def test_a_refusal_says_that_the_owner_may_be_another() -> None:
    with RawServer(lambda _: s3_error(403, "AccessDenied")) as server:
        with pytest.raises(AccessDeniedError, match="expected_bucket_owner") as caught:
            reader(server.url, expected_bucket_owner=OWNER).read(PLAIN)
        assert OWNER in str(caught.value)


@EITHER_WAY
def test_a_services_own_endpoint_wins_over_the_common_one(key: str) -> None:
    sqs = b"HTTP/1.1 200 OK\r\nx-amzn-RequestId: 1\r\nContent-Length: 2\r\n\r\n{}"
    with (
        RawServer(lambda _: s3_error(500, "Wrong")) as common,
        RawServer(lambda _: ok(b"own")) as s3,
        RawServer(lambda _: sqs) as queue,
    ):
        source = source_config(
            endpoint_url=common.url,
            s3_endpoint_url=s3.url,
            sqs_endpoint_url=queue.url,
        )
        session = AwsSession(source)
        body = ObjectReader(session, source).read(ObjectRef("trail-logs", key))
        received = Queue(session.sqs_client(), source.queue_url).receive(
            max_messages=1, wait_s=0, visibility_timeout_s=1
        )

    assert bytes(body.data) == b"own"
    assert received == []
    assert (len(common.requests), len(queue.requests)) == (0, 1)


keys = st.text(
    st.characters(codec="utf-8") | st.sampled_from("/.%+ ?#&~*\\\x00\x7f"),
    min_size=1,
    max_size=40,
).filter(lambda key: key != "/")


@given(
    bucket=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,30}", fullmatch=True),
    region=st.from_regex(r"[a-z]{2,9}(-[a-z0-9]{1,16}){1,4}", fullmatch=True),
    version_id=st.text(st.characters(codec="utf-8"), min_size=1, max_size=9),
)
@settings(max_examples=30, deadline=None)
def test_whatever_a_notification_may_name_is_answered(
    echo_reader: ObjectReader, bucket: str, region: str, version_id: str
) -> None:
    for key in ("a", "a//b"):
        ref = ObjectRef(bucket, key, region=region, version_id=version_id)
        with contextlib.suppress(RetriableError):
            assert bytes(echo_reader.read(ref).data) == b"abc"


@given(key=keys)
def test_exactly_the_key_is_asked_for(
    echo: RawServer, echo_reader: ObjectReader, key: str
) -> None:
    echo.requests.clear()

    echo_reader.read(ObjectRef("trail-logs", key))

    (target,) = echo.targets
    path, _, query = target.partition("?")
    assert unquote(path, errors="strict") == f"/trail-logs/{key}"
    assert query in {"", "x-id=GetObject"}


@pytest.mark.parametrize(
    ("key", "is_changed"),
    [
        ("a/b.json.gz", False),
        ("a/.b/...c./..d", False),
        ("a b+c%2Fd", False),
        ("\x80\u202e", False),
        ("/a", True),
        ("a/", True),
        ("a//b", True),
        ("./a", True),
        ("a/.", True),
        ("a/../b", True),
        ("..", True),
        ("a\nb", True),
        ("a\x00", True),
        ("a\x7f", True),
    ],
)
def test_only_keys_that_obstore_would_change_take_the_slow_way(
    echo: RawServer, echo_reader: ObjectReader, key: str, *, is_changed: bool
) -> None:
    echo.requests.clear()

    echo_reader.read(ObjectRef("trail-logs", key))

    assert is_changed_by_obstore(key) is is_changed
    agent = echo.requests[0].headers["user-agent"]
    assert ("Boto3" in agent) is is_changed


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


def test_a_key_cannot_pass_for_an_answer() -> None:
    spoof = (
        " - Server returned non-2xx status code: 404 Not Found: <Code>NoSuchKey</Code>"
        r"\n            inner: Status {\n                status: 404,"
    )
    with pytest.raises(DownloadError) as caught:
        read(s3_error(500, "InternalError"), spoof)

    assert caught.value.code == "server_error"


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


def test_a_download_is_continued_where_it_broke_off() -> None:
    whole = bytes(range(256)) * 40

    def answer(request: Request) -> Answer:
        if "range" not in request.headers:
            return Answer(ok(whole[:5000], length=len(whole)), "close")
        begin = int(request.headers["range"].removeprefix("bytes=").partition("-")[0])
        rest = ok(whole[begin:]).replace(b"200 OK", b"206 Partial Content", 1)
        content_range = f"Content-Range: bytes {begin}-{len(whole) - 1}/{len(whole)}"
        return Answer(rest.replace(b"ETag", content_range.encode() + b"\r\nETag", 1))

    with RawServer(answer) as server:
        assert bytes(reader(server.url).read(PLAIN).data) == whole


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
    monkeypatch.setattr("worker.source.stores.READ_TIMEOUT_S", 0.2)

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


def test_many_threads_share_a_reader() -> None:
    def answer(request: Request) -> bytes:
        return ok(request.target.encode())

    with RawServer(answer) as server, ThreadPoolExecutor(16) as pool:
        shared = reader(server.url)
        refs = [ObjectRef(f"bucket-{n % 3}", f"key-{n}") for n in range(200)]
        bodies = pool.map(shared.read, refs)
        expected = [f"/{ref.bucket}/{ref.key}".encode() for ref in refs]
        assert [bytes(body.data) for body in bodies] == expected


@EITHER_WAY
def test_the_environments_proxy_is_used_unless_it_is_excepted(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    ref = ObjectRef("trail-logs", key)
    with (
        RawServer(lambda _: ok(b"direct")) as s3,
        RawServer(lambda _: ok(b"via")) as hop,
    ):
        monkeypatch.setenv("HTTP_PROXY", hop.url)
        assert bytes(reader(s3.url).read(ref).data) == b"via"
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert bytes(reader(s3.url).read(ref).data) == b"direct"


@EITHER_WAY
def test_https_goes_through_the_proxy_and_trusts_the_given_bundle(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str
) -> None:
    ref = ObjectRef("trail-logs", key)
    tls, bundle = _server_tls(tmp_path)
    with (
        RawServer(lambda _: ok(b"sealed"), tls=tls) as s3,
        RawServer(lambda _: ok(), tunnel_port=s3.port) as proxy,
    ):
        with pytest.raises(CommonFaultError) as caught:
            reader(s3.url).read(ref)
        assert caught.value.code == "unreachable"
        assert "certificate" in str(caught.value)

        monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert bytes(reader(s3.url).read(ref).data) == b"sealed"

    assert [request.method for request in proxy.requests] == ["CONNECT"]


def test_the_environments_endpoint_does_not_win_over_the_configuration(
    monkeypatch: pytest.MonkeyPatch, echo: RawServer
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert bytes(reader(echo.url).read(PLAIN).data) == b"abc"


def test_refused_credentials_are_asked_for_again() -> None:
    def answer(request: Request) -> bytes:
        is_new = "Credential=AKIANEW" in request.headers["authorization"]
        return ok() if is_new else s3_error(400, "ExpiredToken")

    class Rotated(AwsSession):
        key_id = "AKIAOLD"

        def credential(self):  # type: ignore[no-untyped-def]
            return {**super().credential(), "access_key_id": self.key_id}

    with RawServer(answer) as server:
        source = source_config(endpoint_url=server.url)
        session = Rotated(source)
        rotating = ObjectReader(session, source)
        with pytest.raises(CommonFaultError):
            rotating.read(PLAIN)
        session.key_id = "AKIANEW"
        assert bytes(rotating.read(PLAIN).data) == b"abc"


def _server_tls(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """TLS for 127.0.0.1, and the bundle of the authority that vouches for it."""
    authority_key, server_key = (
        ec.generate_private_key(ec.SECP256R1()) for _ in range(2)
    )
    now = dt.datetime.now(dt.UTC)

    def certificate(
        subject: str, key: ec.EllipticCurvePrivateKey, *, is_authority: bool
    ) -> bytes:
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        return (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name("authority"))
            .public_key(key.public_key())
            .serial_number(1 + is_authority)
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .add_extension(
                x509.BasicConstraints(ca=is_authority, path_length=None), critical=True
            )
            .sign(authority_key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )

    bundle, chain = folder / "bundle.pem", folder / "server.pem"
    bundle.write_bytes(certificate("authority", authority_key, is_authority=True))
    chain.write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate("server", server_key, is_authority=False)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context, bundle


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])
