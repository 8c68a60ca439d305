"""``trailfeed check`` as a user runs it: output, exit codes, no tracebacks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.functional

ROOT = Path(__file__).parents[3]
CONF = ROOT / "conf" / "trailfeed.toml"
TIMEOUT_S = 60


def python(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run Python on the checkout with nothing of this process's environment."""
    return subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, *arguments],
        cwd=ROOT,
        env={"PYTHONDONTWRITEBYTECODE": "1", **environ},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
    )


def trailfeed(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return python("-m", "worker", *arguments, **environ)


def test_right_configuration_is_printed_with_secrets_masked(tmp_path: Path) -> None:
    path = tmp_path / "right.toml"
    path.write_text(
        CONF.read_text(encoding="utf-8")
        .replace('access_key_id = ""', 'access_key_id = "AKIA"', 1)
        .replace('secret_access_key = ""', 'secret_access_key = "${HUSH}"'),
        encoding="utf-8",
    )
    done = trailfeed("check", "--config", str(path), HUSH="hush hush")
    assert (done.returncode, done.stderr) == (0, "")
    assert 'access_key_id = "AKIA"' in done.stdout
    assert 'secret_access_key = "********"' in done.stdout
    assert "hush" not in done.stdout


def test_what_check_prints_it_accepts(tmp_path: Path) -> None:
    first = trailfeed(
        "check",
        "--config",
        str(CONF),
        TRAILFEED_SOURCE_PROFILE="grün",
        PYTHONIOENCODING="ascii",
    )
    printed = tmp_path / "printed.toml"
    printed.write_text(first.stdout, encoding="utf-8")
    second = trailfeed("check", "--config", str(printed))
    assert second.returncode == 0
    assert 'profile = "grün"' in second.stdout
    assert second.stdout == first.stdout


def test_the_environment_alone_is_a_configuration() -> None:
    done = trailfeed(
        "check",
        "--config",
        "/dev/null",
        TRAILFEED_SOURCE_QUEUE_URL="https://sqs.eu-west-1.amazonaws.com/123456789012/q",
        TRAILFEED_STATUS_LISTEN="",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("[source]\n")
    assert 'region = "eu-west-1"' in done.stdout


def test_problems_are_printed_one_a_line_and_end_with_78(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text('[source]\nwait_time_s = 21\n[sorce]\n[log]\nlevel = "loud"\n')
    done = trailfeed("check", "--config", str(path))
    assert done.returncode == 78
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "trailfeed: sorce: unknown section; did you mean [source]?",
        "trailfeed: source.queue_url: is required",
        "trailfeed: source.wait_time_s: must be at most 20, got 21",
        'trailfeed: log.level: expected "debug", "info", "warning", "error" or '
        '"critical", got "loud"',
    ]


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_file_for_tls_that_cannot_be_used_ends_with_78(
    tmp_path: Path, command: str
) -> None:
    path = tmp_path / "trailfeed.toml"
    path.write_text(
        '[source]\nqueue_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/q"\n'
        f'[output]\naddress = "tls://h:1"\ntls_ca_file = "{tmp_path}/ca.pem"\n'
    )
    done = trailfeed(command, "--config", str(path))
    assert done.returncode == 78
    assert done.stderr == (
        f"trailfeed: output.tls_ca_file: {tmp_path}/ca.pem cannot be read: No such "
        "file or directory\n"
    )


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    ("name", "why"), [("nowhere.toml", "No such file or directory"), ("", "Is a dir")]
)
def test_a_file_that_cannot_be_read_ends_with_78(
    tmp_path: Path, command: str, name: str, why: str
) -> None:
    path = tmp_path / name
    done = trailfeed(command, "--config", str(path))
    assert done.returncode == 78
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"trailfeed: {path}: cannot be read: {why}")


@pytest.mark.parametrize(
    "arguments",
    [["check"], ["check", "--config"], ["chekc"], ["check", "--unknown", "x"]],
)
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    done = trailfeed(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_help_shows_an_example() -> None:
    done = trailfeed("check", "--help")
    assert done.returncode == 0
    assert "Example: trailfeed check --config" in done.stdout


def test_version_is_printed() -> None:
    done = trailfeed("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("trailfeed ")


def test_reader_that_stops_reading_gets_no_traceback() -> None:
    with subprocess.Popen(  # noqa: S603 - this interpreter
        [sys.executable, "-m", "worker", "check", "--config", str(CONF)],
        cwd=ROOT,
        env={"PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        error_output = process.stderr.read()
        returncode = process.wait(TIMEOUT_S)
    assert (returncode, error_output) == (1, b"")


@pytest.mark.parametrize(
    ("statement", "returncode", "stderr"),
    [
        (
            "raise ConfigError(('pool.workers: wrong', 'log.level: wrong'))",
            78,
            "trailfeed: pool.workers: wrong\ntrailfeed: log.level: wrong\n",
        ),
        (
            "raise AwsError('AccessDenied', 'the queue refuses')",
            1,
            "trailfeed: the queue refuses\n",
        ),
        ("raise KeyboardInterrupt", 130, ""),
        ("assert multiprocessing.get_start_method() == 'fork'", 0, ""),
    ],
)
def test_how_a_command_ends_decides_the_exit_code(
    statement: str, returncode: int, stderr: str
) -> None:
    script = f"""
import multiprocessing
import sys
from worker import __main__ as program
from worker.cli import app
from worker.errors import AwsError, ConfigError

@app.command("probe")
def probe() -> None:
    {statement}

sys.argv = ["trailfeed", "probe"]
program.main()
"""
    done = python("-c", script)
    assert (done.returncode, done.stderr) == (returncode, stderr)
