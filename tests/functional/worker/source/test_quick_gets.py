"""Small objects read without a thread each, and what is left to the other way."""

from __future__ import annotations

import select
import ssl
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

import pytest

from tests.fakes.aws_standin.process import AwsStandIn
from tests.fakes.certificates import Authority
from tests.functional.worker.source.raw_server import (
    Answer,
    RawServer,
    Request,
    ok,
    s3_error,
)
from worker.config.model import SourceConfig
from worker.demo.aws import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from worker.source.notifications import ObjectRef
from worker.source.objects import ObjectReader
from worker.source.quick_gets import MAX_BYTES, PAUSE_S, QuickGets
from worker.source.sessions import READ_TIMEOUT_S, AwsSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from worker.source.objects import Body

    Ending = Literal["keep", "close", "reset", "hang"]

pytestmark = pytest.mark.functional

PATIENCE_MS = 10_000
REF = ObjectRef("bucket", "AWSLogs/a+b c/ü.json.gz")


class Scene:
    """Quick reads whose time stands still, and whose waiting is done at once."""

    def __init__(
        self,
        endpoint_url: str,
        *,
        busy_reads: int = 1,
        access_key_id: str = ACCESS_KEY_ID,
    ) -> None:
        self.now = 1000.0
        source = SourceConfig.model_validate(
            {
                "queue_url": f"{endpoint_url}/123456789012/q",
                "region": "us-east-1",
                "endpoint_url": endpoint_url,
                "access_key_id": access_key_id,
                "secret_access_key": SECRET_ACCESS_KEY if access_key_id else "",
            }
        )
        session = AwsSession(source)
        self.reader = ObjectReader(session, source)
        self.gets: QuickGets[str] = QuickGets(
            session,
            region_of=self.reader.region_of,
            order=lambda call: call(),
            max_bytes=MAX_BYTES,
            limit=4,
            busy_reads=busy_reads,
            clock=lambda: self.now,
            now=lambda: datetime.now(UTC),
        )

    def start(self, ticket: str = "ticket", ref: ObjectRef = REF) -> bool:
        """Begin; the first attempts make what is needed for it."""
        return any(self.gets.start(ticket, ref) for _ in range(3))

    def wait(self) -> list[tuple[str, Body | None]]:
        """What comes next."""
        while True:
            ready, _, _ = select.select([self.gets], [], [], PATIENCE_MS / 1000)
            assert ready, "nothing came"
            if found := self.gets.service():
                return found

    def read(self, ref: ObjectRef = REF) -> Body | None:
        """One object, from the beginning to the end."""
        assert self.start("one", ref)
        ((ticket, body),) = self.wait()
        assert ticket == "one"
        return body


@contextmanager
def scene_of(answer: Callable[[Request], Answer | bytes]) -> Iterator[Scene]:
    with RawServer(answer) as server:
        scene = Scene(server.url)
        yield scene
        scene.gets.close()


def test_it_reads_what_the_other_way_reads() -> None:
    bodies = {f"k {n}/ü+{n}.gz": bytes([n]) * n * 1000 for n in range(200)}
    with AwsStandIn() as aws:
        aws.make_queue("events")
        aws.load("bucket", bodies, queue="events")
        scene = Scene(aws.endpoint_url)
        waiting = list(bodies)
        found: dict[str, Body | None] = {}
        while len(found) < len(bodies):
            while waiting and scene.start(
                waiting[-1], ObjectRef("bucket", waiting[-1])
            ):
                waiting.pop()
            found.update(scene.wait())
        for key, data in bodies.items():
            body = found[key]
            assert body is not None
            assert body.data == data
            assert body == scene.reader.read(ObjectRef("bucket", key))
        scene.gets.close()


def test_a_version_is_asked_for() -> None:
    with scene_of(lambda _: ok(headers={"x-amz-version-id": "v/1"})) as scene:
        body = scene.read(ObjectRef("bucket", "k", version_id="v/1"))
        assert body is not None
        assert (body.etag, body.version_id, body.region) == ("abc", "v/1", "us-east-1")


