from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from worker.backfill import work_list
from worker.backfill.run import Run
from worker.backfill.work_list import MAX_RECEIVES, WorkList
from worker.source.notifications import ObjectRef, parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from worker.backfill.request import Request
    from worker.source.messages import Message


class Feeder:
    """The other side: the run, and the pipe that says that it is alive."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.database = run.open()
        self.read_fd, self._write_fd = os.pipe()

    def put(self, *keys: str) -> None:
        refs = [ObjectRef("trail", key, size_bytes=7, run_id="run-1") for key in keys]
        with self.run.noting() as database:
            work_list.put(database, refs)

    def vanish(self) -> None:
        os.close(self._write_fd)


@pytest.fixture
def feeder(tmp_path: Path, request_: Request) -> Iterator[Feeder]:
    run = Run.begin(tmp_path, "run-1", request_, "2026-11-21T00:00:00+00:00")
    yield Feeder(run)
    run.close()


@pytest.fixture
def queue(feeder: Feeder) -> WorkList:
    return WorkList(feeder.run.folder, feeder_fd=feeder.read_fd, in_sns=False)


def receive(queue: WorkList, count: int = 10) -> list[Message]:
    return queue.receive(max_messages=count, wait_s=0, visibility_timeout_s=600)


def keys(messages: list[Message]) -> list[str]:
    return [ref.key for one in messages for ref in parse(one.body).objects]


def test_each_is_handed_out_once_in_order_and_gone_once_deleted(
    feeder: Feeder, queue: WorkList
) -> None:
    feeder.put("a", "b", "c")
    first, second = receive(queue, 2), receive(queue, 2)
    assert (keys(first), keys(second), receive(queue)) == (["a", "b"], ["c"], [])
    assert parse(first[0].body).objects[0].run_id == "run-1"
    assert work_list.left(feeder.database) == (3, 21)
    assert queue.delete(first) == ()
    assert work_list.left(feeder.database) == (1, 7)


def test_what_is_given_back_comes_again_with_another_handle(
    feeder: Feeder, queue: WorkList
) -> None:
    feeder.put("a")
    (first,) = receive(queue)
    assert queue.change_visibility([(first, 0)]) == ()
    (second,) = receive(queue)
    assert (second.id, second.receive_count) == (first.id, 2)
    for failures in (queue.delete([first]), queue.change_visibility([(first, 0)])):
        (failure,) = failures
        assert failure.handle_lost
    assert queue.change_visibility([(second, 900)]) == ()
    assert receive(queue) == []
    assert queue.delete([second]) == ()


def test_what_comes_too_often_is_put_aside(feeder: Feeder, queue: WorkList) -> None:
    feeder.put("a", "b")
    for _ in range(MAX_RECEIVES):
        (message,) = receive(queue, 1)
        assert keys([message]) == ["a"]
        queue.change_visibility([(message, 0)])
    assert keys(receive(queue, 1)) == []
    assert keys(receive(queue, 1)) == ["b"]
    assert [ref.key for ref in work_list.failed_refs(feeder.database)] == ["a"]
    assert work_list.left(feeder.database) == (1, 7)


def test_a_run_that_begins_again_takes_up_what_was_held_and_what_failed(
    feeder: Feeder, queue: WorkList
) -> None:
    feeder.put("a", "b", "c")
    held = receive(queue, 2)
    work_list.give_up(feeder.database, int(held[0].id))
    work_list.set_fed(feeder.database)
    work_list.begin_again(feeder.database)
    assert queue.delete(held)[1].handle_lost
    assert sorted(keys(receive(queue))) == ["a", "b", "c"]
    assert work_list.failed_refs(feeder.database) == []
    assert queue.depth().total == 4  # the feeder may come with more


def test_it_is_empty_once_all_is_fed_and_deleted(
    feeder: Feeder, queue: WorkList
) -> None:
    assert queue.depth().total == 1
    feeder.put("a")
    work_list.set_fed(feeder.database)
    assert (queue.depth().visible, queue.depth().in_flight) == (1, 0)
    messages = receive(queue)
    assert (queue.depth().visible, queue.depth().in_flight) == (0, 1)
    queue.delete(messages)
    assert queue.depth().total == 0


def test_all_of_a_worker_s_threads_may_use_it(feeder: Feeder, queue: WorkList) -> None:
    names = [f"{n:03}" for n in range(400)]
    feeder.put(*names)

    def work(_: int) -> list[str]:
        messages = receive(queue)
        assert queue.delete(messages) == ()
        queue.depth()
        return keys(messages)

    with ThreadPoolExecutor(4) as threads:
        found = [key for some in threads.map(work, range(60)) for key in some]
    assert sorted(found) == names


def test_without_its_feeder_nothing_more_is_handed_out(
    feeder: Feeder, queue: WorkList
) -> None:
    feeder.put("a", "b")
    held = receive(queue, 1)
    feeder.vanish()
    assert receive(queue) == []
    assert queue.depth().total == 0
    assert queue.delete(held) == ()
