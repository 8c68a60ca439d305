"""Receives: as many as there is room for, full batches, and what messages become."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from plugin_bridge.forward.backoff import Backoff
from tests.fakes.calls import RecordedCommits, RecordedQueueCalls, make_message
from worker.config.model import SourceConfig
from worker.deliver.aws_state import AwsState
from worker.deliver.budget import Budget
from worker.deliver.failing import Failing
from worker.deliver.inbox import DepthTaken, Received, ReceiveFailed
from worker.deliver.intake import MAX_RECEIVE_MESSAGES, Intake
from worker.deliver.journaling import Journaling
from worker.deliver.ledger import Fate, HeldObject, Ledger
from worker.deliver.progress import Progress
from worker.deliver.settlement import Settlement
from worker.errors import AwsError, UnknownMessageError
from worker.source import notifications
from worker.source.announcing import announcement
from worker.source.notifications import ObjectRef
from worker.source.queue import Depth
from worker.source.selection import Selection

if TYPE_CHECKING:
    from worker.deliver.calls import QueueCalls
    from worker.deliver.disk import JournalCalls
    from worker.source.messages import Message
    from worker.source.sns_signatures import SnsSignatures

BACKLOG = 64


def event(*keys: str, bucket: str = "logs") -> str:
    """An S3 event's body that names ``keys``."""
    return json.dumps(
        {
            "Records": [
                {
                    "eventVersion": "2.1",
                    "eventSource": "aws:s3",
                    "awsRegion": "us-east-1",
                    "eventName": "ObjectCreated:Put",
                    "s3": {
                        "bucket": {"name": bucket},
                        "object": {"key": key, "size": 1500, "eTag": "0" * 32},
                    },
                }
                for key in keys
            ]
        }
    )


class Scene:
    """An intake with everything around it."""

    def __init__(
        self,
        *,
        until_empty: bool = False,
        backlog_objects: int = BACKLOG,
        commits: RecordedCommits | None = None,
        run_key: bytes | None = None,
        signatures: SnsSignatures | None = None,
        **source: object,
    ) -> None:
        config = SourceConfig.model_validate(
            {
                "queue_url": "https://sqs.us-east-1.amazonaws.com/123456789012/q",
                "region": "us-east-1",
                **source,
            }
        )
        self.calls = RecordedQueueCalls()
        self.journaling = Journaling(Budget(10**9), cast("JournalCalls", commits))
        self.budget = Budget(10**9)
        self.ledger = Ledger(self.journaling, budget=self.budget)
        self.progress = Progress()
        self.wanted: list[HeldObject] = []
        calls = cast("QueueCalls", self.calls)
        self.settlement = Settlement(
            calls,
            self.ledger,
            self.progress,
            visibility_timeout_s=600,
            jitter=lambda: 1.0,
        )
        self.failing = Failing(
            config,
            ledger=self.ledger,
            journaling=self.journaling,
            settlement=self.settlement,
            progress=self.progress,
            quarantine=None,
        )
        self.intake = Intake(
            config,
            Selection(
                allowed_buckets=["logs"], include_keys=[], exclude_keys=["/Digest/"]
            ),
            calls=calls,
            ledger=self.ledger,
            journaling=self.journaling,
            failing=self.failing,
            settlement=self.settlement,
            progress=self.progress,
            backoff=Backoff(),
            jitter=lambda: 1.0,
            backlog_objects=backlog_objects,
            until_empty=until_empty,
            run_key=run_key,
            signatures=signatures,
        )

    def step(
        self, now: float = 0.0, *, backlog: int = 0, has_room: bool = True
    ) -> None:
        self.intake.step(now, has_room=has_room, backlog=backlog)

    def bring(self, *messages: Message, now: float = 1.0) -> None:
        """Answer a receive that was ordered."""
        self.intake.on_received(Received(list(messages), now), now)
        self.journaling.step(now)
        decisions = self.journaling.take()
        self.wanted += decisions.fetch
        self.settlement.delete(decisions.delete, now)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_one_receive_for_a_full_batch_while_the_queue_is_idle(scene: Scene) -> None:
    scene.step()
    scene.step()
    assert scene.calls.receives == [MAX_RECEIVE_MESSAGES]


def test_a_second_one_beside_it_once_batches_come_full(scene: Scene) -> None:
    scene.step()
    scene.bring(*[make_message(n, event(f"k{n}")) for n in range(10)])
    for _ in range(3):
        scene.step()
    assert len(scene.calls.receives) == 3


def test_nothing_is_received_without_room(scene: Scene) -> None:
    scene.step(has_room=False)
    scene.step(backlog=BACKLOG - MAX_RECEIVE_MESSAGES + 1)
    assert scene.calls.receives == []
    scene.step(backlog=BACKLOG - MAX_RECEIVE_MESSAGES)
    assert len(scene.calls.receives) == 1


