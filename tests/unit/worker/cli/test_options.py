"""Options that several commands share are alike in all of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

import click
import pytest
import typer.main

from worker.cli import app
from worker.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def commands(
    group: click.Group, *names: str
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)
        else:
            yield (*names, name), command


COMMANDS = dict(commands(cast("click.Group", typer.main.get_command(app))))


def test_one_option_has_one_metavar() -> None:
    metavars = {
        (parameter.name, parameter.metavar)
        for command in COMMANDS.values()
        for parameter in command.params
        if parameter.name in {"config", "idle_s"}
    }
    assert metavars == {("config", "FILE"), ("idle_s", "SECONDS")}


@pytest.mark.parametrize("names", [("check",), ("run",), ("quarantine", "list")])
def test_whether_a_file_can_be_read_is_no_matter_of_usage(
    names: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the answer of the system is made up."""
    path = tmp_path / "locked.toml"
    path.touch()
    monkeypatch.setattr(os, "access", lambda *_args, **_kwargs: False)
    monkeypatch.setattr(type(path), "read_bytes", refuse)
    with pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        typer.main.get_command(app).main(
            [*names, "--config", str(path)], standalone_mode=False
        )


def refuse(path: Path) -> bytes:
    raise PermissionError(13, "Permission denied", str(path))
