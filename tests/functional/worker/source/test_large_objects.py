"""Large objects, block by block, against a server that misbehaves in between."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.fakes.aws import source_config
from tests.functional.worker.source.raw_server import (
    LAST_MODIFIED,
    Answer,
    RawServer,
    Request,
    ok,
    s3_error,
)
from worker.errors import (
    BadObjectError,
    CommonFaultError,
    DownloadError,
    MissingObjectError,
    OverwrittenError,
)
from worker.source import objects
from worker.source.notifications import ObjectRef
from worker.source.objects import ObjectReader
from worker.source.sessions import AwsSession

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.functional

OWNER = "210987654321"
WHOLE = bytes(range(251)) * 40
WHOLE_BYTES, BLOCK_BYTES = 2000, 700
# An everyday key, and one that clients of HTTP like to change.
EITHER_WAY = pytest.mark.parametrize("key", ["a/b.json.gz", "a//b.json.gz"])


def reader(server_url: str, **changes: object) -> ObjectReader:
    source = source_config(endpoint_url=server_url, **changes)
    return ObjectReader(
        AwsSession(source),
        source,
        max_bytes=len(WHOLE),
        whole_bytes=WHOLE_BYTES,
        block_bytes=BLOCK_BYTES,
    )


def part(request: Request, *, whole: bytes = WHOLE, etag: str = "abc") -> bytes:
    """S3's answer to a request with a range, or without."""
    wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", ""))
    if wanted is None:
        return ok(whole, headers={"ETag": f'"{etag}"'})
    begin, end = int(wanted[1]), int(wanted[2]) + 1
    data = whole[begin:end]
    head = (
        f"HTTP/1.1 206 Partial Content\r\nContent-Length: {len(data)}\r\n"
        f"Content-Range: bytes {begin}-{begin + len(data) - 1}/{len(whole)}\r\n"
        f'ETag: "{etag}"\r\nLast-Modified: {LAST_MODIFIED}\r\n\r\n'
    )
    return head.encode() + data


def read_all(large: ObjectReader, ref: ObjectRef) -> bytes:
    body = large.read(ref)
    found = bytes(body.data)
    while len(found) < body.size_bytes:
        found += bytes(large.read_more(ref, body, len(found)))
    return found


def then(answer: Callable[[Request], Answer | bytes]) -> Callable[[Request], object]:
    """Give the first block as S3 does, and each further one like this."""
    return lambda request: answer(request) if _is_more(request) else part(request)


def _is_more(request: Request) -> bool:
    return "if-match" in request.headers


@EITHER_WAY
@pytest.mark.parametrize("version_id", [None, "v1"])
def test_blocks_make_the_whole(key: str, version_id: str | None) -> None:
    with RawServer(part) as server:
        large = reader(server.url, expected_bucket_owner="")
        ref = ObjectRef("trail-logs", key, version_id=version_id)
        assert read_all(large, ref) == WHOLE
        first, *others = server.requests

    assert "range" not in first.headers
    assert {request.headers["if-match"] for request in others} == {'"abc"'}
    for request in others:
        begin, end = map(int, request.headers["range"][6:].split("-"))
        assert end - begin < BLOCK_BYTES
        assert ("versionId=v1" in request.target) == (version_id is not None)


def test_the_expected_owner_is_signed_into_each_request() -> None:
    with RawServer(part) as server:
        large = reader(server.url, expected_bucket_owner=OWNER)
        assert read_all(large, ObjectRef("trail-logs", "a")) == WHOLE

    for request in server.requests:
        assert request.headers["x-amz-expected-bucket-owner"] == OWNER


@EITHER_WAY
def test_a_small_object_is_read_at_once(key: str) -> None:
    ref = ObjectRef("trail-logs", key, size_bytes=WHOLE_BYTES)
    with RawServer(lambda _: ok(WHOLE[:WHOLE_BYTES])) as server:
        body = reader(server.url).read(ref)

    assert body.is_whole
    assert bytes(body.data) == WHOLE[:WHOLE_BYTES]


