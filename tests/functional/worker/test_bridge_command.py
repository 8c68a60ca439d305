"""``trailfeed bridge`` as a user runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from plugin_bridge.receiving_end import LOG_PATH

pytestmark = pytest.mark.functional

ROOT = Path(__file__).parents[3]


def bridge(
    folder: Path, shipper: str, output: str, *options: str
) -> subprocess.CompletedProcess[str]:
    path = folder / "trailfeed.toml"
    path.write_text(
        '[source]\nqueue_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/q"\n'
        f"[output]\n{output}\n"
    )
    return subprocess.run(  # noqa: S603 - under test
        [
            sys.executable,
            *("-m", "worker", "bridge", shipper, "--config", str(path), *options),
        ],
        cwd=ROOT,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )


def test_prints_what_fits_the_configuration(tmp_path: Path) -> None:
    done = bridge(
        tmp_path, "fluent-bit", 'address = "unix:///run/x.sock"\ntag = "my.tag"'
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "unix_path: /run/x.sock\n" in done.stdout
    assert "match: my.tag\n" in done.stdout
    assert "storage.type: filesystem\n" in done.stdout


def test_names_itself_where_it_is_to_be_run(tmp_path: Path) -> None:
    output = 'address = "stdout:"\nreceiver = "vector"\nrequire_ack = false'
    done = bridge(tmp_path, "vector", output)
    command = f"exec trailfeed run --config {tmp_path}/trailfeed.toml 2>> {LOG_PATH}"
    assert f'command: ["sh", "-c", "{command}"]\n' in done.stdout


def test_prints_no_secret(tmp_path: Path) -> None:
    secrets = 'shared_key = "hush hush"\nusername = "alice"\npassword = "psst psst"'
    for style in ("yaml", "classic"):
        done = bridge(tmp_path, "fluent-bit", secrets, "--format", style)
        assert done.returncode == 0
        assert "hush" not in done.stdout
        assert "psst" not in done.stdout
        assert "${FORWARD_SHARED_KEY}" in done.stdout


@pytest.mark.parametrize(
    ("shipper", "output", "line"),
    [
        (
            "vector",
            "",
            'output.receiver: is "fluent-bit", and not "vector"; change it, or name '
            "that one",
        ),
        (
            "vector",
            'receiver = "generic"\naddress = "stdout:"\nrequire_ack = false',
            'output.receiver: is "generic", and not "vector"; change it, or name that '
            "one",
        ),
        (
            "fluentd",
            'address = "unix://@name"\nreceiver = "fluentd"\nrequire_ack = false',
            "output.address: Fluentd listens on no abstract socket; use unix:///path",
        ),
        (
            "vector",
            'receiver = "generic"\naddress = "tcp://h:1"\nshared_key = "k"',
            "output.shared_key: Vector asks for no shared key on a tcp socket; leave "
            "it empty",
        ),
        (
            "fluentd",
            'address = "tcp://h:1"\nreceiver = "fluentd"\ntag = "#aws.*"',
            'output.tag: "#aws.*" would be read as a pattern or a comment at '
            "the receiving end; use letters, digits and . _ - / :",
        ),
        (
            "fluent-bit",
            'receiver = "generic"\naddress = "tcp://h:1"\nchunk_bytes = 2000000',
            "output.chunk_bytes: 2000000 bytes are more than Fluent Bit takes safely "
            "at once, 900000 bytes; 262144 is a good size",
        ),
        (
            "fluent-bit",
            'shared_key = "k"\nusername = "alice b"\npassword = "p"',
            'output.username: Fluent Bit can know no user "alice b", as a name ends at '
            "a blank in its security.users, and ${ is a variable; use letters, digits "
            "and signs",
        ),
    ],
)
def test_what_does_not_fit_ends_with_78(
    tmp_path: Path, shipper: str, output: str, line: str
) -> None:
    done = bridge(tmp_path, shipper, output)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == f"trailfeed: {line}\n"


def test_a_format_that_a_shipper_does_not_know_is_wrong_usage(tmp_path: Path) -> None:
    done = bridge(tmp_path, "vector", 'receiver = "generic"', "--format", "classic")
    assert done.returncode == 2
    assert "Vector is configured in yaml only" in done.stderr
