"""A whole trail for each test, which it may break."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.aws import forget_machine
from tests.fakes.forward_receiver import RecordingReceiver
from tests.functional.worker.doctor.scene import NO_LIMIT, Scene, post
from worker.demo.aws import EmbeddedAws

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as embedded:
        yield embedded


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[RecordingReceiver]:
    with RecordingReceiver.unix(tmp_path / "f.sock") as running:
        yield running


@pytest.fixture
def scene(
    aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Scene]:
    forget_machine(monkeypatch, tmp_path)
    yield Scene(aws, tmp_path)
    post(aws, "/moto-api/reset-auth", NO_LIMIT)
    post(aws, "/moto-api/reset", "")
