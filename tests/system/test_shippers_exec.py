"""Shippers that run trailfeed themselves and read its standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from tests.fakes.daemon import merged, wait_until
from tests.system.cloudtrail_files import assert_unchanged, odd_file, records_of
from tests.system.shippers import (
    FluentBitExec,
    FluentdExec,
    VectorExec,
    write_config,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.system.conftest import Stage
    from tests.system.shippers import Shipper

pytestmark = pytest.mark.system

RESTARTING = {"vector": VectorExec, "fluentd": FluentdExec}
SHIPPERS = {"fluent-bit": FluentBitExec, **RESTARTING}


@pytest.fixture(params=SHIPPERS)
def shipper(request: pytest.FixtureRequest, tmp_path: Path) -> Shipper:
    """A shipper that is not started yet."""
    made: Shipper = SHIPPERS[request.param](tmp_path)
    return made


def configure(stage: Stage, shipper: Shipper) -> Path:
    """Write what the shipper is to run trailfeed with; return the file."""
    settings = merged(
        stage.settings("stdout:"),
        {"output": shipper.output, "source": {"visibility_timeout_s": 5}},
    )
    return write_config(stage.folder, settings)


def supervisor(config: Path) -> psutil.Process | None:
    """The oldest trailfeed that runs with this configuration."""
    words = ["run", "--config", str(config)]
    found = [
        process
        for process in psutil.process_iter(["cmdline", "create_time"])
        if (process.info["cmdline"] or [])[-3:] == words
    ]
    return min(found, key=lambda process: process.info["create_time"], default=None)


def test_every_event_once_in_order_and_unchanged(
    stage: Stage, shipper: Shipper, files: dict[str, bytes]
) -> None:
    configure(stage, shipper)
    for key, body in files.items():
        stage.put(key, body)
    source = records_of(files)
    with shipper:
        wait_until(lambda: len(shipper.records()) >= len(source))
        wait_until(lambda: stage.depth() == 0)
    assert_unchanged(shipper.records(), files)


@pytest.mark.parametrize("shipper", RESTARTING, indirect=True)
def test_the_shipper_starts_it_again_and_ends_it_with_itself(
    stage: Stage, shipper: Shipper
) -> None:
    config = configure(stage, shipper)
    files = {f"AWSLogs/{n}.json.gz": odd_file(n) for n in range(10)}
    source = records_of(files)
    keys = list(files)
    with shipper:
        for key in keys[:5]:
            stage.put(key, files[key])
        wait_until(lambda: len(shipper.records()) >= len(source) / 2)
        wait_until(lambda: stage.depth() == 0)
        first = supervisor(config)
        assert first is not None
        first.kill()
        for key in keys[5:]:
            stage.put(key, files[key])
        wait_until(lambda: {r["eventID"] for r in shipper.records()} == set(source))
        wait_until(lambda: stage.depth() == 0)
        second = supervisor(config)
        assert second is not None
        assert second.pid != first.pid
        assert "worker 0 started" in (stage.folder / "trailfeed.log").read_text()
    wait_until(lambda: supervisor(config) is None)
