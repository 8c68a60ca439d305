from __future__ import annotations

import pytest

from worker.config.keys import (
    known_keys,
    known_sections,
    nearest_keys,
    nearest_section,
)
from worker.config.model import Config


def test_sections_stand_in_the_order_of_the_contract() -> None:
    assert known_sections() == (
        "source",
        "source.mapping",
        "decode",
        "filter",
        "redact",
        "enrich",
        "output",
        "pool",
        "state",
        "status",
        "log",
    )


def test_only_the_queue_is_required() -> None:
    assert [dotted for dotted, key in known_keys().items() if key.default is None] == [
        "source.queue_url"
    ]


def test_secrets_are_known_as_such() -> None:
    assert {dotted for dotted, key in known_keys().items() if key.is_secret} == {
        "source.secret_access_key",
        "source.session_token",
        "redact.hash_key",
        "output.shared_key",
        "output.password",
    }


def test_every_key_says_what_it_does() -> None:
    undescribed = [
        f"{section}.{name}"
        for section, outer in Config.model_fields.items()
        for name, field in getattr(outer.annotation, "model_fields", {}).items()
        if not (field.description or "").endswith(".")
    ]
    assert undescribed == []


@pytest.mark.parametrize(
    ("section", "name", "nearest"),
    [
        ("source", "queue_ur", ("source.queue_url",)),
        ("source", "queue-url", ("source.queue_url",)),
        ("source", "QUEUE_URL", ("source.queue_url",)),
        ("source", "maping", ("source.mapping",)),
        ("source.mapping", "buckets", ("source.mapping.bucket",)),
        ("output", "level", ("log.level",)),
        ("source", "include", ("source.include_keys", "filter.include")),
        ("pool", "format", ("decode.format", "log.format")),
        ("pool", "quarantine_max_byte", ("state.quarantine_max_bytes",)),
        ("", "workers", ("pool.workers",)),
        ("log", "zzzzzz", ()),
    ],
)
def test_nearest_keys(section: str, name: str, nearest: tuple[str, ...]) -> None:
    assert nearest_keys(section, name) == nearest


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("sorce", "source"), ("Output", "output"), ("logs", "log"), ("zzzzzz", None)],
)
def test_nearest_section(name: str, nearest: str | None) -> None:
    assert nearest_section(name) == nearest
