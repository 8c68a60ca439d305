"""``trailfeed doctor`` against an AWS of its own, whole and with one thing broken."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.daemon import Daemon, merged, wait_until
from tests.functional.worker.doctor.scene import BUCKET, TIMEOUT_S, Scene, run

if TYPE_CHECKING:
    from tests.fakes.daemon import Settings
    from tests.fakes.forward_receiver import RecordingReceiver

pytestmark = pytest.mark.functional


# The command ---------------------------------------------------------------------


def test_all_is_well_and_nothing_was_touched(
    scene: Scene, receiver: RecordingReceiver
) -> None:
    scene.deliver_to(receiver)
    before = sorted(scene.folder.iterdir())
    done = run(scene)
    assert (done.returncode, done.stderr) == (0, "")
    *lines, totals = done.stdout.splitlines()
    assert not [line for line in lines if line.startswith("fail")]
    assert f"object                s3://{BUCKET}/{scene.key}" in done.stdout
    assert "17 records" in done.stdout
    assert totals.endswith("0 fail, 3 skip")
    assert receiver.frames() == []
    after = {path for path in scene.folder.iterdir() if path.name != "doctor.toml"}
    assert after == set(before)
    message = scene.aws.client("sqs").receive_message(
        QueueUrl=str(scene.settings["source"]["queue_url"]),
        MessageSystemAttributeNames=["ApproximateReceiveCount"],
    )["Messages"][0]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


def test_findings_as_json(scene: Scene) -> None:
    output: Settings = {
        "output": {"address": "unix:///none/f.sock", "require_ack": True}
    }
    settings = merged(scene.settings, output)
    done = run(scene, "--json", settings=settings)
    assert (done.returncode, done.stderr) == (1, "")
    *findings, totals = map(json.loads, done.stdout.splitlines())
    (failure,) = (one for one in findings if one["verdict"] == "fail")
    assert failure["check"] == "receiver"
    assert "No such file or directory" in failure["said"]
    assert "trailfeed bridge fluent-bit" in failure["mend"]
    assert totals["fail"] == 1
    assert sum(totals.values()) == len(findings)


@pytest.mark.parametrize(
    ("settings", "arguments", "exit_code", "words"),
    [
        (
            {"source": {"wait_time_s": 99}},
            [],
            78,
            "source.wait_time_s: must be at most",
        ),
        ({"source": {"profile": "none"}}, [], 78, "AWS's configuration files have no"),
        ({}, ["--object", "trail-logs"], 2, "expected s3://BUCKET/PREFIX"),
        ({}, ["--object", "s3://trail-logs"], 2, "expected s3://BUCKET/KEY"),
        ({}, ["--timeout-s", "0"], 2, "--timeout-s"),
    ],
)
def test_what_cannot_begin(
    scene: Scene,
    settings: Settings,
    arguments: list[str],
    exit_code: int,
    words: str,
) -> None:
    keys: Settings = {"source": {"access_key_id": "", "secret_access_key": ""}}
    changes = keys if settings.get("source", {}).get("profile") else {}
    done = run(
        scene,
        *arguments,
        settings=merged(merged(scene.settings, changes), settings),
    )
    assert done.returncode == exit_code
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


# The rest ------------------------------------------------------------------------


def test_a_marked_record_is_sent_where_that_is_asked_for(
    scene: Scene, receiver: RecordingReceiver
) -> None:
    scene.deliver_to(receiver)
    found = scene.examine(sends_record=True)
    assert found["acknowledgement"].verdict == "ok"
    (record,) = receiver.records()
    assert record["message"] == "trailfeed doctor: a test record; ignore it"


def test_a_receiver_that_does_not_acknowledge(
    scene: Scene, receiver: RecordingReceiver
) -> None:
    receiver.faults.acks = False
    scene.deliver_to(receiver)
    found = scene.examine(sends_record=True, timeout_s=3.0)
    assert found["receiver"].verdict == "ok"
    assert found["acknowledgement"].verdict == "fail"


def test_a_look_that_takes_too_long_is_given_up(scene: Scene) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # accepts, says nothing
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        scene.settings["source"]["sqs_endpoint_url"] = url
        found = scene.examine(timeout_s=1.0)
    assert found["queue"].verdict == "fail"
    assert found["queue"].said == "no answer within 1 s"
    assert found["state directory"].verdict == "ok"


@pytest.mark.parametrize(
    ("make", "check", "verdict", "words"),
    [
        (lambda _: None, "state directory", "ok", "free"),
        (lambda state: state.rmdir(), "state directory", "ok", "is not there yet"),
        (
            lambda state: (state.rmdir(), state.write_text("")),
            "state directory",
            "fail",
            "is no directory",
        ),
        (
            lambda state: (state / "journal.sqlite3").write_bytes(b"x" * 9999),
            "journal",
            "fail",
            "cannot be read",
        ),
    ],
)
def test_the_state_directory(
    scene: Scene, make: Any, check: str, verdict: str, words: str
) -> None:
    state = scene.folder / "state"
    state.mkdir()
    (state / "lock").touch()
    if verdict == "fail" or "yet" in words:
        (state / "lock").unlink()
    make(state)
    scene.settings["state"]["dir"] = str(state)
    found = scene.examine()[check]
    assert found.verdict == verdict
    assert words in found.said


def test_a_running_daemon_is_asked_and_takes_a_test_message(
    scene: Scene, receiver: RecordingReceiver
) -> None:
    scene.deliver_to(receiver)
    listen = "127.0.0.1:0"
    settings = merged(
        scene.settings,
        {
            "status": {"listen": listen},
            "log": {"format": "text"},
            "state": {"dir": str(scene.folder / "s")},
            "source": {"wait_time_s": 1},
        },
    )
    with Daemon(scene.folder, settings) as daemon:
        wait_until(lambda: "status at http://" in daemon.log)
        address = daemon.log.partition("status at http://")[2].split()[0].strip("/")
        settings["status"]["listen"] = address
        scene.settings = settings
        receiver.wait_for_records(17, timeout_s=TIMEOUT_S)
        wait_until(lambda: scene.examine()["daemon"].verdict == "ok")
        found = scene.examine(sends_message=True)
        assert found["test message"].verdict == "ok"
        assert "in use by process" in found["state directory"].said
        assert "one runs and is ready" in found["daemon"].said
        assert "on average" in found["visibility timeout"].said
