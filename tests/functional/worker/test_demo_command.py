"""``trailfeed demo`` as a user runs it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.fakes.daemon import PATIENCE_S, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.functional

ROOT = Path(__file__).parents[3]

SUMMARY = re.compile(r"(\d+) objects, (\d+) records, \d+\.\d s, queue depth (\d+)")

SQS_CALLS = (
    "CreateQueue",
    "DeleteQueue",
    "SendMessage",
    "ReceiveMessage",
    "DeleteMessage",
    "PurgeQueue",
    "AddPermission",
    "RemovePermission",
    "SetQueueAttributes",
)


@contextmanager
def demo(
    folder: Path, *arguments: str, **variables: str
) -> Iterator[subprocess.Popen[str]]:
    """The command with ``folder`` for its temporary files; killed when left."""
    process = subprocess.Popen(  # noqa: S603 - trailfeed itself
        [sys.executable, "-m", "worker", "demo", *arguments],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(folder)} | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, err


def test_everything_uploaded_comes_out_and_is_shown(tmp_path: Path) -> None:
    # The caller's own settings must not reach the demo.
    with demo(
        tmp_path,
        "--objects",
        "20",
        AWS_PROFILE="no-such-profile",
        TRAILFEED_SOURCE_QUEUE_URL="https://sqs.invalid/1/q",
    ) as process:
        exit_code, out, err = finished(process)
    assert exit_code == 0, err
    *table, last = out.splitlines()
    summary = SUMMARY.fullmatch(last)
    assert summary
    assert summary[1] == "20"
    assert int(summary[2]) > 30
    assert summary[3] == "0"
    shown = "\n".join(table)
    for name in SQS_CALLS:
        assert f"sqs:{name}" in shown
    for caller in ("alice", "deploy-role/ci-4711", "s3.amazonaws.com"):
        assert caller in shown
    assert "AccessDenied" in shown
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(
    shutil.which("fluent-bit") is None, reason="no fluent-bit on the PATH"
)
def test_everything_comes_out_of_a_real_fluent_bit_too(tmp_path: Path) -> None:
    with demo(tmp_path, "--objects", "20", "--through", "fluent-bit") as process:
        exit_code, out, err = finished(process)
    assert exit_code == 0, err
    assert SUMMARY.fullmatch(out.splitlines()[-1])
    assert list(tmp_path.iterdir()) == []


def test_what_is_to_be_kept_is_kept(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with demo(tmp_path, "--objects", "1", "--keep", str(kept)) as process:
        exit_code, _, err = finished(process)
    assert exit_code == 0, err
    assert {"trailfeed.toml", "trailfeed.log"} <= {file.name for file in kept.iterdir()}


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_children_and_removes_the_folder(
    tmp_path: Path, signum: signal.Signals
) -> None:
    with demo(tmp_path, "--objects", "5") as process:
        parent = psutil.Process(process.pid)

        def daemon_runs() -> bool:
            assert process.poll() is None, "the demo ended before the signal"
            children = parent.children(recursive=True)
            return any("run" in child.cmdline() for child in children)

        wait_until(daemon_runs)
        children = parent.children(recursive=True)
        process.send_signal(signum)
        exit_code, _, err = finished(process)
    assert exit_code == 130, err
    assert err.splitlines()[-1] == "demo: interrupted"
    assert "Traceback" not in err
    wait_until(lambda: not any(child.is_running() for child in children))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--through", "fluent-bit"), "no fluent-bit on the PATH"),
        (("--keep", str(ROOT)), "not empty"),
        (("--keep", str(Path(__file__))), "name another folder"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], word: str
) -> None:
    with demo(tmp_path, *arguments, PATH=str(tmp_path)) as process:
        exit_code, out, err = finished(process)
    assert exit_code == 1
    assert out == ""
    assert word in err.splitlines()[-1]
    assert "Traceback" not in err
