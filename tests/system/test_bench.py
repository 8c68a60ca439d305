"""The bench runs: what it measures is nobody's business here."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.bench.endpoint import find_nginx
from tests.fakes.aws_standin.process import ROOT

pytestmark = pytest.mark.system

PATIENCE_S = 300


@pytest.mark.parametrize("s3", ["nginx", "stand-in"])
def test_a_tiny_run_measures_every_row(s3: str) -> None:
    nginx = find_nginx() if s3 == "nginx" else ""
    if nginx is None:
        pytest.skip("there is no nginx on this machine")
    ended = subprocess.run(  # noqa: S603 - our own program
        [
            *(sys.executable, "-m", "tests.bench", "--json"),
            *("--rounds", "1", "--scale", "0.005", "--nginx", nginx),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        timeout=PATIENCE_S,
    )
    found = json.loads(ended.stdout)
    assert found["s3"] == s3
    rows = found["rows"]
    assert len(rows) == 11
    for row in rows:
        assert row.get("unit") or row["records"] > 0, row
