"""Signals, deaths and replacements of the pool's processes."""

from __future__ import annotations

import itertools
import random
import signal
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.fakes.daemon import Daemon, merged, wait_until
from tests.fakes.forward_receiver import Faults, RecordingReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.conftest import Stage

pytestmark = pytest.mark.system

KILLS = 30


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[RecordingReceiver]:
    with RecordingReceiver.unix(tmp_path / "forward.sock") as made:
        yield made


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_drains(
    stage: Stage, receiver: RecordingReceiver, number: signal.Signals
) -> None:
    uploaded = stage.upload(60)
    # With a long poll under way, which may still bring messages.
    settings = merged(stage.settings(receiver.address), {"source": {"wait_time_s": 1}})
    with Daemon(stage.folder, settings) as daemon:
        receiver.wait_for_records(1)
        daemon.signal(number)
        assert daemon.wait() == 0
        assert daemon.has_logged(f"{number.name}: draining")
    delivered = {str(record["eventID"]) for record in receiver.records()}
    remaining = stage.visible()
    assert remaining == stage.depth(), "nothing stays hidden"
    assert delivered <= set(uploaded)
    assert (remaining == 0) == (delivered == set(uploaded))


def test_messages_not_begun_are_given_back_at_once(
    stage: Stage, tmp_path: Path
) -> None:
    stage.upload(60)
    faults = Faults(stalls=True)
    with RecordingReceiver.unix(tmp_path / "forward.sock", faults) as receiver:
        settings = merged(
            stage.settings(receiver.address),
            {
                "pool": {"workers": 1, "drain_timeout_s": 1},
                "output": {"chunk_bytes": 3000, "window_chunks": 1},
            },
        )
        with Daemon(stage.folder, settings) as daemon:
            wait_until(lambda: stage.visible() < 50)
            daemon.wait_for_boot(1)
            hidden = stage.depth() - stage.visible()
            daemon.signal(signal.SIGTERM)
            assert daemon.wait() == 0
            assert daemon.has_logged("not acknowledged in time")
    assert stage.depth() == 60, "all but S3's test event"
    assert stage.depth() - stage.visible() < hidden


def test_the_second_signal_ends_at_once_with_1(stage: Stage, tmp_path: Path) -> None:
    stage.upload(20)
    faults = Faults(stalls=True)
    with RecordingReceiver.unix(tmp_path / "forward.sock", faults) as receiver:
        settings = merged(
            stage.settings(receiver.address), {"pool": {"drain_timeout_s": 600}}
        )
        with Daemon(stage.folder, settings) as daemon:
            wait_until(lambda: stage.visible() < 20)
            daemon.wait_for_boot(2)
            daemon.signal(signal.SIGTERM)
            wait_until(lambda: daemon.has_logged("SIGTERM: draining"))
            daemon.signal(signal.SIGTERM)
            assert daemon.wait() == 1


def test_a_dead_worker_is_replaced(stage: Stage, receiver: RecordingReceiver) -> None:
    # Short, as the receive that is under way in the dead one may still bring messages.
    settings = merged(
        stage.settings(receiver.address), {"source": {"visibility_timeout_s": 3}}
    )
    with Daemon(stage.folder, settings) as daemon:
        daemon.wait_for_boot(2)
        first = daemon.workers()
        daemon.kill_worker(0)
        daemon.wait_for_boot(3)
        assert daemon.workers().keys() == {0, 1}
        assert daemon.workers()[0] != first[0]
        assert daemon.workers()[1] == first[1], "the other one was left alone"
        uploaded = stage.upload(10)
        receiver.wait_for_records(len(uploaded))
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0


def test_workers_end_when_their_supervisor_is_gone(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    with Daemon(stage.folder, stage.settings(receiver.address)) as daemon:
        daemon.wait_for_boot(2)
        workers = [psutil.Process(pid) for pid in daemon.workers().values()]
        daemon.signal(signal.SIGKILL)
        daemon.wait()
        _, alive = psutil.wait_procs(workers, timeout=30)
        assert alive == []


def test_a_worker_above_its_memory_limit_drains_and_is_replaced(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    settings = merged(
        stage.settings(receiver.address),
        {"pool": {"workers": 1, "max_worker_rss_bytes": 1_000_000}},
    )
    with Daemon(stage.folder, settings) as daemon:
        wait_until(lambda: daemon.has_logged("above pool.max_worker_rss_bytes"))
        wait_until(lambda: daemon.has_logged("worker 0 drained; replacing it"))
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0


def test_a_configuration_that_no_worker_can_boot_with_ends_the_run_with_78(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    settings = merged(
        stage.settings(receiver.address),
        {"source": {"profile": "no-such-profile", "access_key_id": ""}},
    )
    settings["source"].pop("secret_access_key")
    with Daemon(stage.folder, settings) as daemon:
        assert daemon.wait() == 78
        assert daemon.has_logged("no-such-profile")


def test_two_supervisors_do_not_share_a_state_directory(
    stage: Stage, receiver: RecordingReceiver, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    settings = stage.settings(receiver.address)
    with Daemon(stage.folder, settings) as daemon:
        daemon.wait_for_boot(2)
        with Daemon(other, settings) as second:
            assert second.wait() == 1
            assert second.has_logged("is in use by another trailfeed")
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0


@contextmanager
def empty_objects_come_in(stage: Stage) -> Iterator[None]:
    """Upload without end, from a thread: each upload makes some worker log a line."""
    is_over = threading.Event()

    def upload() -> None:
        for number in itertools.count():
            stage.put(f"AWSLogs/{number}.json.gz", b"")
            if is_over.wait(0.02):
                return

    thread = threading.Thread(target=upload)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def test_thirty_kills_leave_the_others_heard_and_nothing_behind(
    stage: Stage, receiver: RecordingReceiver
) -> None:
    rng = random.Random(7)  # noqa: S311 - whom to kill
    settings = merged(stage.settings(receiver.address), {"log": {"level": "debug"}})
    with Daemon(stage.folder, settings, module="tests.fakes.impatient") as daemon:
        daemon.wait_for_boot(2)

        def lines_of(slot: int) -> int:
            return sum(entry.get("worker") == slot for entry in daemon.entries())

        def survivor_is_heard(slot: int) -> None:
            before = lines_of(slot)
            wait_until(lambda: lines_of(slot) > before)

        def held_by_supervisor(kind: str) -> int:
            return len(list(Path(f"/proc/{daemon.process.pid}/{kind}").iterdir()))

        with empty_objects_come_in(stage):
            survivor_is_heard(0)
            survivor_is_heard(1)
            threads, files = held_by_supervisor("task"), held_by_supervisor("fd")
            for _ in range(KILLS):
                slot = rng.randrange(2)
                daemon.kill_worker(slot)
                survivor_is_heard(1 - slot)
            wait_until(lambda: daemon.workers().keys() == {0, 1})
            survivor_is_heard(0)
            survivor_is_heard(1)
            wait_until(lambda: held_by_supervisor("task") <= threads)
            wait_until(lambda: held_by_supervisor("fd") <= files)
        assert daemon.log.count("was killed by SIGKILL") == KILLS
        daemon.signal(signal.SIGTERM)
        assert daemon.wait(timeout_s=20) == 0
