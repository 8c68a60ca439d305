"""The queues: what lacks is set, and nothing is taken away."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.worker.aws_setup.wirings import ACCOUNT, KEY_ARN, wiring
from worker.aws_setup.documents import policy
from worker.aws_setup.queues import (
    judge_dead_letter_queue,
    judge_queue,
    new_dead_letter_queue,
    new_queue,
)
from worker.aws_setup.step import Verdict
from worker.aws_setup.wiring import Via

OTHER_ARN = f"arn:aws:sqs:us-east-1:{ACCOUNT}:other"
# What SQS gives a queue that is made without attributes.
DEFAULTS = {
    "VisibilityTimeout": "30",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
}


class TestQueue:
    def test_a_new_one(self) -> None:
        step, attributes = judge_queue(wiring(), None)
        assert step.verdict is Verdict.MAKE
        assert attributes["VisibilityTimeout"] == "600"
        assert attributes["MessageRetentionPeriod"] == "604800"
        assert attributes["ReceiveMessageWaitTimeSeconds"] == "20"
        assert json.loads(attributes["RedrivePolicy"]) == {
            "deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:trail-events-dlq",
            "maxReceiveCount": 10,
        }

    @pytest.mark.parametrize("via", Via)
    def test_what_is_made_is_right(self, via: Via) -> None:
        wanted = wiring(via=via)
        step, changes = judge_queue(wanted, new_queue(wanted))
        assert (step.verdict, changes, step.details) == (Verdict.OK, {}, ())

    def test_one_with_sqs_own_settings_is_changed(self) -> None:
        step, changes = judge_queue(wiring(), DEFAULTS)
        assert step.verdict is Verdict.CHANGE
        wanted = new_queue(wiring())
        assert changes == {
            name: wanted[name] for name in wanted if name != "SqsManagedSseEnabled"
        }
        assert "retention 4 days -> 7 days" in step.details
        # With the changes it is right.
        assert judge_queue(wiring(), DEFAULTS | changes)[0].verdict is Verdict.OK

    def test_more_than_is_wanted_stays(self) -> None:
        more = {
            "VisibilityTimeout": "43200",
            "MessageRetentionPeriod": "1209600",
            "RedrivePolicy": json.dumps(
                {"deadLetterTargetArn": OTHER_ARN, "maxReceiveCount": "1000"}
            ),
        }
        step, changes = judge_queue(wiring(), new_queue(wiring()) | more)
        assert (step.verdict, changes) == (Verdict.OK, {})

    def test_ones_own_dead_letter_queue_stays_with_more_receives(self) -> None:
        redrive = {"deadLetterTargetArn": OTHER_ARN, "maxReceiveCount": 3}
        present = new_queue(wiring()) | {"RedrivePolicy": json.dumps(redrive)}
        step, changes = judge_queue(wiring(), present)
        assert step.verdict is Verdict.CHANGE
        assert {name: json.loads(text) for name, text in changes.items()} == {
            "RedrivePolicy": redrive | {"maxReceiveCount": 10}
        }

    def test_others_may_send_on(self) -> None:
        theirs = {"Sid": "Theirs", "Effect": "Allow", "Action": "sqs:*"}
        present = new_queue(wiring()) | {"Policy": json.dumps(policy(theirs))}
        step, changes = judge_queue(wiring(), present)
        assert json.loads(changes["Policy"])["Statement"][0] == theirs
        assert "1 other statement stays" in " ".join(step.details)

    def test_a_policy_that_is_none_is_in_the_way(self) -> None:
        step, changes = judge_queue(wiring(), DEFAULTS | {"Policy": "{"})
        assert (step.verdict, changes) == (Verdict.BLOCKED, {})

    def test_aws_own_key_is_in_the_way(self) -> None:
        present = new_queue(wiring()) | {"KmsMasterKeyId": "alias/aws/sqs"}
        step, changes = judge_queue(wiring(), present)
        assert (step.verdict, changes) == (Verdict.BLOCKED, {})

    @pytest.mark.parametrize("key", [KEY_ARN, KEY_ARN.rpartition("/")[2]])
    def test_a_key_of_ones_own_wants_a_look_at_its_policy(self, key: str) -> None:
        present = new_queue(wiring()) | {"KmsMasterKeyId": key}
        step, _ = judge_queue(wiring(), present)
        assert step.verdict is Verdict.OK
        first, second = step.notes
        assert "s3.amazonaws.com" in first
        assert "--kms-key" in second
        known, _ = judge_queue(wiring(kms_keys=(KEY_ARN,)), present)
        assert known.notes == (first,)


class TestDeadLetterQueue:
    def judge(
        self, present: dict[str, str] | None, queue: dict[str, str] | None = None
    ) -> tuple[Verdict, dict[str, Any]]:
        step, changes = judge_dead_letter_queue(wiring(), present, queue)
        return step.verdict, changes

    def test_a_new_one_is_for_this_queue_only(self) -> None:
        verdict, attributes = self.judge(None)
        assert verdict is Verdict.MAKE
        assert attributes["MessageRetentionPeriod"] == "1209600"
        assert json.loads(attributes["RedriveAllowPolicy"]) == {
            "redrivePermission": "byQueue",
            "sourceQueueArns": [wiring().queue_arn],
        }

    def test_what_is_made_is_right(self) -> None:
        assert self.judge(new_dead_letter_queue(wiring())) == (Verdict.OK, {})

    def test_none_is_made_where_the_queue_has_another(self) -> None:
        redrive = {"deadLetterTargetArn": OTHER_ARN, "maxReceiveCount": 3}
        queue = {"RedrivePolicy": json.dumps(redrive)}
        step, changes = judge_dead_letter_queue(wiring(), None, queue)
        assert (step.verdict, step.name, changes) == (Verdict.OK, "other", {})

    def test_what_other_queues_use_is_not_taken_from_them(self) -> None:
        open_to_all = {"MessageRetentionPeriod": "1209600"}
        assert self.judge(open_to_all) == (Verdict.OK, {})

    def test_others_in_its_list_stay(self) -> None:
        allowed = {"redrivePermission": "byQueue", "sourceQueueArns": [OTHER_ARN]}
        present = new_dead_letter_queue(wiring()) | {
            "RedriveAllowPolicy": json.dumps(allowed)
        }
        verdict, changes = self.judge(present)
        assert verdict is Verdict.CHANGE
        assert json.loads(changes["RedriveAllowPolicy"])["sourceQueueArns"] == [
            OTHER_ARN,
            wiring().queue_arn,
        ]

    def test_one_that_takes_nothing_is_in_the_way(self) -> None:
        denied = json.dumps({"redrivePermission": "denyAll"})
        present = {"MessageRetentionPeriod": "1209600", "RedriveAllowPolicy": denied}
        assert self.judge(present) == (Verdict.BLOCKED, {})

    @pytest.mark.parametrize(
        ("kept", "queue_kept"),
        [("345600", "345600"), ("604800", "345600"), ("864000", "864000")],
    )
    def test_it_keeps_messages_for_longer_than_the_queue(
        self, kept: str, queue_kept: str
    ) -> None:
        verdict, changes = self.judge(
            {"MessageRetentionPeriod": kept}, {"MessageRetentionPeriod": queue_kept}
        )
        assert (verdict, changes) == (
            Verdict.CHANGE,
            {"MessageRetentionPeriod": "1209600"},
        )

    @pytest.mark.parametrize(
        ("kept", "queue_kept"), [("864000", "604800"), ("1209600", "1209600")]
    )
    def test_what_it_keeps_for_long_enough_stays(
        self, kept: str, queue_kept: str
    ) -> None:
        verdict, changes = self.judge(
            {"MessageRetentionPeriod": kept}, {"MessageRetentionPeriod": queue_kept}
        )
        assert (verdict, changes) == (Verdict.OK, {})
