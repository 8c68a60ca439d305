"""The main job into real shippers: every event once, every field as in the source."""

from __future__ import annotations

import gzip
import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.daemon import Daemon, merged, wait_until
from tests.system.shippers import (
    FluentBit,
    FluentBitOverTls,
    Fluentd,
    OtelCollector,
    OtelCollectorOverTcp,
    Vector,
)

if TYPE_CHECKING:
    from tests.system.conftest import Stage
    from tests.system.shippers import Shipper

pytestmark = pytest.mark.system

REAL_FILES = Path(__file__).parents[2] / "../shared/data/cloudtrail/invictus"
UNTIL_EMPTY = ("--until-empty", "--idle-s", "0.2")

Record = dict[str, Any]


@pytest.fixture(
    params=[
        FluentBit,
        FluentBitOverTls,
        Vector,
        Fluentd,
        OtelCollector,
        OtelCollectorOverTcp,
    ],
    ids=[
        "fluent-bit",
        "fluent-bit-tls",
        "vector",
        "fluentd",
        "otelcol",
        "otelcol-tcp",
    ],
)
def shipper(request: pytest.FixtureRequest, tmp_path: Path) -> Shipper:
    """A shipper that is not started yet."""
    made: Shipper = request.param(tmp_path)
    return made


@pytest.fixture(params=["made-up", "real"])
def files(request: pytest.FixtureRequest) -> dict[str, bytes]:
    """CloudTrail files by key, gzipped: our own, and where they are, real ones."""
    if request.param == "made-up":
        return {f"AWSLogs/{n}.json.gz": odd_file(n) for n in range(30)}
    if not REAL_FILES.is_dir():
        pytest.skip(f"no real CloudTrail files at {REAL_FILES}")
    return {
        f"AWSLogs/{path.name}.gz": gzip.compress(path.read_bytes())
        for path in sorted(REAL_FILES.glob("*.json"))
    }


def odd_file(number: int) -> bytes:
    """A file of records with all that tends to get lost on the way."""
    records = [
        {
            "eventID": f"{number}-{n}",
            "eventTime": "2026-11-20T12:00:00Z",
            "additionalEventData": {"bytesTransferredOut": 1376.0, "x-amz-id-2": "a="},
            "requestParameters": {
                "aws:cloudtrail:arn": "arn:aws:…",
                "empty": {},
                "none": None,
                "list": [1, -2, 2**53 + 1, 1e-7, True, "", []],
                "text": 'quote " backslash \\ \u2028 \u202f é ☃ 😀 \u0000',
            },
            "readOnly": False,
        }
        for n in range(20)
    ]
    return gzip.compress(json.dumps({"Records": records}).encode())


def records_of(files: dict[str, bytes]) -> dict[str, Record]:
    """The source's records by event id."""
    return {
        record["eventID"]: record
        for body in files.values()
        for record in json.loads(gzip.decompress(body))["Records"]
    }