@pytest.mark.parametrize("announced_bytes", [None, WHOLE_BYTES - 1])
def test_what_is_larger_than_was_said_comes_in_blocks(
    announced_bytes: int | None,
) -> None:
    ref = ObjectRef("trail-logs", "a", size_bytes=announced_bytes)
    with RawServer(lambda _: ok(WHOLE[:WHOLE_BYTES])) as server:
        body = reader(server.url).read(ref)

    assert memoryview(body.data).nbytes == BLOCK_BYTES
    assert body.size_bytes == WHOLE_BYTES


@EITHER_WAY
def test_nothing_is_large_to_those_who_want_objects_whole(key: str) -> None:
    whole = WHOLE * (1 + objects.WHOLE_BYTES // len(WHOLE))
    with RawServer(lambda _: ok(whole)) as server:
        source = source_config(endpoint_url=server.url)
        body = ObjectReader(AwsSession(source), source).read(
            ObjectRef("trail-logs", key)
        )

    assert body.is_whole
    assert bytes(body.data) == whole


@EITHER_WAY
def test_a_large_object_is_not_read_to_its_end_unasked(key: str) -> None:
    """What S3 would still send is not waited for."""
    answer = Answer(ok(WHOLE[:BLOCK_BYTES], length=len(WHOLE)), "hang")
    with RawServer(lambda _: answer) as server:
        body = reader(server.url).read(ObjectRef("trail-logs", key))

    assert not body.is_whole
    assert body.size_bytes == len(WHOLE)
    assert bytes(body.data) == WHOLE[:BLOCK_BYTES]


@EITHER_WAY
def test_the_limit_holds_for_large_objects_too(key: str) -> None:
    with (
        RawServer(lambda _: ok(WHOLE + b"x")) as server,
        pytest.raises(BadObjectError, match=r"decode\.max_object_bytes"),
    ):
        reader(server.url).read(ObjectRef("trail-logs", key))


@EITHER_WAY
@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (
            lambda _: s3_error(412, "PreconditionFailed"),
            OverwrittenError,
            "overwritten",
        ),
        (lambda r: part(r, etag="other"), OverwrittenError, "overwritten"),
        (lambda r: part(r, whole=WHOLE * 2), OverwrittenError, "overwritten"),
        (lambda _: s3_error(404, "NoSuchKey"), MissingObjectError, "missing_object"),
        (lambda _: ok(WHOLE), DownloadError, "broken_off"),
        (lambda r: Answer(part(r)[:-1], "close"), DownloadError, "broken_off"),
        (lambda r: Answer(part(r)[:-1], "reset"), DownloadError, "broken_off"),
        (lambda _: s3_error(400, "ExpiredToken"), CommonFaultError, None),
        (lambda _: s3_error(503, "SlowDown"), DownloadError, "slow_down"),
    ],
    ids=[
        "412",
        "etag",
        "size",
        "404",
        "no range",
        "cut",
        "reset",
        "expired token",
        "slow down",
    ],
)
def test_each_fault_in_between_has_its_kind(
    key: str,
    answer: Callable[[Request], Answer | bytes],
    kind: type[Exception],
    code: str | None,
) -> None:
    ref = ObjectRef("trail-logs", key)
    with RawServer(then(answer)) as server:  # type: ignore[arg-type]
        large = reader(server.url)
        body = large.read(ref)
        with pytest.raises(kind) as caught:
            large.read_more(ref, body, len(memoryview(body.data)))

    assert type(caught.value) is kind
    assert code in (None, getattr(caught.value, "code", None))
    assert ref.url in str(caught.value)


@EITHER_WAY
def test_a_block_that_failed_is_read_by_the_next_attempt(key: str) -> None:
    ref = ObjectRef("trail-logs", key)
    is_down = True

    def answer(request: Request) -> Answer | bytes:
        return s3_error(403, "AccessDenied") if is_down else part(request)

    with RawServer(then(answer)) as server:  # type: ignore[arg-type]
        large = reader(server.url)
        body = large.read(ref)
        begin = len(memoryview(body.data))
        with pytest.raises(DownloadError):
            large.read_more(ref, body, begin)
        is_down = False
        block = bytes(large.read_more(ref, body, begin))

    assert block == WHOLE[begin : begin + BLOCK_BYTES]
