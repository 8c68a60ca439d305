"""A new configuration gets to all workers, one by one, or to none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from worker.config import Config
from worker.deliver.progress import Progress
from worker.errors import ConfigError
from worker.observe.board import Care, SlotReading
from worker.pool.rollout import Rollout
from worker.pool.slots import Slot

if TYPE_CHECKING:
    from collections.abc import Callable

QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/q"


def config(**sections: dict[str, Any]) -> Config:
    return Config.model_validate(
        {"source": {"queue_url": QUEUE_URL}, "state": {"dir": ""}, **sections}
    )


OLD = config()
NEW = config(output={"tag": "new"})


class Pool:
    """Slots whose workers start and drain when they are told to."""

    def __init__(self, load: Callable[[], Config], workers: int = 3) -> None:
        self.rollout = Rollout(OLD, load)
        self.slots = [Slot(number, pid=100 + number) for number in range(workers)]
        self.booted = [True] * workers

    @property
    def readings(self) -> list[SlotReading]:
        return [SlotReading(one, 1.0, Progress(), Care()) for one in self.booted]

    def drain_next(self) -> int | None:
        slot = self.rollout.next_to_drain(self.slots, self.readings)
        if slot is None:
            return None
        slot.is_leaving = True
        return slot.number

    def fork(self, number: int) -> None:
        slot = self.slots[number]
        slot.pid, slot.is_leaving = 200 + number, False
        slot.generation = self.rollout.generation
        self.booted[number] = False

    def is_complete(self) -> bool:
        return self.rollout.is_complete(self.slots, self.readings)


def test_workers_are_replaced_one_after_the_other() -> None:
    pool = Pool(lambda: NEW)
    assert pool.drain_next() is None
    assert pool.rollout.reload()
    assert pool.rollout.config is NEW
    for number in range(3):
        assert not pool.is_complete()
        assert pool.drain_next() == number
        assert pool.drain_next() is None, "it is leaving"
        pool.slots[number].pid = None
        assert pool.drain_next() is None, "it is gone"
        pool.fork(number)
        assert pool.drain_next() is None, "its successor boots"
        pool.booted[number] = True
    assert pool.is_complete()
    assert not pool.is_complete(), "said once"
    assert (pool.rollout.done, pool.rollout.refused) == (1, 0)


def test_a_worker_that_cannot_start_brings_the_former_one_back() -> None:
    pool = Pool(lambda: NEW)
    pool.rollout.reload()
    for number in (0, 1):
        pool.drain_next()
        pool.fork(number)
        pool.booted[number] = number == 0
    assert pool.rollout.go_back()
    assert pool.rollout.config is OLD
    assert not pool.rollout.go_back(), (
        "if it happens again it is not the new one's fault"
    )
    pool.fork(1)
    pool.booted[1] = True
    replaced = []
    while (left := pool.drain_next()) is not None:
        replaced.append(left)
        pool.fork(left)
        pool.booted[left] = True
    assert replaced == [0, 2]
    assert pool.is_complete()
    assert (pool.rollout.done, pool.rollout.refused) == (0, 1)


def test_without_a_reload_there_is_nothing_to_go_back_to() -> None:
    assert not Pool(lambda: NEW).rollout.go_back()


@pytest.mark.parametrize(
    ("new", "problem"),
    [
        (
            config(pool={"workers": 3}),
            "pool.workers: cannot change while trailfeed runs",
        ),
        (config(state={"dir": "/x"}), "state.dir: cannot change while trailfeed runs"),
        (config(status={"listen": ""}), "status.listen: cannot change while trailfeed"),
        (
            config(output={"address": "stdout:"}),
            "output.address: cannot change to or from stdout:",
        ),
    ],
)
def test_what_is_made_once_cannot_change(
    new: Config, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    pool = Pool(lambda: new)
    assert not pool.rollout.reload()
    (said,) = caplog.messages
    assert said.startswith(f"not reloaded: {problem}")
    assert (pool.rollout.config, pool.rollout.refused) == (OLD, 1)
    assert pool.drain_next() is None


@pytest.mark.parametrize(
    "error",
    [ConfigError(("source.wait_time_s: is wrong", "log.level: too")), OSError("disk")],
)
def test_a_file_that_cannot_be_taken_changes_nothing(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def load() -> Config:
        raise error

    pool = Pool(load)
    assert not pool.rollout.reload()
    problems = getattr(error, "problems", ("x",))
    assert len(caplog.messages) == len(problems)
    assert pool.rollout.config is OLD


def test_what_has_changed_is_said_without_its_values(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    secret = config(output={"tag": "new", "shared_key": "s3cret"})
    Pool(lambda: secret).rollout.reload()
    assert caplog.messages == ["reloading; changed: output.tag, output.shared_key"]
