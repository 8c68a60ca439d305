"""The main job into real shippers: every event once, every field as in the source."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.fakes.daemon import Daemon, merged, wait_until
from tests.system.cloudtrail_files import assert_unchanged, odd_file, records_of
from tests.system.shippers import (
    FluentBit,
    FluentBitOverTls,
    Fluentd,
    FluentdOnUnix,
    FluentdOverTls,
    OtelCollector,
    OtelCollectorOverTcp,
    Settings,
    Shipper,
    Vector,
    VectorOnUnix,
    VectorOverTls,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.system.conftest import Stage


pytestmark = pytest.mark.system

UNTIL_EMPTY = ("--until-empty", "--idle-s", "0.2")


ACKNOWLEDGING = {
    "fluent-bit": FluentBit,
    "fluent-bit-tls": FluentBitOverTls,
    "vector": Vector,
    "vector-tls": VectorOverTls,
    "fluentd": Fluentd,
    "fluentd-tls": FluentdOverTls,
    "otelcol": OtelCollector,
    "otelcol-tcp": OtelCollectorOverTcp,
}
SILENT = {"vector-unix": VectorOnUnix, "fluentd-unix": FluentdOnUnix}


@pytest.fixture(params=ACKNOWLEDGING)
def shipper(request: pytest.FixtureRequest, tmp_path: Path) -> Shipper:
    """A shipper that is not started yet."""
    made: Shipper = (ACKNOWLEDGING | SILENT)[request.param](tmp_path)
    return made


@pytest.mark.parametrize("shipper", ACKNOWLEDGING | SILENT, indirect=True)
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
    assert_unchanged(shipper.records(), files)
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


# The collector's acknowledgement means "in memory".
@pytest.mark.parametrize(
    "shipper", ["fluent-bit", "fluent-bit-tls", "vector", "fluentd"], indirect=True
)
def test_a_killed_shipper_loses_nothing_that_it_acknowledged(
    stage: Stage, shipper: Shipper
) -> None:
    files = {f"AWSLogs/{n}.json.gz": odd_file(n) for n in range(60)}
    source = records_of(files)
    settings = merged(
        stage.settings(""), {"output": {**shipper.output, "chunk_bytes": 8000}}
    )
    for key, body in files.items():
        stage.put(key, body)
    with Daemon(stage.folder, settings) as daemon:
        with shipper:
            wait_until(lambda: len(shipper.records()) >= 100)
            shipper.kill()
        with shipper:
            wait_until(lambda: {r["eventID"] for r in shipper.records()} == set(source))
            wait_until(lambda: stage.depth() == 0)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0


Fault = tuple[Settings, str]

TLS_FAULTS: dict[str, Fault] = {
    "authority": ({"tls_ca_file": ""}, "name its authority in output.tls_ca_file"),
    "name": ({"tls_server_name": "other.example"}, "certificate is not valid for"),
    "certificate": (
        {"tls_cert_file": "", "tls_key_file": ""},
        "see output.tls_cert_file",
    ),
}
HANDSHAKE_FAULTS: dict[str, Fault] = {
    "no-key": (
        {"shared_key": "", "username": "", "password": "", "self_hostname": ""},
        "asks for a shared key, and output.shared_key is empty",
    ),
    "user": ({"username": "eve"}, "username/password mismatch"),
    "password": ({"password": "wrong"}, "username/password mismatch"),
}
OTHER_KEY: Settings = {"shared_key": "another key"}
REFUSALS: dict[str, tuple[type[Shipper], dict[str, Fault]]] = {
    "fluent-bit": (
        FluentBitOverTls,
        {
            "key": (OTHER_KEY, "output.shared_key is most likely not the key"),
            **HANDSHAKE_FAULTS,
            **TLS_FAULTS,
        },
    ),
    "fluentd": (
        FluentdOverTls,
        {"key": (OTHER_KEY, "shared_key mismatch"), **HANDSHAKE_FAULTS, **TLS_FAULTS},
    ),
    "vector": (VectorOverTls, TLS_FAULTS),
}


@pytest.mark.parametrize(
    ("make", "change", "words"),
    [
        pytest.param(make, *fault, id=f"{shipper}-{name}")
        for shipper, (make, faults) in REFUSALS.items()
        for name, fault in faults.items()
    ],
)
def test_what_a_shipper_does_not_accept_is_said_and_waits(
    stage: Stage,
    tmp_path: Path,
    make: Callable[[Path], Shipper],
    change: Settings,
    words: str,
) -> None:
    shipper = make(tmp_path)
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