def test_a_small_backlog_still_takes_a_batch() -> None:
    scene = Scene(backlog_objects=4)
    scene.step()
    assert scene.calls.receives == [MAX_RECEIVE_MESSAGES]
    scene.bring(make_message(0, event("k")))
    scene.step(backlog=1)
    assert len(scene.calls.receives) == 1


def test_objects_of_a_message_are_wanted_in_order(scene: Scene) -> None:
    scene.step()
    scene.bring(make_message(0, event("a", "b")))
    assert [item.ref.key for item in scene.wanted] == ["a", "b"]
    assert scene.ledger.held_count == 1
    assert scene.progress.messages_received == 1


def test_another_producers_message_is_read_where_the_configuration_says() -> None:
    scene = Scene(mapping={"bucket": "bucket", "keys": "files[*].path"})
    scene.step()
    scene.bring(make_message(0, '{"bucket": "logs", "files": [{"path": "a+b"}]}'))
    assert [item.ref.key for item in scene.wanted] == ["a+b"]


def test_a_notification_without_a_time_has_its_messages(scene: Scene) -> None:
    scene.step()
    body = '{"s3Bucket": "logs", "s3ObjectKey": ["a", "b"]}'
    scene.bring(make_message(0, body, sent_at=datetime(2026, 1, 1, tzinfo=UTC)))
    assert {item.ref.event_time for item in scene.wanted} == {1_767_225_600.0}


