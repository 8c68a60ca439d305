"""The quarantine when its process dies at any step, and beside other processes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.fakes.quarantine import (
    ITEM_BYTES,
    account_is_right,
    before_each_call,
    item,
    numbers,
    unfinished,
)
from worker.deliver.quarantine import Quarantine, QuarantineFullError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Open = Callable[..., Quarantine]


class Crash(BaseException):
    """The process is gone: it makes no further call."""


class Death:
    """Dies before call number ``at``, and stays dead."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.calls = 0

    def __call__(self, _: str) -> None:
        self.calls += 1
        if self.calls > self.at:
            raise Crash


def calls_of(work: Callable[[], object]) -> int:
    watch = Death(at=10_000)
    with before_each_call(watch):
        work()
    return watch.calls


def test_a_put_that_dies_at_any_step_is_there_whole_or_not_at_all(
    tmp_path: Path,
) -> None:
    def put_in(name: str, number: int) -> Quarantine:
        quarantine = Quarantine(tmp_path / name, max_bytes=10**6, when_full="retry")
        quarantine.put(item(number), b"body")
        return quarantine

    steps = calls_of(lambda: put_in("whole", 0))
    outcomes = set()
    for step in range(steps):
        name = f"died-{step}"
        with before_each_call(Death(step)), pytest.raises(Crash):
            put_in(name, 0)
        survivors = Quarantine(tmp_path / name, max_bytes=10**6, when_full="retry")
        for kept in survivors.items(report=pytest.fail):
            assert survivors.body(kept.id) == b"body"
        outcomes.add(tuple(numbers(survivors)))
        put_in(name, 1)
        assert numbers(survivors)[-1:] == ["m1"]
        assert unfinished(tmp_path / name) == []
        assert account_is_right(tmp_path / name)
    assert outcomes == {(), ("m0",)}


def test_a_drop_that_dies_at_any_step_loses_nothing_but_the_oldest(
    tmp_path: Path,
) -> None:
    def full(name: str) -> Quarantine:
        quarantine = Quarantine(
            tmp_path / name, max_bytes=2 * ITEM_BYTES, when_full="drop_oldest"
        )
        for number in range(2):
            quarantine.put(item(number), b"body")
        return quarantine

    whole = full("whole")
    steps = calls_of(lambda: whole.put(item(2), b"body"))
    outcomes = set()
    for step in range(steps):
        quarantine = full(f"died-{step}")
        with before_each_call(Death(step)), pytest.raises(Crash):
            quarantine.put(item(2), b"body")
        outcomes.add(tuple(numbers(quarantine)))
        quarantine.put(item(3), b"body")
        assert numbers(quarantine)[-1] == "m3"
        assert len(numbers(quarantine)) == 2
        assert unfinished(tmp_path / f"died-{step}") == []
        assert account_is_right(tmp_path / f"died-{step}")
    assert outcomes == {("m0", "m1"), ("m1",), ("m1", "m2")}


def test_a_number_left_by_the_dead_is_not_believed_whatever_the_clock(
    open_quarantine: Open, folder: Path
) -> None:
    """The clock of files may not have moved between the last change and this one."""
    quarantine = open_quarantine(items=2)
    quarantine.put(item(0), b"x")
    changed_ns = (folder / "items").stat().st_mtime_ns

    called: list[str] = []

    def die(name: str) -> None:
        if "rename" in called:
            raise Crash
        called.append(name)

    with before_each_call(die), pytest.raises(Crash):
        quarantine.put(item(1), b"x")
    os.utime(folder / "items", ns=(changed_ns, changed_ns))
    with pytest.raises(QuarantineFullError):
        quarantine.put(item(2), b"x")


def test_items_are_counted_anew_only_once(
    open_quarantine: Open, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quarantine = open_quarantine(items=1)
    quarantine.put(item(0), b"x")
    (folder / "account").write_text("")
    for _ in range(2):
        with pytest.raises(QuarantineFullError):
            quarantine.put(item(1), b"x")
        monkeypatch.setattr(Quarantine, "_count", lambda _: pytest.fail("counted"))


def test_what_another_process_is_writing_is_not_swept(
    open_quarantine: Open, folder: Path
) -> None:
    quarantine, other = open_quarantine(), open_quarantine()
    met: list[str] = []

    def put_another(name: str) -> None:
        if name == "write" and not met:
            met.extend(unfinished(folder))
            other.put(item(1), b"of another")

    with before_each_call(put_another):
        item_id = quarantine.put(item(0), b"mine")
    assert met == [item_id]
    assert quarantine.body(item_id) == b"mine"
    assert numbers(quarantine) == ["m0", "m1"]
    assert account_is_right(folder)


def test_two_writers_do_not_fill_the_last_room_together(
    open_quarantine: Open, folder: Path
) -> None:
    quarantine, other = open_quarantine(items=1), open_quarantine(items=1)
    done: list[str] = []

    def put_another(name: str) -> None:
        if name == "write" and not done:
            done.append("")
            done.append(other.put(item(1), b"quicker"))

    with before_each_call(put_another), pytest.raises(QuarantineFullError):
        quarantine.put(item(0), b"late")
    assert numbers(quarantine) == ["m1"]
    assert unfinished(folder) == []
    assert account_is_right(folder)