@pytest.mark.parametrize(
    "data",
    [
        s3_error(404, "NoSuchKey"),
        s3_error(403, "AccessDenied"),
        s3_error(503, "SlowDown"),
        s3_error(301, "PermanentRedirect"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",  # without an ETag
        ok(length=2),
        ok(length=MAX_BYTES + 1),
        ok(headers={"Transfer-Encoding": "chunked"}),
        b"HTTP/1.0 200 OK\r\n\r\nabc",
    ],
)
def test_all_else_is_for_the_other_way_and_so_are_the_next(data: bytes) -> None:
    answers = [data]
    with scene_of(lambda _: answers[-1]) as scene:
        assert scene.read() is None
        answers.append(ok())
        scene.now += PAUSE_S - 0.1
        assert not scene.start()
        scene.now += 0.2
        body = scene.read()
        assert body is not None
        assert body.data == b"abc"


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("data", [b"", ok()[:20], ok(length=5)])
def test_a_lost_connection_costs_this_read_only(data: bytes, then: Ending) -> None:
    answers = [Answer(data, then)]
    with scene_of(lambda _: answers[-1]) as scene:
        assert scene.read() is None
        answers.append(Answer(ok()))
        assert scene.read() is not None


def test_a_connection_is_used_again_unless_it_ends() -> None:
    said = ["keep-alive", "close", "Close", "keep-alive"]
    with scene_of(lambda _: ok(headers={"Connection": said.pop()})) as scene:
        for _ in range(4):
            assert scene.read() is not None


def test_an_answer_that_does_not_come_is_waited_for_only_so_long() -> None:
    with scene_of(lambda _: Answer(ok()[:30], "hang")) as scene:
        assert scene.start("late")
        scene.now += READ_TIMEOUT_S - 1
        assert scene.gets.service() == []
        scene.now += 2
        assert scene.gets.service() == [("late", None)]
        assert not scene.start()


def test_what_is_not_everyday_is_left_alone() -> None:
    with scene_of(lambda _: ok()) as scene:
        assert scene.read() is not None
        assert not scene.start(ref=ObjectRef("bucket", "a", size_bytes=MAX_BYTES + 1))
        assert not scene.start(ref=ObjectRef("bucket", "\ud800"))
        assert scene.read() is not None


@pytest.mark.parametrize("key", ["a//b", "/a", "a/../b", ".", "a\nb"])
def test_keys_that_clients_like_to_change_are_asked_for_as_they_are(key: str) -> None:
    with RawServer(lambda _: ok()) as server:
        scene = Scene(server.url)
        assert scene.read(ObjectRef("bucket", key)) is not None
        assert scene.reader.read(ObjectRef("bucket", key)).etag == "abc"
        scene.gets.close()
        assert {unquote(target) for target in server.targets} == {f"/bucket/{key}"}


def test_there_are_no_more_connections_than_allowed() -> None:
    with scene_of(lambda _: Answer(b"", "hang")) as scene:
        assert [scene.start(str(n)) for n in range(6)] == 4 * [True] + 2 * [False]


def test_idle_connections_are_closed() -> None:
    with scene_of(lambda _: ok()) as scene:
        assert scene.read() is not None
        scene.now += 60
        assert scene.gets.service() == []
        assert not scene.gets.start("ticket", REF), "a new one is made first"
        assert scene.read() is not None


def test_a_few_reads_a_second_are_worth_no_connections() -> None:
    with RawServer(lambda _: ok()) as server:
        scene = Scene(server.url, busy_reads=8)
        assert not scene.gets.start("first", REF), "it finds out where and who"
        for _ in range(3):
            scene.now += 1.5
            assert scene.gets.service() == []
            assert not any(scene.gets.start(str(n), REF) for n in range(7))
        scene.now += 1.5
        assert scene.gets.service() == []
        assert not any(scene.gets.start(str(n), REF) for n in range(8))
        assert scene.gets.start("ninth", REF)
        assert [ticket for ticket, _ in scene.wait()] == ["ninth"]
        assert len(server.requests) == 1
        scene.gets.close()


def test_a_proxy_is_for_the_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(lambda _: ok()) as server:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        scene = Scene(server.url)
        assert not scene.start()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        scene = Scene(server.url)
        assert scene.read() is not None
        scene.gets.close()


def test_without_credentials_nothing_is_asked() -> None:
    with RawServer(lambda _: ok()) as server:
        assert not Scene(server.url, access_key_id="").start()
        assert server.requests == []


def test_an_impossible_region_is_for_the_other_way() -> None:
    with scene_of(lambda _: ok()) as scene:
        assert not scene.start(ref=ObjectRef("bucket", "k", region="no such region"))
        assert scene.read() is not None


def test_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    pair = authority.sign("server", "127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.cert_file, pair.key_file)
    large = b"x" * 900_000  # many records of TLS
    with RawServer(lambda _: ok(large), tls=tls) as server:
        assert not Scene(server.url).start(), "nobody vouches for it"
        monkeypatch.setenv("AWS_CA_BUNDLE", authority.ca_file)
        scene = Scene(server.url)
        for _ in range(3):
            body = scene.read()
            assert body is not None
            assert body.data == large
        scene.gets.close()
