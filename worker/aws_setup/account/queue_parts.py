"""The queue and its dead-letter queue, in SQS."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from worker.aws_setup.queues import judge_dead_letter_queue, judge_queue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

    from worker.aws_setup.account.patience import Patience
    from worker.aws_setup.queues import Attributes
    from worker.aws_setup.step import Step
    from worker.aws_setup.wiring import Wiring


class _Queue:
    """A queue by its name."""

    kind: str
    name: str

    def __init__(self, wiring: Wiring, client: SQSClient, patience: Patience) -> None:
        self._wiring = wiring
        self._client = client
        self._patience = patience
        self._changes: Attributes = {}
        self._url = ""

    def mend(self) -> None:
        """Make the queue, or set what differs."""
        if self._url:
            self._client.set_queue_attributes(
                QueueUrl=self._url,
                Attributes=cast("dict[QueueAttributeNameType, str]", self._changes),
            )
        else:
            self._patience.until_known(self._make, f"making the queue {self.name}")

    def _make(self) -> None:
        self._url = self._client.create_queue(
            QueueName=self.name,
            Attributes=cast("dict[QueueAttributeNameType, str]", self._changes),
        )["QueueUrl"]

    def _attributes(self, name: str) -> Attributes | None:
        """What a queue has, and None where there is none; remembers its URL."""
        self._url = ""
        try:
            self._url = self._client.get_queue_url(
                QueueName=name, QueueOwnerAWSAccountId=self._wiring.account
            )["QueueUrl"]
            answer = self._client.get_queue_attributes(
                QueueUrl=self._url, AttributeNames=["All"]
            )
        except self._client.exceptions.QueueDoesNotExist:
            return None
        return cast("Attributes", answer.get("Attributes", {}))


class DeadLetterQueue(_Queue):
    """See :func:`judge_dead_letter_queue`."""

    kind = "dead_letter_queue"

    def __init__(self, wiring: Wiring, client: SQSClient, patience: Patience) -> None:
        super().__init__(wiring, client, patience)
        self.name = wiring.dead_letter_queue

    def look(self) -> Step:
        queue = self._attributes(self._wiring.queue)
        present = self._attributes(self.name)
        step, self._changes = judge_dead_letter_queue(self._wiring, present, queue)
        return step

    def expect(self) -> Step:
        return judge_dead_letter_queue(self._wiring, None, None)[0]


class Queue(_Queue):
    """See :func:`judge_queue`."""

    kind = "queue"

    def __init__(self, wiring: Wiring, client: SQSClient, patience: Patience) -> None:
        super().__init__(wiring, client, patience)
        self.name = wiring.queue

    def look(self) -> Step:
        present = self._attributes(self.name)
        step, self._changes = judge_queue(self._wiring, present)
        return step

    def expect(self) -> Step:
        return judge_queue(self._wiring, None)[0]

    def url(self) -> str:
        """Its URL as SQS has it; the usual one where there is no such queue yet."""
        return self._url or self._wiring.queue_url
