"""Buckets in other regions than asked: found once, remembered, never chased."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.aws import source_config
from tests.functional.worker.source.raw_server import (
    RawServer,
    Request,
    head,
    ok,
    s3_error,
)
from worker.errors import AccessDeniedError, MissingObjectError
from worker.source.notifications import ObjectRef
from worker.source.object_faults import WrongRegionError
from worker.source.objects import ObjectReader
from worker.source.sessions import AwsSession

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.functional

HOME = "eu-west-1"
OWNER = "210987654321"
NAMED = {"x-amz-bucket-region": HOME}
# An everyday key, and one that clients of HTTP like to change.
EITHER_WAY = pytest.mark.parametrize("key", ["a/b.json.gz", "a//b.json.gz"])


def reader(server: RawServer, **changes: object) -> ObjectReader:
    source = source_config(endpoint_url=server.url, **changes)
    return ObjectReader(AwsSession(source), source)


def signed_for(request: Request) -> str:
    """The region in the signature."""
    return request.headers["authorization"].split("/")[2]


class Bucket:
    """A bucket in ``HOME``, which refuses what is signed for another region.

    Args:
        refusal: The answer to a GET that is signed for another region.
        answers_head: The answer to HEAD.
        at_home: The answer to a GET that is signed for the bucket's region.
    """

    def __init__(
        self, refusal: bytes, answers_head: bytes, at_home: bytes = ok()
    ) -> None:
        self._refusal = refusal
        self._answers_head = answers_head
        self._at_home = at_home

    def __call__(self, request: Request) -> bytes:
        if request.method == "HEAD":
            return self._answers_head
        return self._at_home if signed_for(request) == HOME else self._refusal


REDIRECTS = {
    "bare": (s3_error(301, "PermanentRedirect"), head(301, NAMED)),
    "named": (s3_error(301, "PermanentRedirect", headers=NAMED), head(301, NAMED)),
    "malformed": (
        s3_error(400, "AuthorizationHeaderMalformed", more=f"<Region>{HOME}</Region>"),
        head(400),
    ),
    "malformed-unnamed": (
        s3_error(400, "AuthorizationHeaderMalformed"),
        head(400, NAMED),
    ),
    "opt-in": (s3_error(400, "IllegalLocationConstraintException"), head(200, NAMED)),
    "forbidden": (s3_error(301, "PermanentRedirect"), head(403, NAMED)),
    "followed": (head(307), head(307, NAMED)),
}


@EITHER_WAY
@pytest.mark.parametrize("kind", REDIRECTS)
@pytest.mark.parametrize("told", [None, "us-west-2"])
def test_a_bucket_is_found_where_it_is_and_asked_there_from_then_on(
    key: str, kind: str, told: str | None
) -> None:
    with RawServer(Bucket(*REDIRECTS[kind])) as server:
        shared = reader(server)
        ref = ObjectRef("trail-logs", key, region=told, version_id="v1")
        body = shared.read(ref)
        assert (bytes(body.data), body.region) == (b"abc", HOME)
        assert len(server.requests) <= 3
        first, last = server.requests[0], server.requests[-1]
        assert (signed_for(first), signed_for(last)) == (told or "us-east-1", HOME)
        assert "versionId=v1" in last.target

        server.requests.clear()
        shared.read(ref)
        assert [signed_for(one) for one in server.requests] == [HOME]


@EITHER_WAY
@pytest.mark.parametrize(
    ("answer", "where"),
    [
        (
            lambda _: s3_error(301, "PermanentRedirect", headers=NAMED),
            f"is in {HOME}, but",
        ),
        (
            lambda _: s3_error(301, "PermanentRedirect"),
            "not in us-east-1 but elsewhere, S3 does not say where",
        ),
        (lambda _: head(301), "does not say where"),
        (
            lambda _: s3_error(
                301,
                "PermanentRedirect",
                headers={"x-amz-bucket-region": "evil.example/#"},
            ),
            "does not say where",
        ),
        (
            lambda request: (
                head(200, NAMED)
                if request.method == "HEAD"
                else s3_error(400, "AuthorizationHeaderMalformed")
            ),
            f"is in {HOME}, but",
        ),
    ],
)
def test_a_redirect_is_not_chased(
    key: str, answer: Callable[[Request], bytes], where: str
) -> None:
    with RawServer(answer) as server:
        with pytest.raises(
            WrongRegionError, match=r"source\.s3_endpoint_url"
        ) as caught:
            reader(server).read(ObjectRef("trail-logs", key))
        assert len(server.requests) <= 4

    assert f"s3://trail-logs/{key}" in str(caught.value)
    assert where in str(caught.value)
    assert "\n" not in str(caught.value)


@EITHER_WAY
def test_what_a_bucket_says_at_home_is_its_answer(key: str) -> None:
    bucket = Bucket(*REDIRECTS["bare"], at_home=s3_error(404, "NoSuchKey"))
    with RawServer(bucket) as server, pytest.raises(MissingObjectError):
        reader(server).read(ObjectRef("trail-logs", key))


def test_a_region_is_asked_for_with_the_expected_owner() -> None:
    with RawServer(Bucket(*REDIRECTS["bare"])) as server:
        reader(server, expected_bucket_owner=OWNER).read(ObjectRef("trail-logs", "a"))

    assert [one.method for one in server.requests] == ["GET", "HEAD", "GET"]
    for request in server.requests:
        assert request.headers["x-amz-expected-bucket-owner"] == OWNER


def test_a_temporary_redirect_that_lost_its_signature_is_understood() -> None:
    """It would lead to another host, where nobody knows who asks."""
    with RawServer(lambda _: s3_error(403, "AccessDenied")) as elsewhere:

        def moved(request: Request) -> bytes:
            location = {"Location": elsewhere.url + request.target}
            return head(307, location | NAMED)

        def answer(request: Request) -> bytes:
            is_home = signed_for(request) == HOME and request.method == "GET"
            return ok() if is_home else moved(request)

        with RawServer(answer) as server:
            body = reader(server).read(ObjectRef("trail-logs", "a"))

    assert bytes(body.data) == b"abc"


@EITHER_WAY
@pytest.mark.parametrize(("told", "heads"), [(None, 1), ("us-east-1", 0)])
def test_a_forbidden_object_costs_no_more_than_one_question_a_bucket(
    key: str, told: str | None, heads: int
) -> None:
    def answer(request: Request) -> bytes:
        return head(403) if request.method == "HEAD" else s3_error(403, "AccessDenied")

    with RawServer(answer) as server:
        shared = reader(server)
        for _ in range(3):
            with pytest.raises(AccessDeniedError):
                shared.read(ObjectRef("trail-logs", key, region=told))

    methods = [request.method for request in server.requests]
    assert (methods.count("GET"), methods.count("HEAD")) == (3, heads)
