from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from worker.config import Config
from worker.errors import ConfigError
from worker.observe import listening
from worker.pool import start

if TYPE_CHECKING:
    from worker.pool.status import StatusProcess

QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/q"
EXIT_CODE = 7


class FakeSupervisor:
    """Forks nothing, and ends at once."""

    def __init__(
        self, *_args: object, status: StatusProcess | None, **_kwargs: object
    ) -> None:
        if status is not None:
            status.close()

    def run(self) -> int:
        return EXIT_CODE


@pytest.fixture(autouse=True)
def _nothing_real(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "Supervisor", FakeSupervisor)
    monkeypatch.setattr(start, "LogFunnel", lambda _, **__: None)
    monkeypatch.setattr(listening, "BIND_WAIT_S", 0.0)


def config(**status: str) -> Config:
    document = {"source": {"queue_url": QUEUE_URL}, "state": {"dir": ""}}
    return Config.model_validate({**document, "status": status} if status else document)


def test_where_the_status_is_goes_into_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    asked = config(listen="127.0.0.1:0")
    assert start.run_pool(asked, until_empty_idle_s=None) == EXIT_CODE
    assert caplog.messages[1].startswith("status at http://127.0.0.1:")
    caplog.clear()
    assert start.run_pool(config(listen=""), until_empty_idle_s=None) == EXIT_CODE
    assert len(caplog.messages) == 1


def test_an_address_in_use_ends_the_start_if_it_was_asked_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(
            ConfigError, match=r"status\.listen: cannot listen on .*use"
        ):
            start.run_pool(config(listen=listen), until_empty_idle_s=None)


def test_the_default_address_in_use_costs_the_status_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def busy(_: Config) -> StatusProcess:
        raise ConfigError(("status.listen: cannot listen on it (address in use)",))

    monkeypatch.setattr(start, "StatusProcess", busy)
    assert start.run_pool(config(), until_empty_idle_s=None) == EXIT_CODE
    assert caplog.messages == [
        "status.listen: cannot listen on it (address in use); going on without"
    ]
