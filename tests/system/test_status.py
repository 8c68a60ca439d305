"""The status endpoint of a running daemon, as Prometheus and Kubernetes see it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.aws_standin.process import AwsStandIn
from tests.fakes.daemon import Daemon, merged, settings_for, wait_until
from tests.fakes.forward_receiver import RecordingReceiver
from worker.demo.files import cloudtrail_files
from worker.observe.catalogue import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.daemon import Settings

pytestmark = pytest.mark.system

QUEUE = "events"
END = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@dataclass(slots=True)
class Scene:
    """A daemon with its AWS and its receiver."""

    aws: AwsStandIn
    receiver: RecordingReceiver
    settings: Settings
    folder: Path

    def upload(self, count: int, seed: int) -> list[str]:
        files = list(cloudtrail_files(count, end=END, seed=seed))
        self.aws.load("logs", {f.key: f.body for f in files}, queue=QUEUE)
        return [one for file in files for one in file.event_ids]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with (
        AwsStandIn() as aws,
        RecordingReceiver.unix(tmp_path / "forward.sock") as receiver,
    ):
        settings = merged(
            settings_for(aws, aws.make_queue(QUEUE), receiver.address, tmp_path),
            {"source": {"wait_time_s": 1}, "status": {"listen": "127.0.0.1:0"}},
        )
        yield Scene(aws, receiver, settings, tmp_path)


class Status:
    """The endpoint of a daemon that has said where it is."""

    def __init__(self, daemon: Daemon) -> None:
        wait_until(lambda: daemon.has_logged("status at "))
        (self.url,) = re.findall(r"status at (http://[\d.:]+)", daemon.log)

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def checks(self, path: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.get(path)[1])
        return document["checks"]  # type: ignore[no-any-return]

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError):
            return self.get("/readyz")[0] == 200
        return False

    def total(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        families = text_string_to_metric_families(self.get("/metrics")[1])
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


def test_what_filter_and_redaction_do_is_counted(scene: Scene) -> None:
    changes: Settings = {
        "filter": {
            "include": ["eventID exists", "eventName exists"],
            "exclude": ["none exists", "eventName ~ Delete*"],
        },
        "redact": {"paths": ["eventID"]},
    }
    with Daemon(scene.folder, merged(scene.settings, changes)) as daemon:
        status = Status(daemon)
        sent = scene.upload(20, seed=1)
        wait_until(lambda: status.total("trailfeed_messages_deleted_total") == 20)

        def matches(rule: str) -> float:
            return status.total("trailfeed_filter_matches_total", rule=rule)

        wait_until(lambda: matches("include 1") == len(sent))
        delivered = status.total("trailfeed_records_delivered_total")
        assert 0 < delivered < len(sent)
        assert matches("exclude 2") == len(sent) - delivered
        assert [matches(one) for one in ("no include", "include 2", "exclude 1")] == [
            0.0,
            0.0,
            0.0,
        ]
        assert status.total("trailfeed_values_redacted_total") == delivered


def test_the_numbers_are_right_and_survive_a_killed_worker(scene: Scene) -> None:
    with Daemon(scene.folder, scene.settings) as daemon:
        status = Status(daemon)
        sent = scene.upload(20, seed=1)
        wait_until(lambda: scene.aws.depth(QUEUE) == 0)
        wait_until(
            lambda: status.total("trailfeed_records_delivered_total") == len(sent)
        )
        wait_until(lambda: status.total("trailfeed_messages_deleted_total") == 20)
        assert status.total("trailfeed_objects_total", outcome="delivered") == 20
        assert status.total("trailfeed_object_lag_seconds_count") == 20
        assert status.total("trailfeed_object_stage_seconds_count", stage="ack") == 20
        former = [daemon.kill_worker(slot) for slot in (0, 1)]
        wait_until(lambda: not set(former) & set(daemon.workers().values()))
        wait_until(lambda: status.total("trailfeed_worker_restarts_total") == 2)
        wait_until(lambda: status.total("trailfeed_worker_up") == 2)
        assert status.total("trailfeed_records_delivered_total") == len(sent)
        assert status.total("trailfeed_worker_cpu_seconds_total") > 0.1
        more = scene.upload(5, seed=2)
        wait_until(
            lambda: (
                status.total("trailfeed_records_delivered_total")
                == len(sent) + len(more)
            )
        )
        names = {
            family.name
            for family in text_string_to_metric_families(status.get("/metrics")[1])
        }
        assert names == {metric.name.removesuffix("_total") for metric in CATALOGUE}
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0


@pytest.mark.parametrize(
    ("fault", "check"), [("sqs_expired_token", "sqs"), ("s3_expired_token", "s3")]
)
def test_it_is_not_ready_while_credentials_are_refused(
    fault: str, check: str, scene: Scene
) -> None:
    with Daemon(scene.folder, scene.settings) as daemon:
        status = Status(daemon)
        wait_until(status.is_ready)
        scene.aws.begin_outage(fault, for_s=6.0)
        sent = scene.upload(20, seed=1)
        wait_until(lambda: not status.is_ready())
        said = status.checks("/readyz")[check]
        assert not said["ok"]
        assert "credentials_refused" in said["reason"]
        assert status.get("/healthz")[0] == 200, "no restart would mend it"
        wait_until(status.is_ready)
        wait_until(lambda: scene.aws.depth(QUEUE) == 0)
        assert {str(r["eventID"]) for r in scene.receiver.records()} == set(sent)


def test_it_is_not_ready_without_the_receiver(scene: Scene) -> None:
    scene.receiver.close()
    (scene.folder / "forward.sock").unlink()
    with Daemon(scene.folder, scene.settings) as daemon:
        status = Status(daemon)
        wait_until(lambda: status.total("trailfeed_worker_up") == 2)
        code, _ = status.get("/readyz")
        assert code == 503
        reason = status.checks("/readyz")["receiver"]["reason"]
        assert reason == "not connected: worker 0, 1"
        assert status.total("trailfeed_ready") == 0
        wait_until(
            lambda: (
                status.total("trailfeed_backpressure_seconds_total", cause="receiver")
                > 1
            )
        )


def test_the_status_process_is_replaced_and_delivery_does_not_mind(
    scene: Scene,
) -> None:
    with Daemon(scene.folder, scene.settings) as daemon:
        status = Status(daemon)
        wait_until(status.is_ready)
        workers = daemon.workers()
        (process,) = daemon.children() - set(workers.values())
        kept = {one.path for one in psutil.Process(process).open_files()}
        assert not [path for path in kept if "journal" in path]
        os.kill(process, signal.SIGKILL)
        sent = scene.upload(10, seed=1)
        wait_until(lambda: scene.aws.depth(QUEUE) == 0)
        wait_until(
            lambda: status.total("trailfeed_records_delivered_total") == len(sent)
        )
        assert daemon.workers() == workers
        assert daemon.has_logged("the status process was killed by SIGKILL")


def test_workers_do_not_hold_the_address(scene: Scene) -> None:
    with Daemon(scene.folder, scene.settings) as daemon:
        status = Status(daemon)
        wait_until(status.is_ready)
        port = int(status.url.rpartition(":")[2])
        for pid in daemon.workers().values():
            listening = [
                one
                for one in psutil.Process(pid).net_connections()
                if one.status == psutil.CONN_LISTEN and one.laddr.port == port
            ]
            assert listening == []


def test_an_address_in_use_ends_the_start_with_78(scene: Scene) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        settings = merged(scene.settings, {"status": {"listen": listen}})
        with Daemon(scene.folder, settings) as daemon:
            assert daemon.wait() == 78
            (line,) = daemon.log.splitlines()
            assert line.startswith(
                f"trailfeed: status.listen: cannot listen on {listen} (address in use)"
            )
