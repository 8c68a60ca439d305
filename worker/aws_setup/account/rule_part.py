"""The rule that sends the bucket's events from EventBridge to the queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from worker.aws_setup.account.part import step_of
from worker.aws_setup.documents import event_pattern
from worker.aws_setup.step import Verdict
from worker.errors import AwsError
from worker.source.faults import service_code

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import TargetOutputTypeDef

    from worker.aws_setup.account.patience import Patience
    from worker.aws_setup.step import Step
    from worker.aws_setup.wiring import Wiring

_MISSING = "ResourceNotFoundException"
_TARGET_ID = "trailfeed"
# What would make another message of the event.
_REWRITTEN_BY = ("Input", "InputPath", "InputTransformer")


class Rule:
    """A rule on the account's own bus, with the queue as a target."""

    kind = "rule"

    def __init__(
        self, wiring: Wiring, client: EventBridgeClient, patience: Patience
    ) -> None:
        self._wiring = wiring
        self._client = client
        self._patience = patience
        self._is_rule_due = True
        self._target_id = _TARGET_ID
        self.name = wiring.rule

    def look(self) -> Step:
        try:
            rule = self._client.describe_rule(Name=self.name)
        except ClientError as error:
            if service_code(error) != _MISSING:
                raise
            self._is_rule_due = True
            return self.expect()
        details: list[str] = []
        if json.loads(rule.get("EventPattern") or "{}") != event_pattern(self._wiring):
            details.append(self._said())
        if rule["State"] == "DISABLED":
            details.append("enabled")
        self._is_rule_due = bool(details)
        target = self._target()
        if target is None:
            details.append(self._target_said())
        elif any(name in target for name in _REWRITTEN_BY):
            details.append(f"{self._target_said()}, as they are")
        self._target_id = target["Id"] if target else _TARGET_ID
        return step_of(self, Verdict.CHANGE if details else Verdict.OK, *details)

    def expect(self) -> Step:
        return step_of(self, Verdict.MAKE, self._said(), self._target_said())

    def mend(self) -> None:
        if self._is_rule_due:
            self._client.put_rule(
                Name=self.name,
                EventPattern=json.dumps(event_pattern(self._wiring)),
                State="ENABLED",
                Description=f"New objects of {self._wiring.bucket} for trailfeed",
            )
        answer = self._patience.until_known(
            lambda: self._client.put_targets(
                Rule=self.name,
                Targets=[{"Id": self._target_id, "Arn": self._wiring.queue_arn}],
            ),
            f"setting the target of the rule {self.name}",
        )
        for failed in answer.get("FailedEntries", ()):
            raise AwsError(
                failed.get("ErrorCode", "put_targets"),
                f"rule {self.name}: EventBridge does not take the queue as a target: "
                f"{failed.get('ErrorMessage', 'it does not say why')}",
            )

    def _target(self) -> TargetOutputTypeDef | None:
        pages = self._client.get_paginator("list_targets_by_rule").paginate(
            Rule=self.name
        )
        for page in pages:
            for target in page["Targets"]:
                if target["Arn"] == self._wiring.queue_arn:
                    return target
        return None

    def _said(self) -> str:
        wiring = self._wiring
        place = f" under {wiring.prefix}" if wiring.prefix else ""
        return f"takes the events of new objects of {wiring.bucket}{place}"

    def _target_said(self) -> str:
        return f"sends them to the queue {self._wiring.queue}"
