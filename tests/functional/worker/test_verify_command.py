"""``trailfeed verify`` as it is run: a trail in S3, and CloudTrail's keys."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.aws import forget_machine
from tests.fakes.digest_chain import BEGIN, BUCKET, HOUR, DigestChain, key_list, log_key
from worker.demo.aws import ACCESS_KEY_ID, SECRET_ACCESS_KEY, EmbeddedAws

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.functional

HOURS = 3
TIMEOUT_S = 60
PERIOD = ("--from", "2026-11-20T22:00Z", "--to", "2026-11-21T01:00Z")


class FakeCloudTrail(BaseHTTPRequestHandler):
    """Answers ListPublicKeys, which moto does not know."""

    asked: list[dict[str, Any]]

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.asked.append(json.loads(self.rfile.read(length)))
        is_known = self.headers["X-Amz-Target"].endswith(".ListPublicKeys")
        body = json.dumps(key_list()).encode()
        self.send_response(200 if is_known else 400)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def cloudtrail() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    asked: list[dict[str, Any]] = []
    handler = type("Handler", (FakeCloudTrail,), {"asked": asked})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as embedded:
        yield embedded


@pytest.fixture
def chain(
    aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[DigestChain]:
    forget_machine(monkeypatch, tmp_path)
    chain = DigestChain()
    chain.add_hours(0, HOURS - 1)
    client = aws.client("s3")
    client.create_bucket(Bucket=BUCKET)
    for key, (body, metadata) in chain.objects.items():
        client.put_object(Bucket=BUCKET, Key=key, Body=body, Metadata=metadata)
    yield chain
    for one in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=one["Key"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def keys(tmp_path: Path) -> str:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(key_list()))
    return str(path)


def _run(
    aws: EmbeddedAws, *arguments: str, cloudtrail: str = ""
) -> subprocess.CompletedProcess[bytes]:
    environ = {
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
    }
    if cloudtrail:
        environ["AWS_ENDPOINT_URL_CLOUDTRAIL"] = cloudtrail
    return subprocess.run(  # noqa: S603 - trailfeed itself
        [sys.executable, "-m", "worker", "verify", *arguments],
        capture_output=True,
        check=False,
        timeout=TIMEOUT_S,
        env=os.environ | environ,
    )


@pytest.mark.parametrize(
    "source",
    [
        "s3://trail",
        "s3://trail/AWSLogs/123456789012/",
        "s3://trail/AWSLogs/123456789012/CloudTrail/us-east-1/",
        "s3://trail/AWSLogs/123456789012/CloudTrail-Digest/us-east-1",
    ],
)
def test_a_trail_is_right_by_the_keys_that_cloudtrail_lists(
    aws: EmbeddedAws,
    chain: DigestChain,
    cloudtrail: tuple[str, list[dict[str, Any]]],
    source: str,
) -> None:
    url, asked = cloudtrail
    done = _run(aws, source, *PERIOD, cloudtrail=url)
    assert done.stderr == b""
    assert done.returncode == 0
    assert done.stdout.decode() == (
        f"{source}: 1 chain, 3 digests signed by CloudTrail, 6 log files named by "
        "them: nothing is wrong\n"
    )
    assert all({"StartTime", "EndTime"} <= request.keys() for request in asked)
    assert len(chain.digests) == HOURS
    assert asked


def test_a_forged_a_missing_and_an_added_log_file(
    aws: EmbeddedAws, chain: DigestChain, keys: str
) -> None:
    client = aws.client("s3")
    client.put_object(Bucket=BUCKET, Key=chain.logs[1], Body=gzip.compress(b"{}"))
    client.delete_object(Bucket=BUCKET, Key=chain.logs[4])
    added = log_key(BEGIN + HOUR + timedelta(minutes=25), unique="Added")
    client.put_object(Bucket=BUCKET, Key=added, Body=gzip.compress(b"{}"))

    done = _run(aws, "s3://trail", *PERIOD, "--public-keys", keys, "--json")

    assert done.returncode == 1
    *findings, totals = map(json.loads, done.stdout.splitlines())
    assert {(one["fault"], one["subject"]) for one in findings} == {
        ("invalid", f"s3://trail/{chain.logs[1]}"),
        ("missing", f"s3://trail/{chain.logs[4]}"),
        ("added", f"s3://trail/{added}"),
    }
    assert totals == {"chains": 1, "digests": 3, "log_files": 6, "findings": 3}


def test_a_forged_digest_is_a_line(
    aws: EmbeddedAws, chain: DigestChain, keys: str
) -> None:
    body, metadata = chain.objects[chain.digests[1]]
    forged = gzip.compress(gzip.decompress(body).replace(b"AbC0", b"Zzz9"))
    client = aws.client("s3")
    client.put_object(
        Bucket=BUCKET, Key=chain.digests[1], Body=forged, Metadata=metadata
    )
    done = _run(aws, "s3://trail", *PERIOD, "--public-keys", keys)
    assert done.returncode == 1
    first, last = done.stdout.decode().splitlines()
    assert first == (
        f"INVALID     s3://trail/{chain.digests[1]}: CloudTrail did not sign it"
    )
    assert last.endswith("4 log files named by them: 1 thing wrong")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "text"),
    [
        (["trail"], 2, "trail: expected s3://BUCKET/PREFIX"),
        (["s3://none"], 1, "cannot list s3://none/: there is no such bucket"),
        (["s3://trail/elsewhere"], 1, "s3://trail/elsewhere: is no trail"),
        (["s3://trail", "--public-keys", "none"], 1, "none: cannot be read"),
        (["s3://trail", "--from", "x"], 2, "--from x: expected a time"),
        (["s3://trail", "--from", "1h", "--to", "2h"], 2, "--from must be before"),
        (["s3://trail", "--account", "1"], 1, "there are no digests"),
        ([], 2, "Missing argument"),
    ],
)
def test_wrong_usage_is_told(
    aws: EmbeddedAws,
    chain: DigestChain,
    arguments: list[str],
    exit_code: int,
    text: str,
) -> None:
    del chain
    done = _run(aws, *arguments)
    assert done.returncode == exit_code
    assert text in " ".join(done.stderr.decode().split())
    assert b"Traceback" not in done.stderr


def test_keys_that_cannot_be_had_end_it(aws: EmbeddedAws, chain: DigestChain) -> None:
    # moto has no ListPublicKeys.
    del chain
    done = _run(aws, "s3://trail", *PERIOD)
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert "--public-keys" in line


def test_without_the_extra_it_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['cryptography'] = None\n"
        "sys.argv = ['trailfeed', 'verify', 's3://trail']\n"
        "from worker.__main__ import main; main()"
    )
    done = subprocess.run(  # noqa: S603 - trailfeed itself
        [sys.executable, "-c", program],
        capture_output=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 1
    assert done.stderr == (
        b"trailfeed: verify needs the package cryptography: "
        b"pip install 'trailfeed[verify]'\n"
    )
