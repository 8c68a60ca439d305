"""A replacement that cannot start is tried again; only a pool that never ran ends."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.fakes.daemon import Daemon, merged, settings_without_aws, wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.functional

PROFILE = "[profile pool]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n"
AT_WORK = "cannot connect to unix://"


def test_a_replacement_that_cannot_start_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws_config = tmp_path / ".aws" / "config"
    aws_config.parent.mkdir()
    aws_config.write_text(PROFILE)
    monkeypatch.setenv("HOME", str(tmp_path))
    source = {"profile": "pool", "access_key_id": "", "secret_access_key": ""}
    settings = merged(settings_without_aws(tmp_path), {"source": source})
    with Daemon(tmp_path, settings) as daemon:
        wait_until(lambda: daemon.has_logged(AT_WORK))
        aws_config.unlink()
        daemon.kill_worker(0)
        wait_until(lambda: daemon.has_logged("worker 0 ended with exit code 78; next"))
        assert daemon.has_logged("AWS's configuration files have no 'pool'")
        before = daemon.log.count(AT_WORK)
        aws_config.write_text(PROFILE)
        wait_until(lambda: daemon.log.count(AT_WORK) > before)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0
