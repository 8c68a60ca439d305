from __future__ import annotations

from typing import TYPE_CHECKING, cast

from worker.deliver.aws_state import AwsState
from worker.deliver.depth_gauge import EVERY_S, DepthGauge
from worker.deliver.inbox import DepthSampled
from worker.deliver.progress import UNKNOWN, Progress
from worker.errors import AwsError
from worker.source.queue import Depth

if TYPE_CHECKING:
    from worker.deliver.calls import QueueCalls


class Calls:
    def __init__(self) -> None:
        self.orders = 0

    def sample_depth(self) -> None:
        self.orders += 1


def shown(progress: Progress) -> tuple[float, float, float]:
    return progress.queue_visible, progress.queue_in_flight, progress.queue_delayed


def test_it_asks_at_once_and_then_rarely() -> None:
    calls = Calls()
    gauge = DepthGauge(cast("QueueCalls", calls), Progress())
    asked = []
    for now in (100.0, 101.0, 100.0 + EVERY_S - 0.1, 100.0 + EVERY_S):
        gauge.step(now)
        asked.append(calls.orders)
    assert asked == [1, 1, 1, 2]


def test_it_shows_what_sqs_says_and_nothing_while_it_says_nothing() -> None:
    progress = Progress()
    gauge = DepthGauge(cast("QueueCalls", Calls()), progress)
    gauge.on_sampled(DepthSampled(Depth(1, 2, 3)), 0.0)
    assert shown(progress) == (1, 2, 3)
    gauge.on_sampled(DepthSampled(None, AwsError("Down", "SQS is down")), 30.0)
    assert shown(progress) == (UNKNOWN, UNKNOWN, UNKNOWN)
    assert progress.sqs_requests.counts["depth"] == 1
    assert progress.sqs_failures.counts["depth"] == 1


def test_an_answer_shows_that_sqs_works_but_hides_no_fault_of_a_receive() -> None:
    progress = Progress()
    gauge = DepthGauge(cast("QueueCalls", Calls()), progress)
    gauge.on_sampled(DepthSampled(Depth(0, 0, 0)), 0.0)
    assert progress.sqs_state == AwsState.WORKS
    progress.sqs_state = AwsState.CREDENTIALS_REFUSED
    gauge.on_sampled(DepthSampled(Depth(0, 0, 0)), 30.0)
    assert progress.sqs_state == AwsState.CREDENTIALS_REFUSED
