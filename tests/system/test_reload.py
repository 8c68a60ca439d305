"""SIGHUP: a new configuration without a gap, a bad one without effect."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.fakes.daemon import Daemon, merged, toml, wait_until
from tests.fakes.forward_receiver import RecordingReceiver

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.daemon import Settings
    from tests.system.conftest import Stage

pytestmark = pytest.mark.system


def rewrite(folder: Path, text: str) -> None:
    (folder / "trailfeed.toml").write_text(text)


def test_workers_are_replaced_one_by_one_and_nothing_is_lost(stage: Stage) -> None:
    with RecordingReceiver.unix(stage.folder / "forward.sock") as receiver:
        settings = stage.settings(receiver.address)
        with Daemon(stage.folder, settings) as daemon:
            daemon.wait_for_boot(2)
            before = daemon.workers()
            sent = stage.upload(15, seed=1)
            rewrite(stage.folder, toml(merged(settings, {"output": {"tag": "new"}})))
            daemon.signal(signal.SIGHUP)
            sent += stage.upload(15, seed=2)
            wait_until(lambda: daemon.has_logged("the new configuration is in effect"))
            assert daemon.has_logged("reloading; changed: output.tag")
            after = daemon.workers()
            assert before.keys() == after.keys()
            assert not set(before.values()) & set(after.values())
            messages = daemon.messages()
            first_drained = messages.index("worker 0 drained; replacing it")
            second = messages.index("worker 1 drained; replacing it")
            assert any(
                message.startswith("worker 0 started")
                for message in messages[first_drained:second]
            ), "one after the other"
            sent += stage.upload(5, seed=3)
            wait_until(lambda: stage.depth() == 0)
            daemon.signal(signal.SIGTERM)
            assert daemon.wait() == 0
        received = [str(record["eventID"]) for record in receiver.records()]
        assert sorted(received) == sorted(sent)
        assert receiver.frames()[-1].tag == "new"


def test_a_bad_file_changes_nothing_and_says_why(stage: Stage) -> None:
    with RecordingReceiver.unix(stage.folder / "forward.sock") as receiver:
        settings = stage.settings(receiver.address)
        with Daemon(stage.folder, settings) as daemon:
            daemon.wait_for_boot(2)
            before = daemon.workers()
            rewrite(stage.folder, "[source]\nwait_time_s = 21\n")
            daemon.signal(signal.SIGHUP)
            wait_until(lambda: daemon.has_logged("not reloaded: source.queue_url"))
            wait_until(
                lambda: daemon.has_logged("not reloaded: source.wait_time_s: must")
            )
            rewrite(stage.folder, toml(merged(settings, {"pool": {"workers": 3}})))
            daemon.signal(signal.SIGHUP)
            wait_until(lambda: daemon.has_logged("not reloaded: pool.workers: cannot"))
            sent = stage.upload(5)
            wait_until(lambda: stage.depth() == 0)
            assert daemon.workers() == before
        assert {str(record["eventID"]) for record in receiver.records()} == set(sent)


def test_a_configuration_that_no_worker_starts_with_is_taken_back(
    stage: Stage,
) -> None:
    with RecordingReceiver.unix(stage.folder / "forward.sock") as receiver:
        settings = stage.settings(receiver.address)
        with Daemon(stage.folder, settings) as daemon:
            daemon.wait_for_boot(2)
            profile: Settings = {
                "source": {
                    "profile": "there-is-none",
                    "access_key_id": "",
                    "secret_access_key": "",
                }
            }
            rewrite(stage.folder, toml(merged(settings, profile)))
            daemon.signal(signal.SIGHUP)
            wait_until(lambda: daemon.has_logged("cannot start with the new config"))
            wait_until(
                lambda: daemon.has_logged("the former configuration is in effect")
            )
            sent = stage.upload(5)
            wait_until(lambda: stage.depth() == 0)
            assert daemon.process.poll() is None
        assert {str(record["eventID"]) for record in receiver.records()} == set(sent)
