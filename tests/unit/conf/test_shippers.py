"""The ready pairs in conf/: what ``trailfeed bridge`` prints, and right."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from worker.cli import app
from worker.config import load

CONF = Path(__file__).parents[3] / "conf"
PAIRS = {
    "fluent-bit": "fluent-bit.yaml",
    "vector": "vector.yaml",
    "fluentd": "fluentd.conf",
    "otel": "otelcol.yaml",
}
ENVIRONMENT = {"FORWARD_SHARED_KEY": "a shared key"}

each = pytest.mark.parametrize("shipper", PAIRS)


def test_every_folder_is_a_pair() -> None:
    folders = {path.parent.name for path in CONF.glob("*/trailfeed.toml")}
    assert folders == set(PAIRS)


@each
def test_the_shippers_side_is_what_bridge_prints(shipper: str) -> None:
    config = CONF / shipper / "trailfeed.toml"
    printed = CliRunner().invoke(
        app, ["bridge", shipper, "--config", str(config)], env=ENVIRONMENT
    )
    assert printed.exit_code == 0, printed.output
    assert (CONF / shipper / PAIRS[shipper]).read_text("utf-8") == printed.stdout


@each
def test_trailfeeds_side_is_right_and_waits_for_acknowledgements(shipper: str) -> None:
    config = load(CONF / shipper / "trailfeed.toml", ENVIRONMENT)
    assert config.output.receiver == shipper
    assert config.output.require_ack


@each
def test_the_readme_names_the_files_and_is_short(shipper: str) -> None:
    text = (CONF / shipper / "README.md").read_text("utf-8")
    assert PAIRS[shipper] in text
    assert "trailfeed.toml" in text
    assert len(text.splitlines()) <= 16
