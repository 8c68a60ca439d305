"""What is made of pip-audit's report, and of its silence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.functional

SCRIPT = Path(__file__).parents[3] / "packaging" / "supply" / "vulnerabilities.py"
WELL = {"name": "six", "version": "1.17.0", "vulns": []}
UNKNOWN = {"name": "own", "skip_reason": "Dependency not found"}
BAD = {
    "name": "left-pad",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1"], "aliases": []}],
}


def ask(
    folder: Path, report: Sequence[object] | None, exit_code: int
) -> tuple[int, str]:
    """Run it with a pip-audit that writes this report, or none."""
    program = folder / "pip-audit"
    document = json.dumps({"dependencies": report, "fixes": []})
    write = "" if report is None else f"open(sys.argv[-1], 'w').write({document!r})"
    text = f"#!{sys.executable}\nimport sys\n{write}\nsys.exit({exit_code})\n"
    program.write_text(text)
    program.chmod(0o755)
    ended = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, SCRIPT, program, "requirements.txt"],
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stderr


def test_nothing_known_is_no_line(tmp_path: Path) -> None:
    assert ask(tmp_path, [WELL], 0) == (0, "")


def test_a_vulnerability_fails_and_names_the_way_out(tmp_path: Path) -> None:
    code, said = ask(tmp_path, [WELL, BAD], 1)
    assert code == 1
    assert said == "vulnerabilities: left-pad 1.0: PYSEC-2026-1; fixed in 1.1\n"


@pytest.mark.parametrize(("report", "exit_code"), [(None, 1), ([UNKNOWN], 0)])
def test_what_could_not_be_asked_is_said_and_fails_nothing(
    tmp_path: Path, report: list[object] | None, exit_code: int
) -> None:
    code, said = ask(tmp_path, report, exit_code)
    assert code == 0
    assert "requirements.txt not audited" in said
    assert said.count("\n") == 1


def test_what_alone_is_not_known_is_named(tmp_path: Path) -> None:
    code, said = ask(tmp_path, [WELL, UNKNOWN], 0)
    assert (code, said) == (
        0,
        "vulnerabilities: requirements.txt: the service does not know own\n",
    )
