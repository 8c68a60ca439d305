"""conf/aws/: what ``trailfeed setup`` prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from worker.cli import app

AWS = Path(__file__).parents[3] / "conf" / "aws"
README = (AWS / "README.md").read_text("utf-8")
# "trailfeed setup … > FILE", a command a line.
COMMANDS = dict(
    reversed(found)
    for found in re.findall(r"^trailfeed (setup .*) > (\S+)$", README, re.MULTILINE)
)


def test_every_file_has_its_command() -> None:
    assert set(COMMANDS) == {path.name for path in AWS.iterdir()} - {"README.md"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_file_is_what_its_command_prints(name: str) -> None:
    printed = CliRunner().invoke(app, shlex.split(COMMANDS[name]))
    assert printed.exit_code == 0, printed.output
    assert (AWS / name).read_text("utf-8") == printed.stdout
