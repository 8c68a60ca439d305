from __future__ import annotations

import pytest

from worker.config import Config
from worker.pool import start

QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/q"
EXIT_CODE = 7


class FakeSupervisor:
    """Forks nothing, and ends at once."""

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        pass

    def run(self) -> int:
        return EXIT_CODE


@pytest.mark.parametrize(
    ("listen", "remarks"),
    [
        ("127.0.0.1:9464", ["not built yet, without effect: status.listen"]),
        ("", []),
    ],
)
def test_what_has_no_effect_yet_is_logged_at_the_start(
    listen: str,
    remarks: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(start, "Supervisor", FakeSupervisor)
    monkeypatch.setattr(start, "LogFunnel", lambda _: None)
    caplog.set_level("INFO")
    config = Config.model_validate(
        {
            "source": {"queue_url": QUEUE_URL},
            "state": {"dir": ""},
            "status": {"listen": listen},
        }
    )
    assert start.run_pool(config, until_empty_idle_s=None) == EXIT_CODE
    begun, *rest = caplog.messages
    assert begun.startswith("trailfeed starts ")
    assert rest == remarks
