"""Loading from text, as every test of the configuration does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pytest

from worker.config import Config, load
from worker.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

QUEUE = '[source]\nqueue_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/q"\n'

Load = Callable[..., Config]
ProblemsOf = Callable[..., tuple[str, ...]]


@pytest.fixture
def load_text(tmp_path: Path) -> Load:
    """Load TOML text; a [source] with a queue stands before it."""

    def load_it(
        text: str = "", environ: Mapping[str, str] | None = None, *, head: str = QUEUE
    ) -> Config:
        path = tmp_path / "trailfeed.toml"
        path.write_text(head + text, encoding="utf-8")
        return load(path, environ or {})

    return load_it


@pytest.fixture
def problems_of(load_text: Load) -> ProblemsOf:
    """The problems that loading the text raises; none if it loads."""

    def problems(
        text: str = "", environ: Mapping[str, str] | None = None, *, head: str = QUEUE
    ) -> tuple[str, ...]:
        try:
            load_text(text, environ, head=head)
        except ConfigError as error:
            return error.problems
        return ()

    return problems
