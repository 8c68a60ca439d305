from __future__ import annotations

import itertools
import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.unit.worker.backfill.conftest import found
from worker.backfill.pacing import Pacer
from worker.backfill.run import Run
from worker.backfill.sending import GIVE_UP_S, Batch, Sending, batches
from worker.backfill.walk import Leg
from worker.errors import AwsError, CommonFaultError
from worker.source.notifications import parse
from worker.source.queue import ACCESS_DENIED, Depth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from worker.backfill.request import Request


def legs(*sizes: int, left_out: int = 0) -> list[Leg]:
    """Legs of so many objects; the keys are numbered through."""
    number = itertools.count()
    made = []
    for size in sizes:
        objects = [found(f"{next(number):05}") for _ in range(size)]
        last = objects[-1].key if objects else f"{next(number):05}"
        made.append(Leg(objects, Counter(empty=left_out), f"{last}~"))
    return made


def cut(*sizes: int, left_out: int = 0) -> list[Batch]:
    return [*batches(iter(legs(*sizes, left_out=left_out)))]


def test_batches_are_full_but_for_the_last_one() -> None:
    assert [len(one.objects) for one in cut(3, 25, 9, 1)] == [10, 10, 10, 8]
    assert [len(one.objects) for one in cut(20)] == [10, 10]
    assert cut() == cut(0) == []
    assert [len(one.objects) for one in batches(iter(legs(7, 8)), size=4)] == [
        *(4, 4, 4, 3)
    ]


@pytest.mark.parametrize("sizes", [(25,), (3, 25, 9, 1), (10, 10), (0, 4, 0), (1000,)])
def test_a_cursor_never_runs_ahead_of_what_was_sent(sizes: tuple[int, ...]) -> None:
    """Killed after any batch, what goes on from its cursor is what was not sent."""
    made = legs(*sizes, left_out=2)
    everything = [one.key for leg in made for one in leg.objects]
    cuts = cut(*sizes, left_out=2)
    sent: list[str] = []
    for batch in cuts:
        sent += [one.key for one in batch.objects]
        assert [key for key in everything if key > batch.cursor] == (
            everything[len(sent) :]
        )
    assert sent == everything
    left_out: Counter[str] = Counter()
    for batch in cuts:
        left_out += batch.left_out
        ended = [leg for leg in made if leg.last_key <= batch.cursor]
        assert left_out.total() <= 2 * len(ended)
    assert left_out.total() == 2 * len(made)
    assert not cuts or cuts[-1].cursor == made[-1].last_key


class FakeQueue:
    """Takes what it is sent, unless ``faults`` says otherwise."""

    def __init__(self, *faults: Exception | str | None) -> None:
        self.faults = list(faults)
        self.taken: list[str] = []

    def send_batch(self, bodies: Sequence[str]) -> dict[int, str]:
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Exception):
            raise fault
        refused = {0: fault} if fault else {}
        self.taken += bodies[len(refused) :]
        return refused

    def depth(self) -> Depth:
        return Depth(0, 0, 0)

    def keys(self) -> list[str]:
        return [ref.key for body in self.taken for ref in parse(body).objects]


class Clock:
    """Moves on by itself, so that nothing waits."""

    def __init__(self, step_s: float) -> None:
        self._now = 0.0
        self._step_s = step_s

    def __call__(self) -> float:
        self._now += self._step_s
        return self._now


class Blind:
    def look(
        self, objects: int, size_bytes: int, *, waiting_depth: int | None = None
    ) -> None: ...


def sending(run: Run, queue: FakeQueue, *, step_s: float = 0.0) -> Sending:
    return Sending(
        run,
        queue,
        Pacer(rate=0, max_depth=0),
        region="us-east-1",
        in_sns=False,
        run_key=None,
        watcher=Blind(),
        clock=Clock(step_s),
        jitter=lambda: 0.0,
    )


@pytest.fixture
def run(tmp_path: Path, request_: Request) -> Run:
    return Run.begin(tmp_path, "run-1", request_, "2026-11-21T00:00:00+00:00")


def test_everything_is_sent_once_with_the_run_s_id_and_noted(run: Run) -> None:
    queue = FakeQueue()
    sending(run, queue).send(iter(legs(25, 7, left_out=1)))
    assert queue.keys() == [f"{n:05}" for n in range(32)]
    (ref,) = parse(queue.taken[0]).objects
    assert (ref.run_id, ref.bucket, ref.etag) == ("run-1", "trail", "etag-00000")
    standing = run.standing
    assert (standing.objects, standing.size_bytes) == (32, 3200)
    assert (standing.left_out, standing.cursor) == (Counter(empty=2), "00031~")
    run.close()
    again = Run(run.folder)
    assert again.standing == standing
    again.close()


def test_what_sqs_refuses_is_sent_again_and_nothing_else_is(run: Run) -> None:
    fault = AwsError("X", "not now")
    queue = FakeQueue("InternalError", fault, "Throttled", "Throttled")
    sending(run, queue).send(iter(legs(10)))
    assert sorted(queue.keys()) == [f"{n:05}" for n in range(10)]
    run.close()


def test_what_no_second_try_mends_ends_it_at_once(run: Run) -> None:
    queue = FakeQueue(CommonFaultError(ACCESS_DENIED, "no"))
    with pytest.raises(CommonFaultError):
        sending(run, queue).send(iter(legs(10, 10, 10, 10, 10, 10)))
    assert run.standing.objects == 0  # noted is what was sent without a gap
    run.close()


def test_a_fault_that_lasts_ends_it(run: Run) -> None:
    queue = FakeQueue(*[AwsError("X", "not now")] * 100)
    with pytest.raises(AwsError):
        sending(run, queue, step_s=GIVE_UP_S / 10).send(iter(legs(10)))
    assert 1 < len(queue.faults) < 95
    run.close()


class GapQueue(FakeQueue):
    """Refuses the first batch for good, once the three others have gone."""

    def __init__(self) -> None:
        super().__init__()
        self._others = threading.Semaphore(0)

    def send_batch(self, bodies: Sequence[str]) -> dict[int, str]:
        if parse(bodies[0]).objects[0].key == "00000":
            for _ in range(3):
                assert self._others.acquire(timeout=30)
            raise CommonFaultError(ACCESS_DENIED, "no")
        answer = super().send_batch(bodies)
        self._others.release()
        return answer


def test_what_was_sent_behind_a_gap_is_not_noted(run: Run) -> None:
    queue = GapQueue()
    with pytest.raises(CommonFaultError):
        sending(run, queue).send(iter(legs(40)))
    assert len(queue.taken) == 30
    assert (run.standing.objects, run.standing.cursor) == (0, "")
    run.close()
