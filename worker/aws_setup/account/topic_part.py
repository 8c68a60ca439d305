"""The topic between bucket and queue, in SNS, and the queue's subscription to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from worker.aws_setup.account.part import step_of
from worker.aws_setup.documents import topic_statement
from worker.aws_setup.queues import others_stay
from worker.aws_setup.statements import statements_of, with_statements
from worker.aws_setup.step import Verdict
from worker.source.faults import service_code

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

    from worker.aws_setup.account.patience import Patience
    from worker.aws_setup.documents import Document
    from worker.aws_setup.step import Step
    from worker.aws_setup.wiring import Wiring

_MISSING = ("NotFound", "NotFoundException")


class Topic:
    """A topic to which the bucket may publish."""

    kind = "topic"

    def __init__(self, wiring: Wiring, client: SNSClient, patience: Patience) -> None:
        self._wiring = wiring
        self._client = client
        self._patience = patience
        self._is_there = False
        self._policy: Document | None = None
        self.name = wiring.topic

    def look(self) -> Step:
        attributes = self._attributes()
        self._is_there = attributes is not None
        if attributes is None:
            return self.expect()
        try:
            self._read_policy(attributes)
        except ValueError as error:
            return step_of(self, Verdict.BLOCKED, f"its policy cannot be read: {error}")
        notes: tuple[str, ...] = ()
        if key := attributes.get("KmsMasterKeyId", ""):
            notes = (
                f"it is encrypted under {key}: that key's policy must let "
                "s3.amazonaws.com use kms:GenerateDataKey and kms:Decrypt",
            )
        if self._policy is None:
            return step_of(self, Verdict.OK, notes=notes)
        stay = others_stay(len(statements_of(self._policy)) - 1, "statement")
        return step_of(self, Verdict.CHANGE, f"{self._said()}{stay}", notes=notes)

    def expect(self) -> Step:
        return step_of(self, Verdict.MAKE, self._said())

    def mend(self) -> None:
        arn, doing = self._wiring.topic_arn, f"making the topic {self.name}"
        if not self._is_there:
            self._client.create_topic(Name=self.name)
            # The policy that SNS gave it stays beside ours.
            made = self._patience.until_known(
                lambda: self._client.get_topic_attributes(TopicArn=arn), doing
            )
            self._read_policy(made["Attributes"])
        if self._policy is not None:
            text = json.dumps(self._policy)
            self._client.set_topic_attributes(
                TopicArn=arn, AttributeName="Policy", AttributeValue=text
            )

    def _attributes(self) -> dict[str, str] | None:
        try:
            answer = self._client.get_topic_attributes(TopicArn=self._wiring.topic_arn)
        except ClientError as error:
            if service_code(error) in _MISSING:
                return None
            raise
        return answer["Attributes"]

    def _read_policy(self, attributes: dict[str, str]) -> None:
        self._policy = with_statements(
            attributes.get("Policy", ""), [topic_statement(self._wiring)]
        )

    def _said(self) -> str:
        wiring = self._wiring
        return (
            f"its policy lets bucket {wiring.bucket} of account "
            f"{wiring.bucket_account} publish"
        )


class Subscription:
    """The queue's subscription to the topic.

    Without raw delivery, as SNS has it unless told: the envelope says which topic a
    message came by. trailfeed reads both forms, so one that is there stays as it is.
    """

    kind = "subscription"

    def __init__(self, wiring: Wiring, client: SNSClient, patience: Patience) -> None:
        self._wiring = wiring
        self._client = client
        self._patience = patience
        self.name = wiring.topic

    def look(self) -> Step:
        return step_of(self, Verdict.OK) if self._is_there() else self.expect()

    def expect(self) -> Step:
        return step_of(self, Verdict.MAKE, f"sends to the queue {self._wiring.queue}")

    def mend(self) -> None:
        wiring = self._wiring
        self._patience.until_known(
            lambda: self._client.subscribe(
                TopicArn=wiring.topic_arn,
                Protocol="sqs",
                Endpoint=wiring.queue_arn,
                ReturnSubscriptionArn=True,
            ),
            f"subscribing the queue {wiring.queue} to the topic {wiring.topic}",
        )

    def _is_there(self) -> bool:
        pages = self._client.get_paginator("list_subscriptions_by_topic").paginate(
            TopicArn=self._wiring.topic_arn
        )
        try:
            return any(
                one.get("Protocol") == "sqs"
                and one.get("Endpoint") == self._wiring.queue_arn
                for page in pages
                for one in page["Subscriptions"]
            )
        except ClientError as error:
            if service_code(error) in _MISSING:
                return False
            raise
