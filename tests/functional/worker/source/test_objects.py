"""The object reader against a server that records and misbehaves, byte by byte."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.aws import source_config
from tests.functional.worker.source.object_reading import (
    EITHER_WAY,
    OWNER,
    PLAIN,
    read,
    reader,
)
from tests.functional.worker.source.raw_server import RawServer, Request, ok, s3_error
from worker.errors import AccessDeniedError, CommonFaultError, RetriableError
from worker.source.notifications import ObjectRef
from worker.source.objects import ObjectReader
from worker.source.queue import Queue
from worker.source.sessions import AwsSession

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.functional


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
            return replace(super().credential(), access_key_id=self.key_id)

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
