"""conf/trailfeed.toml shows every key: it must stay equal to the model."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from pathlib import Path

from pydantic import SecretStr

from worker.config import load
from worker.config.keys import known_keys

CONF = Path(__file__).parents[3] / "conf" / "trailfeed.toml"

# These two have to be set for the reader's own queue.
EXAMPLES = {"source.queue_url", "source.region"}


def _entries() -> dict[str, object]:
    entries: dict[str, object] = {}
    tables: list[tuple[str, dict[str, object]]] = [
        ("", tomllib.loads(CONF.read_text(encoding="utf-8")))
    ]
    for prefix, table in tables:
        for name, value in table.items():
            if isinstance(value, dict):
                tables.append((f"{prefix}{name}.", value))
            else:
                entries[f"{prefix}{name}"] = value
    return entries


def _default(dotted: str) -> object:
    default = known_keys()[dotted].default
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    return list(default) if isinstance(default, tuple) else default


def test_every_key_stands_there_and_no_other() -> None:
    assert set(_entries()) == set(known_keys())


def test_keys_stand_in_the_order_of_the_model() -> None:
    names = [
        line.partition(" =")[0] if "=" in line else line
        for line in CONF.read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    expected: list[str] = []
    for key in known_keys().values():
        if f"[{key.section}]" not in expected:
            expected.append(f"[{key.section}]")
        expected.append(key.name)
    assert names == expected


def test_values_are_the_defaults() -> None:
    shown = {key: value for key, value in _entries().items() if key not in EXAMPLES}
    assert shown == {key: _default(key) for key in known_keys() if key not in EXAMPLES}


def test_every_key_is_explained() -> None:
    lines = CONF.read_text(encoding="utf-8").splitlines()
    # A comment may be shared by keys that follow each other directly.
    alone = [
        line
        for before, line in pairwise(lines)
        if "=" in line and not line.startswith("#") and not before
    ]
    assert alone == []


def test_it_loads() -> None:
    config = load(CONF, {})
    assert config.source.region == "us-east-1"
