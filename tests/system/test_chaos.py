"""Short chaos runs: nothing is lost, whatever breaks; AWS alone repeats nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.fakes.aws_standin.process import ROOT

pytestmark = pytest.mark.system

MINUTES = "0.15"
PATIENCE_S = 400


@pytest.mark.parametrize(
    ("groups", "allowed"), [("kills,receiver,aws", "any"), ("aws", "none")]
)
def test_nothing_is_lost(groups: str, allowed: str) -> None:
    ended = subprocess.run(  # noqa: S603 - our own program
        [
            *(sys.executable, "-m", "tests.chaos", "--json"),
            *("--minutes", MINUTES, "--seed", "7"),
            *("--faults", groups, "--allow-repeats", allowed),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=False,
        timeout=PATIENCE_S,
    )
    found = json.loads(ended.stdout)
    assert found["failures"] == []
    assert found["sent"] == found["delivered"] > 0
    assert found["aws_faults"] > 0
    kills = found["worker_kills"] + found["supervisor_kills"]
    assert (kills > 0) == ("kills" in groups)
    assert ended.returncode == 0
