"""The deb as it is built: what is in it, and that it runs from its own libraries."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.11", "3.12", "3.13")
BUILD_TIMEOUT_S = 600
QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/q"


def members(package: bytes) -> dict[str, bytes]:
    """Take a deb apart (deb(5): an ar archive of three files)."""
    assert package.startswith(b"!<arch>\n")
    found, at = {}, 8
    while at < len(package):
        name, size = package[at : at + 16].decode().strip(" /"), package[at + 48 :][:10]
        at += 60
        found[name] = package[at : at + int(size)]
        at += int(size) + int(size) % 2
    return found


class Deb:
    """One that was built, and the files in it, laid out in a folder."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.root = folder
        parts = members(path.read_bytes())
        with tarfile.open(fileobj=io.BytesIO(parts["control.tar.gz"])) as control:
            self.control = {
                one.name.removeprefix("./"): control.extractfile(one).read().decode()  # type: ignore[union-attr]
                for one in control
                if one.isfile()
            }
        with tarfile.open(fileobj=io.BytesIO(parts["data.tar.gz"])) as data:
            self.entries = {one.name.removeprefix("."): one for one in data}
            data.extractall(folder, filter="tar")

    def text(self, path: str) -> str:
        return (self.root / path.lstrip("/")).read_text("utf-8")


@pytest.fixture(scope="module")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Deb:
    if not (Path(sys.executable).parent / "nfpm").exists():
        pytest.skip("needs nfpm beside this Python")
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout: the packages' time is the commit's")
    folder = tmp_path_factory.mktemp("package")
    subprocess.run(  # noqa: S603 - our own script
        [ROOT / "scripts" / "package", "--deb", "--output", folder],
        check=True,
        timeout=BUILD_TIMEOUT_S,
    )
    (path,) = folder.glob("*.deb")
    return Deb(path, tmp_path_factory.mktemp("root"))


@pytest.mark.parametrize("version", PYTHONS)
def test_it_runs_from_its_own_libraries(deb: Deb, version: str) -> None:
    python = shutil.which(f"python{version}")
    if python is None:
        pytest.skip(f"needs python{version}")
    start = deb.root / "usr/lib/trailfeed/start.py"
    # A pyenv's program answers for versions that are not installed, too.
    if subprocess.run([python, "-V"], capture_output=True).returncode:  # noqa: PLW1510, S603
        pytest.skip(f"needs python{version}")
    done = subprocess.run(  # noqa: S603 - what was just built
        [python, "-BIS", start, "check", "--config", "/dev/null"],
        env={"TRAILFEED_SOURCE_QUEUE_URL": QUEUE_URL, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f'queue_url = "{QUEUE_URL}"' in done.stdout


def test_the_configuration_is_kept_from_others_and_over_upgrades(deb: Deb) -> None:
    path = "/etc/trailfeed/trailfeed.toml"
    entry = deb.entries[path]
    assert (entry.mode & 0o7777, entry.uname, entry.gname) == (
        0o640,
        "root",
        "trailfeed",
    )
    assert deb.control["conffiles"].split() == [path]


def test_an_instance_has_its_own_files(deb: Deb) -> None:
    one = deb.text("/usr/lib/systemd/system/trailfeed.service").splitlines()
    many = deb.text("/usr/lib/systemd/system/trailfeed@.service").splitlines()
    assert [line for line in many if line not in one] == [
        f"{one[one.index('[Unit]') + 1]} (%i)",
        "ExecStart=/usr/bin/trailfeed run --config /etc/trailfeed/%i.toml",
        "EnvironmentFile=-/etc/trailfeed/%i.environment",
        "StateDirectory=trailfeed/%i",
    ]


def test_there_are_libraries_for_each_python_and_nothing_twice(deb: Deb) -> None:
    tree = deb.root / "usr/lib/trailfeed"
    abis = [f"cp{version.replace('.', '')}" for version in PYTHONS]
    assert sorted(one.name for one in tree.iterdir()) == ["common", *abis, "start.py"]
    common = {one.name for one in (tree / "common").iterdir()}
    for abi in abis:
        assert (tree / abi / "pydantic_core").is_dir()
        assert not common & {one.name for one in (tree / abi).iterdir()}
    assert not [path for path in deb.entries if "__pycache__" in path]
    assert {"worker", "plugin_bridge", "botocore"} <= common
    assert "moto" not in common  # of the demo


def test_the_scripts_are_for_any_shell(deb: Deb) -> None:
    for name in ("preinst", "postinst", "prerm", "postrm"):
        script = deb.control[name]
        subprocess.run(["/bin/sh", "-n"], input=script, text=True, check=True)
