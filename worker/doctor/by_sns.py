"""Whether what is published to a topic of SNS reaches the queue.

Source: Amazon SNS API Reference, ListSubscriptionsByTopic, GetSubscriptionAttributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.doctor.arns import Arn
from worker.doctor.asking import NotAllowedError, asking
from worker.doctor.finding import fail, ok, warn
from worker.doctor.notification import CHECK, judge_announcement
from worker.doctor.queue_policy import SNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.config import SourceConfig
    from worker.doctor.finding import Finding
    from worker.doctor.notification import Announcement
    from worker.doctor.queue import QueueFacts
    from worker.source.sessions import AwsSession


class Topics:
    """Follows notifications through SNS.

    Args:
        session: Whose eyes.
        source: The section ``[source]``.
        queue: Where they are to arrive.
        bucket: Whose they are.
    """

    def __init__(
        self, session: AwsSession, source: SourceConfig, queue: QueueFacts, bucket: str
    ) -> None:
        self._session = session
        self._uses_sns = source.uses_sns
        self._queue = queue
        self._bucket = bucket

    def judge(self, one: Announcement, *, is_trail: bool) -> Finding | None:
        """What the bucket announces to a topic; None: the queue does not hear it."""
        name = one.target.rpartition(":")[2]
        try:
            problem = self._problem(one.target)
        except NotAllowedError as error:
            return warn(
                CHECK,
                f"{self._bucket}: {one.scope}: to the topic {name}, whose "
                "subscriptions this identity may not see",
                f"allow {error.code} to see whether the queue is among them",
            )
        if problem is None:
            return None
        if problem:
            return fail(CHECK, f"{self._bucket}: by the topic {name}: {problem}")
        return judge_announcement(
            self._bucket, one, f"by the topic {name}", is_trail=is_trail
        )

    def unknown_to_s3(self) -> Iterator[Finding]:
        """Other topics that reach the queue: CloudTrail may announce its files itself.

        Source: AWS CloudTrail User Guide, "Configuring Amazon SNS notifications".
        """
        for arn in self._queue.policy.literal_sources(SNS):
            name = arn.rpartition(":")[2]
            try:
                problem = self._problem(arn)
            except NotAllowedError:
                continue
            if problem == "":
                yield ok(
                    CHECK,
                    f"{self._bucket}: announces nothing itself; the topic {name} does "
                    "reach the queue, which is right where it is the trail's own",
                )

    def _problem(self, topic_arn: str) -> str | None:
        """What keeps a topic's messages from the queue; empty: nothing.

        None: the queue is not subscribed.
        """
        arn = Arn.of(topic_arn)
        client = self._session.other_client("sns", region=arn.region if arn else "")
        with asking(
            f"the subscriptions of {topic_arn}", "sns:ListSubscriptionsByTopic"
        ):
            pages = client.get_paginator("list_subscriptions_by_topic").paginate(
                TopicArn=topic_arn
            )
            mine = [
                one["SubscriptionArn"]
                for page in pages
                for one in page["Subscriptions"]
                if one["Protocol"] == "sqs" and one["Endpoint"] == self._queue.arn
            ]
        if not mine:
            return None
        if not mine[0].startswith("arn:"):
            return "the subscription is not confirmed: confirm it, or make it anew"
        policy = self._queue.policy
        if policy.is_readable and not policy.lets(SNS, topic_arn):
            return "the queue's policy does not let SNS send for it: allow that there"
        return self._envelope_problem(client, mine[0])

    def _envelope_problem(self, client: Any, subscription_arn: str) -> str:
        if self._uses_sns == "auto":
            return ""
        try:
            with asking("the subscription", "sns:GetSubscriptionAttributes"):
                answer = client.get_subscription_attributes(
                    SubscriptionArn=subscription_arn
                )
        except NotAllowedError:
            return ""
        is_raw = answer["Attributes"].get("RawMessageDelivery") == "true"
        if is_raw and self._uses_sns:
            return (
                "it delivers raw messages, and source.uses_sns wants an envelope: set "
                'that to "auto"'
            )
        if not is_raw and not self._uses_sns:
            return (
                'it delivers envelopes, and source.uses_sns is false: set it to "auto"'
            )
        return ""
