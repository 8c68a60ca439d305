"""``trailfeed backfill`` with a pool: records that arrive, whoever dies and when."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.fakes.daemon import Daemon, merged, toml, wait_until
from tests.fakes.forward_receiver import RecordingReceiver
from worker.demo.processes import environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.daemon import Settings
    from tests.system.conftest import Stage

pytestmark = pytest.mark.system

TIMEOUT_S = 120
BAD_KEY = "AWSLogs/123456789012/CloudTrail/us-east-1/2026/11/20/bad.json.gz"


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[RecordingReceiver]:
    with RecordingReceiver.unix(tmp_path / "forward.sock") as made:
        yield made


class Backfill:
    """``trailfeed backfill`` of a stage's bucket, as a process."""

    def __init__(self, stage: Stage, settings: Settings, *arguments: str) -> None:
        config = stage.folder / "backfill.toml"
        config.write_text(toml(settings))
        self.log_path = stage.folder / "backfill.log"
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                [
                    *(sys.executable, "-m", "worker", "backfill"),
                    *("--config", str(config), *arguments),
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(),
                start_new_session=True,
            )

    def __enter__(self) -> Backfill:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            for one in self.below():
                one.kill()
            self.process.kill()
        self.process.communicate()

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def below(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def workers(self) -> list[psutil.Process]:
        """Children of the pool's supervisor."""
        return [one for one in self.below() if one.ppid() != self.process.pid]

    def end(self) -> tuple[int, str]:
        """Exit code and standard output."""
        out, _ = self.process.communicate(timeout=TIMEOUT_S)
        return self.process.returncode, out.decode()


def event_ids(receiver: RecordingReceiver) -> list[str]:
    return [str(record["eventID"]) for record in receiver.records()]


def assert_once(receiver: RecordingReceiver, expected: list[str]) -> None:
    assert Counter(event_ids(receiver)) == Counter(expected)


def upload_unannounced(stage: Stage, count: int, *, seed: int = 1) -> list[str]:
    """Objects whose messages are lost; their event ids."""
    expected = stage.upload(count, seed=seed)
    stage.aws.client("sqs").purge_queue(QueueUrl=stage.pipeline.queue_url)
    return expected


def url_of(stage: Stage) -> str:
    return f"s3://{stage.pipeline.bucket}"


def run(stage: Stage, settings: Settings, *arguments: str) -> str:
    """Run a backfill of the stage's bucket to its good end; return what it printed."""
    with Backfill(stage, settings, url_of(stage), *arguments) as backfill:
        code, out = backfill.end()
    assert code == 0, backfill.log
    return out


def test_a_running_daemon_delivers_what_is_fed_into_its_queue(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    expected = upload_unannounced(stage, 45)
    settings = stage.settings(receiver.address)
    with Daemon(stage.folder, settings) as daemon:
        daemon.wait_for_boot(2)
        out = run(stage, settings)
        assert "45 objects" in out
        receiver.wait_for_records(len(expected), timeout_s=60)
        wait_until(lambda: stage.depth() == 0)
        assert_once(receiver, expected)
        # The journal is in use by the daemon all the while.
        assert "left out: 45 delivered before" in run(
            stage, settings, "--skip-delivered"
        )
        # Sent on purpose once more, it is no duplicate.
        run(stage, settings)
        receiver.wait_for_records(2 * len(expected), timeout_s=60)
        wait_until(lambda: stage.depth() == 0)
        assert_once(receiver, 2 * expected)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0


def test_a_pool_of_its_own_leaves_queue_and_daemon_alone(
    stage: Stage, receiver: RecordingReceiver, tmp_path: Path
) -> None:
    expected = stage.upload(45)
    depth = stage.depth()
    # A daemon that uses the same state directory, and has no receiver.
    other = merged(stage.settings("unix:///run/nobody.sock"), {})
    settings = stage.settings(receiver.address)
    with Daemon(stage.folder, other) as daemon:
        wait_until(lambda: len(daemon.workers()) == 2)
        assert "45 objects" in run(stage, settings, "--direct")
        assert_once(receiver, expected)
        assert stage.depth() == depth
        assert "left out: 45 delivered before" in run(
            stage, settings, "--direct", "--skip-delivered"
        )
    assert_once(receiver, expected)
    assert not (tmp_path / "state" / "quarantine" / "items").exists()


def test_a_killed_worker_of_its_pool_loses_nothing(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    expected = stage.upload(60)
    settings = stage.settings(receiver.address)
    with Backfill(
        stage, settings, url_of(stage), "--direct", "--rate", "30"
    ) as backfill:
        receiver.wait_for_records(40, timeout_s=60)
        victim = backfill.workers()[0]
        victim.kill()
        code, _ = backfill.end()
    assert code == 0, backfill.log
    assert "was killed by SIGKILL" in backfill.log
    times = Counter(event_ids(receiver))
    assert times.keys() == set(expected)
    assert max(times.values()) <= 2, "one kill repeats a record once, if at all"


def test_an_interrupted_pool_settles_what_is_begun_and_goes_on(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    expected = stage.upload(80)
    settings = stage.settings(receiver.address)
    arguments = ("--direct", "--rate", "40")
    with Backfill(stage, settings, url_of(stage), *arguments) as backfill:
        receiver.wait_for_records(60, timeout_s=60)
        backfill.process.send_signal(signal.SIGINT)
        code, _ = backfill.end()
        assert backfill.below() == []
    assert code == 130, backfill.log
    assert "interrupted; it goes on where it was with" in backfill.log
    assert len(event_ids(receiver)) < len(expected)
    out = run(stage, settings, *arguments)
    assert "80 objects" in out
    assert "delivered" in out
    assert_once(receiver, expected)


def test_a_killed_backfill_s_pool_ends_by_itself_and_another_goes_on(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    expected = stage.upload(80)
    settings = stage.settings(receiver.address)
    arguments = ("--direct", "--rate", "40")
    with Backfill(stage, settings, url_of(stage), *arguments) as backfill:
        receiver.wait_for_records(60, timeout_s=60)
        below = backfill.below()
        backfill.process.kill()
        _, living = psutil.wait_procs(below, timeout=60)
    assert living == []
    assert len(event_ids(receiver)) < len(expected)
    run(stage, settings, *arguments)
    assert_once(receiver, expected)


def test_what_a_pool_puts_into_the_quarantine_is_said(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    expected = stage.upload(5)
    stage.put(BAD_KEY, b"no gzip file, and no JSON")
    settings = merged(
        stage.settings(receiver.address), {"source": {"on_bad_object": "quarantine"}}
    )
    with Backfill(stage, settings, url_of(stage), "--direct") as backfill:
        code, out = backfill.end()
    assert code == 1, backfill.log
    assert out.endswith("; 1 object in the quarantine\n")
    assert_once(receiver, expected)
    (item,) = (stage.folder / "state" / "quarantine" / "items").iterdir()
    assert BAD_KEY in (item / "item.json").read_text()


def test_on_standard_output_there_are_records_and_nothing_else(stage: Stage) -> None:
    expected = stage.upload(12)
    settings = merged(stage.settings("stdout:"), {"output": {"require_ack": False}})
    lines = run(stage, settings, "--direct").splitlines()
    assert Counter(json.loads(line)["eventID"] for line in lines) == Counter(expected)


def test_a_pool_that_cannot_begin_ends_it_with_78(stage: Stage) -> None:
    stage.upload(1)
    settings = merged(
        stage.settings("tls://localhost:9"),
        {"output": {"tls_ca_file": "/nowhere/ca.pem"}},
    )
    with Backfill(stage, settings, url_of(stage), "--direct") as backfill:
        code, _ = backfill.end()
    assert code == 78, backfill.log
    assert "output.tls_ca_file" in backfill.log
    assert "Traceback" not in backfill.log
