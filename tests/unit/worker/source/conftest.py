"""Each test begins without any AWS settings of the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.aws import forget_machine

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_aws_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    forget_machine(monkeypatch, tmp_path)
