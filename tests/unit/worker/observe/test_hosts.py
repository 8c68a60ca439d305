from __future__ import annotations

import pytest

from worker.observe.hosts import is_answered


@pytest.mark.parametrize(
    ("host", "listens_on", "answered"),
    [
        ("trailfeed.monitoring.svc:9464", "0.0.0.0", True),  # noqa: S104
        ("10.1.2.3:9464", "10.1.2.3", True),
        ("trailfeed.monitoring.svc:9464", "127.0.0.1", False),
        ("LOCALHOST", "::1", True),
        ("[::1]", "::1", True),
        ("127.0.0.1.evil.example", "127.0.0.1", False),
    ],
)
def test_only_the_loopback_is_particular(
    host: str, listens_on: str, *, answered: bool
) -> None:
    assert is_answered(host, listens_on) == answered
