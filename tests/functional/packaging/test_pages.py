"""Man pages and completions as groff and the shells themselves take them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.functional

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    write = ROOT / "packaging" / "pages" / "write.py"
    subprocess.run(  # noqa: S603 - programs of the host
        [sys.executable, write, folder, "1.2.3", "2026-11-21"], check=True, cwd=folder
    )
    return folder


def program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"needs {name}")
    return path


@pytest.mark.parametrize("page", ["man1/trailfeed.1", "man5/trailfeed.toml.5"])
def test_groff_has_nothing_to_say_of_a_page(pages: Path, page: str) -> None:
    done = subprocess.run(  # noqa: S603 - programs of the host
        [program("groff"), "-man", "-Tascii", "-ww", "-z", pages / "man" / page],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_can_read_its_completions(pages: Path, shell: str) -> None:
    script = pages / "completions" / f"trailfeed.{shell}"
    subprocess.run([program(shell), "-n", script], check=True)  # noqa: S603


def completed(pages: Path, *words: str) -> list[str]:
    """What bash offers for the last word; none of ours: it offers files."""
    script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))'
    show = 'COMPREPLY=(); _trailfeed; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(  # noqa: S603 - programs of the host
        [
            program("bash"),
            *("--norc", "-c", f"{script}; {show}", "bash"),
            pages / "completions" / "trailfeed.bash",
            *("trailfeed", *words),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("ru",), ["run"]),
        (("quarantine", "re"), ["replay"]),
        (("run", "--un"), ["--until-empty"]),
        (("quarantine", "list", "--js"), ["--json"]),
        (("bridge", "vec"), ["vector"]),
        (("bridge", "vector", "--format", ""), ["classic", "yaml"]),
        (("run", "--config", ""), []),
        (("nothing", "--c"), []),
    ],
)
def test_bash_completes(
    pages: Path, words: tuple[str, ...], offered: list[str]
) -> None:
    assert completed(pages, *words) == offered
