"""The Containerfile: what a registry's scanner and a cluster's admission look at."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

from worker.config import load

ROOT = Path(__file__).parents[3]
CONFIG = load(ROOT / "conf" / "fluent-bit" / "trailfeed.toml", {})
TEXT = (ROOT / "packaging" / "container" / "Containerfile").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Instruction:
    stage: int
    name: str
    value: str


def instructions() -> list[Instruction]:
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", TEXT))
    found: list[Instruction] = []
    stage = 0
    for line in joined.splitlines():
        if line:
            name, _, value = line.partition(" ")
            stage += name == "FROM"
            found.append(Instruction(stage, name, value))
    return found


def values(name: str, *, stage: int | None = None) -> list[str]:
    return [
        one.value
        for one in instructions()
        if one.name == name and stage in (None, one.stage)
    ]


def copied() -> list[str]:
    """What is copied from the repository."""
    sources: list[str] = []
    for value in values("COPY"):
        if not value.startswith("--from="):
            sources += value.split()[:-1]
    return sources


def test_both_stages_start_from_the_same_image_by_digest() -> None:
    (image,) = values("ARG", stage=0)
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.13-slim@sha256:[0-9a-f]{64}", image)
    assert [value.split()[0] for value in values("FROM")] == ["${PYTHON_IMAGE}"] * 2


def test_everything_is_installed_from_the_lock_or_from_here() -> None:
    pips = [
        command
        for value in values("RUN")
        for command in value.split("&&")
        if re.search(r"\bpip\b.* (install|wheel)\b", command)
    ]
    assert len(pips) == 4
    for command in pips:
        assert "--require-hashes" in command or "--no-index" in command


@pytest.mark.parametrize("source", copied())
def test_what_is_copied_is_there_and_reaches_the_engine(source: str) -> None:
    assert (ROOT / source).exists()
    rules = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    kept = [rule[1:] for rule in rules if rule.startswith("!")]
    assert "*" in rules
    assert any(fnmatch(source, rule) for rule in kept)


def test_nothing_else_reaches_the_engine() -> None:
    rules = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    kept = {rule[1:] for rule in rules if rule.startswith("!")}
    assert kept == set(copied())


def test_it_runs_as_a_user_whose_number_is_not_roots() -> None:
    (user,) = values("USER", stage=2)
    uid, gid = map(int, user.split(":"))
    assert uid >= 1000
    (made,) = values("RUN", stage=2)
    assert f"--uid {uid} --gid {gid}" in made
    assert f"-o {uid} -g {gid} -m 0750 {CONFIG.state.dir}" in made


def test_the_supervisor_itself_is_the_first_process() -> None:
    (entrypoint,) = values("ENTRYPOINT")
    (command,) = values("CMD")
    assert json.loads(entrypoint) == ["trailfeed"]
    assert json.loads(command)[0] == "run"
    assert values("STOPSIGNAL") == ["SIGTERM"]


def test_its_health_is_asked_for_where_the_status_is_by_default() -> None:
    (check,) = values("HEALTHCHECK")
    command = json.loads(check.partition("CMD ")[2])
    host, _, port = CONFIG.status.listen.rpartition(":")
    assert f"HTTPConnection('{host}', {port}" in command[-1]
    assert "/healthz" in command[-1]
    compile(command[-1], "HEALTHCHECK", "exec")


def test_nothing_is_written_beside_the_code_and_no_secret_is_in_it() -> None:
    (environment,) = values("ENV", stage=2)
    names = dict(pair.split("=", 1) for pair in shlex.split(environment))
    assert names["PYTHONDONTWRITEBYTECODE"] == "1"
    assert not re.search(r"(?i)(secret|password|token|access_key)", TEXT)