def test_a_message_that_needs_no_download_is_deleted(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    scene.step()
    scene.bring(make_message(0, event("x/Digest/y")))
    (line,) = caplog.records
    assert line.getMessage() == "message part needs no download: excluded_key"
    assert line.__dict__.items() >= {"bucket": "logs", "key": "x/Digest/y"}.items()
    scene.settlement.step(1.0, at_once=True)
    assert [[h.message.id for h in batch] for batch in scene.calls.deletes] == [["m0"]]
    assert scene.wanted == []


@pytest.mark.parametrize("body", ["no notification", event("k", bucket="foreign")])
def test_unknown_messages_go_back_with_a_delay(scene: Scene, body: str) -> None:
    scene.step()
    scene.bring(make_message(0, body, receive_count=3))
    scene.settlement.step(1.0, at_once=True)
    ((change,),) = scene.calls.changes
    assert change[1] == 40
    assert scene.calls.deletes == []
    assert scene.progress.objects_failed == 1


def test_what_is_not_read_is_counted_by_reason_and_said_in_the_end(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    scene.step()
    scene.bring(
        make_message(0, event("x/Digest/y", "a", "x/Digest/z")),
        make_message(1, '{"Service": "Amazon S3", "Event": "s3:TestEvent"}'),
        make_message(2, "hello"),
        make_message(3, event("a", bucket="other")),
    )
    assert scene.intake.reasons == {
        "excluded_key": 2,
        "test_event": 1,
        "not_json": 1,
        "forbidden_bucket": 1,
    }
    counted = scene.progress.parts_ignored.counts
    assert {reason: n for reason, n in counted.items() if n} == {
        "excluded_key": 2,
        "test_event": 1,
        "unknown_message": 2,
    }
    scene.step()
    scene.intake.close()
    assert caplog.messages[-1] == (
        "not read, by reason: 2 excluded_key, 1 test_event, 1 not_json, "
        "1 forbidden_bucket"
    )
    scene.bring(make_message(4, "given back, for others to count"))
    assert scene.intake.reasons["not_json"] == 1


def test_a_message_is_in_the_budget_as_long_as_it_is_held(scene: Scene) -> None:
    scene.step()
    body = event(*(f"k{n}" for n in range(100))).ljust(900_000)
    scene.bring(make_message(1, body), make_message(2, event("k")))
    assert scene.budget.messages_bytes > 900_000 + 101 * 500
    for holder in list(scene.ledger.held):
        scene.ledger.abandon(holder)
    assert scene.budget.messages_bytes == 0


def test_a_message_that_names_too_many_objects_is_refused(scene: Scene) -> None:
    keys = [f"{number}" for number in range(10_000)]
    for number, extra in enumerate(([], ["0"] * 9, ["x"])):
        body = json.dumps({"s3Bucket": "logs", "s3ObjectKey": keys + extra})
        scene.step()
        scene.bring(make_message(number, body))
        refused = scene.intake.reasons["too_many_objects"]
        assert refused == (extra == ["x"])
    assert len(scene.wanted) == 20_000, "each once of both messages"


def test_no_second_receive_goes_on_beside_long_messages(scene: Scene) -> None:
    scene.step()
    scene.bring(*[make_message(n, event(f"k{n}").ljust(200_000)) for n in range(10)])
    for _ in range(3):
        scene.step()
    assert len(scene.calls.receives) == 2


def test_unknown_messages_are_deleted_where_so_configured() -> None:
    scene = Scene(on_unknown_message="delete")
    scene.step()
    scene.bring(make_message(0, "no notification"))
    scene.settlement.step(1.0, at_once=True)
    assert len(scene.calls.deletes) == 1
    assert scene.calls.changes == []


def test_failed_receives_back_off_and_recover(scene: Scene) -> None:
    scene.step(0.0)
    scene.intake.on_failed(ReceiveFailed(AwsError("Down", "SQS is down")), now=10.0)
    assert scene.progress.sqs_state == AwsState.OTHER
    due = scene.intake.due(10.0)
    assert due is not None
    scene.step(due - 0.01)
    assert len(scene.calls.receives) == 1
    scene.step(due)
    assert len(scene.calls.receives) == 2
    scene.intake.on_failed(ReceiveFailed(AwsError("Down", "SQS is down")), now=due)
    second = scene.intake.due(due)
    assert second is not None
    assert second - due > due - 10.0
    assert scene.progress.sqs_failures.counts["receive"] == 2
    scene.step(second)
    scene.bring()
    assert scene.progress.sqs_state == AwsState.WORKS
    assert scene.progress.sqs_requests.counts["receive"] == 1


def test_after_closing_what_comes_is_given_back_at_once(scene: Scene) -> None:
    scene.step()
    scene.intake.close()
    assert not scene.intake.is_idle
    scene.bring(make_message(0, event("a")))
    scene.settlement.step(1.0, at_once=True)
    ((change,),) = scene.calls.changes
    assert change[1] == 0
    assert change[0].fate is Fate.ABANDONED
    assert scene.wanted == []
    assert scene.intake.is_idle
    scene.step(2.0)
    assert len(scene.calls.receives) == 1


def test_the_depth_is_taken_only_when_nothing_is_held() -> None:
    scene = Scene(until_empty=True)
    scene.step()
    scene.bring()
    assert scene.calls.depths == 1
    scene.intake.on_depth(DepthTaken(Depth(visible=0, in_flight=0, delayed=0)), 5.0)
    assert scene.progress.empty_since == 5.0
    scene.step(6.0)
    scene.bring(now=7.0)
    scene.intake.on_depth(DepthTaken(Depth(visible=0, in_flight=0, delayed=0)), 8.0)
    assert scene.progress.empty_since == 5.0


@pytest.mark.parametrize(
    "depth",
    [
        Depth(visible=1, in_flight=0, delayed=0),
        Depth(visible=0, in_flight=1, delayed=0),
        Depth(visible=0, in_flight=0, delayed=1),
    ],
)
def test_the_queue_is_empty_only_when_nothing_is_anywhere_in_it(depth: Depth) -> None:
    scene = Scene(until_empty=True)
    scene.step()
    scene.bring()
    scene.intake.on_depth(DepthTaken(depth), 5.0)
    assert scene.progress.empty_since == 0.0


def test_a_message_ends_the_emptiness() -> None:
    scene = Scene(until_empty=True)
    scene.step()
    scene.bring()
    scene.intake.on_depth(DepthTaken(Depth(visible=0, in_flight=0, delayed=0)), 5.0)
    scene.step(6.0)
    scene.bring(make_message(0, event("a")), now=7.0)
    assert scene.progress.empty_since == 0.0


def test_a_bug_in_reading_a_message_is_that_messages_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(on_unknown_message="retry")

    def parse(body: str, **more: Any) -> Any:
        if body == "bad":
            raise OverflowError
        return notifications.parse(body, **more)

    monkeypatch.setattr("worker.deliver.intake.parse", parse)
    scene.step()
    scene.bring(make_message(0, "bad"), make_message(1, event("a")))
    assert [h.message.id for h in scene.ledger.held] == ["m1"]


def test_a_run_id_without_a_proof_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene(run_key=b"k" * 64)
    body = json.dumps({**json.loads(event("a")), "trailfeed": {"runId": "run-1"}})
    for number in range(2):
        taken = scene.intake.hold(
            make_message(number, body), received_at=0.0, extend_at=1.0
        )
        assert [one.ref.run_id for one in taken.holder.objects] == [""]
    (line,) = caplog.messages
    assert "run-1" in line
    assert "run.key" in line


class Unsigned:
    """No message has a signature."""

    def check(self, _body: str) -> None:
        raise UnknownMessageError("sns_signature", "SNS did not sign the message")


def test_without_a_signature_only_one_s_own_runs_are_read() -> None:
    key = b"k" * 64
    signatures = cast("SnsSignatures", Unsigned())
    scene = Scene(run_key=key, signatures=signatures)
    own = announcement(ObjectRef("logs", "a", run_id="run-1"), run_key=key)
    others = [event("a"), announcement(ObjectRef("logs", "a", run_id="run-1"))]
    taken = [
        scene.intake.hold(make_message(number, body), received_at=0.0, extend_at=1.0)
        for number, body in enumerate([own, *others])
    ]
    assert [one.reasons for one in taken] == [(), *[("sns_signature",)] * 2]
