"""Alive and ready: what each check says, and of whom."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from worker.deliver.aws_state import AwsState
from worker.observe.board import PoolState
from worker.observe.health import failed, health, readiness

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.observe.board import SlotReading
    from worker.observe.health import Check
    from worker.observe.reading import PoolReading

    Worker = Callable[..., SlotReading]
    Pool = Callable[..., PoolReading]

NOW = 1_000.0


def reasons(checks: tuple[Check, ...]) -> dict[str, str]:
    return {check.name: check.reason for check in failed(checks)}


def test_a_pool_that_is_well_is_alive_and_ready(worker: Worker, pool: Pool) -> None:
    reading = pool(worker(), worker())
    assert (reasons(health(reading)), reasons(readiness(reading))) == ({}, {})


@pytest.mark.parametrize(
    ("beat_at", "pid", "is_alive"),
    [
        (NOW - 29.0, 7, True),
        (NOW - 31.0, 7, False),
        (0.0, 7, True),  # it boots, since 40 s
        (NOW - 31.0, 0, True),  # it is dead, and will be replaced
    ],
)
def test_a_silent_worker_makes_the_pool_unhealthy(
    beat_at: float, pid: int, is_alive: bool, worker: Worker, pool: Pool
) -> None:
    reading = pool(worker(), worker(beat_at=beat_at, pid=pid))
    said = reasons(health(reading))
    assert said == ({} if is_alive else {"workers": "worker 1 is silent for 31 s"})


def test_a_supervisor_that_takes_no_turns_is_not_alive(
    worker: Worker, pool: Pool
) -> None:
    reading = dataclasses.replace(pool(worker()), state=PoolState(beat_at=NOW - 11.0))
    assert reasons(health(reading)) == {"supervisor": "silent for 11 s"}


@pytest.mark.parametrize(
    ("progress", "reason"),
    [
        (
            {"sqs_state": AwsState.CREDENTIALS_REFUSED},
            {"sqs": "credentials_refused: AWS refuses the credentials"},
        ),
        (
            {"s3_state": AwsState.NO_CREDENTIALS},
            {"s3": "no_credentials: there are no credentials"},
        ),
        ({"is_connected": False}, {"receiver": "not connected: worker 1"}),
        (
            {"held": 3, "progressed_at": NOW - 301.0},
            {"progress": "worker 1 holds 3 messages and got nothing done for 301 s"},
        ),
        ({"held": 0, "progressed_at": NOW - 301.0}, {}),
        ({"held": 3, "progressed_at": NOW - 299.0}, {}),
        ({"sqs_state": AwsState.UNTRIED}, {}),  # another one's call was answered
    ],
)
def test_one_worker_that_cannot_work_makes_the_pool_unready(
    progress: dict[str, Any], reason: dict[str, str], worker: Worker, pool: Pool
) -> None:
    assert reasons(readiness(pool(worker(), worker(**progress)))) == reason


def test_before_the_first_answer_it_is_not_ready(worker: Worker, pool: Pool) -> None:
    reading = pool(worker(sqs_state=AwsState.UNTRIED))
    assert reasons(readiness(reading)) == {"sqs": "no call was answered yet"}


def test_without_workers_or_on_the_way_out_it_is_not_ready(
    worker: Worker, pool: Pool
) -> None:
    assert reasons(readiness(pool(worker(pid=0))))["workers"] == "no worker has booted"
    ending = pool(worker(), is_ending=True)
    assert reasons(readiness(ending)) == {"workers": "draining"}


@pytest.mark.parametrize("state", [state for state in AwsState if state.is_fault])
def test_every_fault_has_words(state: AwsState, worker: Worker, pool: Pool) -> None:
    said = reasons(readiness(pool(worker(sqs_state=state))))["sqs"]
    assert said.startswith(f"{state.name.lower()}: ")
