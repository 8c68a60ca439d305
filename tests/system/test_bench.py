"""The bench runs: what it measures is nobody's business here."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.fakes.aws_standin.process import ROOT

pytestmark = pytest.mark.system

PATIENCE_S = 300


def test_a_tiny_run_measures_every_row() -> None:
    ended = subprocess.run(  # noqa: S603 - our own program
        [
            *(sys.executable, "-m", "tests.bench", "--json"),
            *("--rounds", "1", "--scale", "0.005"),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        timeout=PATIENCE_S,
    )
    rows = json.loads(ended.stdout)["rows"]
    assert len(rows) == 11
    for row in rows:
        assert row.get("unit") or row["records"] > 0, row
