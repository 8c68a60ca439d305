"""``trailfeed top`` against a daemon, and where there is none."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.fakes.daemon import Daemon, merged, settings_without_aws, wait_until
from worker.demo.processes import environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.daemon import Settings

pytestmark = pytest.mark.functional


def top(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "worker", "top", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(),
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Without a receiver the pool asks SQS for nothing but its depth."""
    return merged(
        settings_without_aws(tmp_path, workers=2),
        {"status": {"listen": "127.0.0.1:0"}, "log": {"format": "text"}},
    )


def test_it_shows_workers_problems_and_errors(
    settings: Settings, tmp_path: Path
) -> None:
    with Daemon(tmp_path, settings) as daemon:
        wait_until(lambda: daemon.log.count("cannot connect to unix://") >= 2)
        (url,) = re.findall(r"status at (http://[\d.:]+)", daemon.log)
        done = top("--url", url)
        assert (done.returncode, done.stderr) == (0, "")
        assert "not ready" in done.stdout
        assert "receiver: not connected: worker 0, 1" in done.stdout
        assert "cannot connect to unix://" in done.stdout
        for heading in ("waits for", "records/s", "restarts"):  # nothing is cut
            assert heading in done.stdout
        document = json.loads(top("--url", url, "--json").stdout)
        assert [one["worker"] for one in document["workers"]] == [0, 1]


def test_a_url_that_is_none_is_wrong_usage() -> None:
    done = top("--url", "localhost:9464")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--url localhost:9464: expected http://HOST:PORT" in done.stderr


def test_where_nothing_answers_it_says_so(tmp_path: Path) -> None:
    done = top("--url", "http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "trailfeed: cannot read http://127.0.0.1:9/status ([Errno 111] Connection "
        "refused): is trailfeed running, with that address in status.listen?\n"
    )
    config = tmp_path / "none.toml"
    config.write_text(
        '[source]\nqueue_url = "https://sqs.us-east-1.amazonaws.com/123456789012/q"\n'
        '[status]\nlisten = ""\n'
    )
    done = top("--config", str(config))
    assert done.returncode == 78
    assert done.stderr.startswith('trailfeed: status.listen: is ""')
