"""The quarantine between processes: at work together, and killed at any moment."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.fakes.quarantine import account_is_right, before_each_call, item
from worker.deliver.quarantine import Quarantine, QuarantineFullError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.functional

ITEM_BYTES = 3 * 4096
PROCESSES = 4
PUTS = 25


def in_child(work: Callable[[], object]) -> int:
    """Fork; return the child's id. It exits with 0 only if the work came to its end."""
    pid = os.fork()
    if pid:
        return pid
    exit_code = 1
    try:
        work()
        exit_code = 0
    finally:
        os._exit(exit_code)


def outcome(pid: int) -> int:
    """The exit code, or the signal that killed it, negative."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def messages(quarantine: Quarantine) -> list[str]:
    return [kept.message.id for kept in quarantine.items(report=pytest.fail)]


def test_a_put_killed_at_any_step_leaves_a_whole_item_or_none(tmp_path: Path) -> None:
    folder = tmp_path / "quarantine"
    quarantine = Quarantine(folder, max_bytes=10**9, when_full="retry")
    quarantine.put(item(0), b"body")
    kept_counts, step, exit_code = [], 0, -signal.SIGKILL
    while exit_code == -signal.SIGKILL:
        calls = [0]

        def die(_: str, step: int = step, calls: list[int] = calls) -> None:
            if calls[0] == step:
                os.kill(os.getpid(), signal.SIGKILL)
            calls[0] += 1

        def put() -> None:
            with before_each_call(die):
                quarantine.put(item(1), b"body")

        exit_code = outcome(in_child(put))
        killed = messages(quarantine)
        kept_counts.append(len(killed))
        quarantine.put(item(2), b"body")
        assert [path.name for path in (folder / "unfinished").iterdir()] == []
        assert account_is_right(folder)
        for kept in quarantine.items():
            assert quarantine.body(kept.id) == b"body"
            if kept.message.id != "m0":
                quarantine.remove(kept.id)
        step += 1
    assert exit_code == 0
    assert set(kept_counts) == {1, 2}
    assert step > 15


def test_processes_put_at_the_same_time(tmp_path: Path) -> None:
    folder = tmp_path / "quarantine"

    def put_many(process: int) -> None:
        quarantine = Quarantine(folder, max_bytes=10**9, when_full="retry")
        for number in range(PUTS):
            quarantine.put(item(process * PUTS + number), bytes([process]) * number)

    children = [in_child(partial(put_many, n)) for n in range(PROCESSES)]
    assert [outcome(child) for child in children] == [0] * PROCESSES
    quarantine = Quarantine(folder, max_bytes=10**9, when_full="retry")
    assert messages(quarantine) == [f"m{n}" for n in range(PROCESSES * PUTS)]
    for kept in quarantine.items():
        process, number = divmod(int(kept.message.id[1:]), PUTS)
        assert quarantine.body(kept.id) == bytes([process]) * number
    assert account_is_right(folder)


@pytest.mark.parametrize("when_full", ["retry", "drop_oldest"])
def test_processes_stay_below_the_limit_together(
    tmp_path: Path, when_full: str
) -> None:
    folder, room = tmp_path / "quarantine", 10

    def opened() -> Quarantine:
        return Quarantine(
            folder,
            max_bytes=room * ITEM_BYTES,
            when_full="drop_oldest" if when_full == "drop_oldest" else "retry",
        )

    def put_many(process: int) -> None:
        quarantine, refused = opened(), 0
        for number in range(PUTS):
            try:
                quarantine.put(item(number * PROCESSES + process), b"x")
            except QuarantineFullError:
                refused += 1
        assert (refused > 0) == (when_full == "retry")

    children = [in_child(partial(put_many, n)) for n in range(PROCESSES)]
    assert [outcome(child) for child in children] == [0] * PROCESSES
    assert len(messages(opened())) == room
    assert account_is_right(folder)


def test_threads_of_one_process_put_at_the_same_time(tmp_path: Path) -> None:
    quarantine = Quarantine(
        tmp_path / "quarantine", max_bytes=50 * ITEM_BYTES, when_full="drop_oldest"
    )
    with ThreadPoolExecutor(PROCESSES) as threads:
        list(threads.map(lambda n: quarantine.put(item(n), b"x"), range(100)))
    assert len(messages(quarantine)) == 50
    assert account_is_right(tmp_path / "quarantine")
