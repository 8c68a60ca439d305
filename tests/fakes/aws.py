"""What tests of the AWS side share: an AWS of their own, and settings towards it.

``worker.demo.aws.EmbeddedAws`` is that AWS (moto's server); here is what makes a test
independent of the machine's own AWS settings, and a ``[source]`` that points to it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from worker.config import SourceConfig
from worker.demo.aws import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

QUEUE_URL = f"https://sqs.{REGION}.amazonaws.com/123456789012/trail-queue"


def forget_machine(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Hide the machine's AWS and proxy settings; ``folder`` has none either."""
    for name in list(os.environ):
        if name.upper().startswith("AWS_") or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def source_config(**changes: object) -> SourceConfig:
    """A ``[source]`` with example keys; ``changes`` win, None takes a key out."""
    settings: dict[str, object] = {
        "queue_url": QUEUE_URL,
        "region": REGION,
        "access_key_id": ACCESS_KEY_ID,
        "secret_access_key": SECRET_ACCESS_KEY,
        **changes,
    }
    return SourceConfig.model_validate(
        {name: value for name, value in settings.items() if value is not None}
    )