def same(left: object, right: object) -> bool:
    """Equal, and of the same types: 1376.0 is not 1376."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            same(left[key], right[key]) for key in left
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


def test_every_event_once_in_order_and_unchanged(
    stage: Stage, shipper: Shipper, files: dict[str, bytes]
) -> None:
    for key, body in files.items():
        stage.put(key, body)
    source = records_of(files)
    settings = merged(stage.settings(""), {"output": shipper.output})
    with shipper, Daemon(stage.folder, settings, *UNTIL_EMPTY) as daemon:
        assert daemon.wait() == 0
        wait_until(lambda: len(shipper.records()) >= len(source))
    arrived = shipper.records()
    assert sorted(record["eventID"] for record in arrived) == sorted(source)
    assert [r["eventID"] for r in arrived if not same(r, source[r["eventID"]])] == []
    place = {record["eventID"]: n for n, record in enumerate(arrived)}
    for body in files.values():
        ids = [r["eventID"] for r in json.loads(gzip.decompress(body))["Records"]]
        assert ids == sorted(ids, key=place.__getitem__)
    assert stage.depth() == 0


def test_a_worker_killed_half_way_loses_nothing(
    stage: Stage, shipper: Shipper, files: dict[str, bytes]
) -> None:
    keys = list(files)
    half = keys[: len(keys) // 2]
    source = records_of(files)
    settings = merged(
        stage.settings(""),
        {
            "output": {
                **shipper.output,
                "chunk_bytes": 8000,
                "window_chunks": 1,
            },
            "source": {"visibility_timeout_s": 5},
        },
    )
    with shipper, Daemon(stage.folder, settings) as daemon:
        for key in half:
            stage.put(key, files[key])
        delivered = records_of({key: files[key] for key in half})
        wait_until(lambda: len(shipper.records()) >= len(delivered))
        wait_until(lambda: stage.depth() == 0)
        daemon.wait_for_boot(2)

        shipper.signal(signal.SIGSTOP)
        for key in keys[len(half) :]:
            stage.put(key, files[key])
        remaining = len(keys) - len(half)
        wait_until(lambda: stage.visible() < remaining)
        daemon.kill_worker(0)
        assert stage.depth() > 0, "there was work left"
        shipper.signal(signal.SIGCONT)

        wait_until(lambda: {r["eventID"] for r in shipper.records()} == set(source))
        wait_until(lambda: stage.depth() == 0)
        assert daemon.has_logged("was killed by SIGKILL")
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0


def test_a_restart_in_mid_stream_loses_nothing(stage: Stage, shipper: Shipper) -> None:
    files = {f"AWSLogs/{n}.json.gz": odd_file(n) for n in range(30)}
    source = records_of(files)
    keys = list(files)
    settings = merged(
        stage.settings(""),
        {"output": {**shipper.output, "chunk_bytes": 8000}},
    )
    with Daemon(stage.folder, settings) as daemon:
        with shipper:
            for key in keys[:10]:
                stage.put(key, files[key])
            wait_until(lambda: len(shipper.records()) >= 100)
        for key in keys[10:20]:
            stage.put(key, files[key])
        wait_until(lambda: daemon.log.count("cannot connect to") >= 2)
        with shipper:
            for key in keys[20:]:
                stage.put(key, files[key])
            wait_until(lambda: {r["eventID"] for r in shipper.records()} == set(source))
            wait_until(lambda: stage.depth() == 0)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shared_key": "another key"}, "output.shared_key is most likely not the key"),
        (
            {"shared_key": "", "username": "", "password": "", "self_hostname": ""},
            "asks for a shared key, and output.shared_key is empty",
        ),
        ({"username": "eve"}, "username/password mismatch"),
        ({"password": "wrong"}, "username/password mismatch"),
        ({"tls_ca_file": ""}, "name its authority in output.tls_ca_file"),
        ({"tls_server_name": "other.example"}, "certificate is not valid for"),
        ({"tls_cert_file": "", "tls_key_file": ""}, "see output.tls_cert_file"),
    ],
    ids=["key", "no-key", "user", "password", "authority", "name", "certificate"],
)
def test_what_fluent_bit_does_not_accept_is_said_and_waits(
    stage: Stage, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    shipper = FluentBitOverTls(tmp_path)
    body = odd_file(1)
    stage.put("AWSLogs/1.json.gz", body)
    right = merged(stage.settings(""), {"output": shipper.output})
    with shipper:
        with Daemon(stage.folder, merged(right, {"output": change})) as daemon:
            wait_until(lambda: any(words in message for message in daemon.messages()))
            daemon.signal(signal.SIGTERM)
            assert daemon.wait() == 0
            assert "Traceback" not in daemon.log
        assert shipper.records() == []
        with Daemon(stage.folder, right, *UNTIL_EMPTY) as daemon:
            assert daemon.wait() == 0
        wait_until(lambda: len(shipper.records()) >= len(records_of({"": body})))
    assert stage.depth() == 0
