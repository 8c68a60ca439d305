"""Whether a bucket's notifications reach the queue: directly, by SNS or EventBridge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker.doctor.arns import Arn
from worker.doctor.asking import NotAllowedError, asking
from worker.doctor.by_eventbridge import Rules
from worker.doctor.by_sns import Topics
from worker.doctor.finding import Answer, fail, warn
from worker.doctor.notification import CHECK, judge_direct, parse_configuration
from worker.errors import RetriableError
from worker.source.regions import ask_region

if TYPE_CHECKING:
    from worker.config import SourceConfig
    from worker.doctor.finding import Finding
    from worker.doctor.queue import QueueFacts
    from worker.source.sessions import AwsSession


@dataclass(frozen=True, slots=True)
class Bucket:
    """What the look at its objects needs to know.

    Attributes:
        region: None: S3 does not tell.
        prefix: Of the keys that it announces; empty: any.
    """

    name: str
    region: str | None
    prefix: str = ""


class Wiring:
    """Follows one bucket's notifications.

    Args:
        session: Whose eyes.
        source: The section ``[source]``.
        queue: Where they are to arrive.
        bucket: Name of the bucket.
        is_trail: Whether its objects are CloudTrail's.
    """

    def __init__(
        self,
        session: AwsSession,
        source: SourceConfig,
        queue: QueueFacts,
        bucket: str,
        *,
        is_trail: bool,
    ) -> None:
        self._session = session
        self._owner = source.expected_bucket_owner
        self._queue = queue
        self._bucket = bucket
        self._is_trail = is_trail
        self._topics = Topics(session, source, queue, bucket)
        self._rules = Rules(session, queue, bucket)

    def look(self) -> Answer[Bucket]:
        """Ask where the bucket announces its objects, and follow that to the queue.

        Raises:
            PermanentError: There is no such bucket.
        """
        region = ask_region(
            self._session.s3_client(), self._bucket, expected_owner=self._owner
        )
        try:
            findings, prefix = self._routes(region)
        except (NotAllowedError, RetriableError) as error:
            # No fault yet: trailfeed itself asks none of this.
            said = f"{error}: whether {self._bucket} announces its objects is not known"
            mend = ""
            if isinstance(error, NotAllowedError):
                mend = f"allow {error.code} to see it"
            return Answer((warn(CHECK, said, mend),), Bucket(self._bucket, region))
        return Answer(tuple(findings), Bucket(self._bucket, region, prefix))

    def _routes(self, region: str | None) -> tuple[list[Finding], str]:
        """All ways into the queue, and the prefix of the keys that go there."""
        announcements = parse_configuration(self._configuration(region))
        found: list[Finding] = []
        prefix = ""
        for one in announcements.queues:
            if one.target == self._queue.arn:
                prefix = one.prefix
                found.append(self._direct(one))
        for one in announcements.topics:
            through = self._topics.judge(one, is_trail=self._is_trail)
            if through is not None:
                prefix = one.prefix
                found.append(through)
        if announcements.to_eventbridge or not found:
            found += self._rules.judge(region, is_told=announcements.to_eventbridge)
        if not found:
            found = [*self._topics.unknown_to_s3()]
        if not found:
            found.append(self._unwired(announcements.all_targets))
        ways = sum(one.verdict == "ok" for one in found)
        if ways > 1 and not prefix:
            said = f"{self._bucket}: objects are announced to the queue in {ways} ways"
            found.append(warn(CHECK, f"{said}, each as often", "keep one of them"))
        return found, prefix

    def _direct(self, one: Any) -> Finding:
        arn = Arn.of(self._queue.arn)
        partition = arn.partition if arn is not None else "aws"
        return judge_direct(
            self._bucket,
            one,
            self._queue.policy,
            f"arn:{partition}:s3:::{self._bucket}",
            is_trail=self._is_trail,
        )

    def _unwired(self, others: tuple[str, ...]) -> Finding:
        name = self._queue.arn.rpartition(":")[2]
        said = f"{self._bucket}: does not announce its objects to {name}"
        if others:
            said += f", but to {', '.join(others)}"
        mend = f"trailfeed setup --bucket {self._bucket} --queue {name} prints how"
        return fail(CHECK, said, mend)

    def _configuration(self, region: str | None) -> Any:
        client = self._session.s3_client(region)
        request: Any = {"Bucket": self._bucket}
        if self._owner:
            request["ExpectedBucketOwner"] = self._owner
        what = f"the notifications of the bucket {self._bucket}"
        with asking(what, "s3:GetBucketNotification"):
            return client.get_bucket_notification_configuration(**request)
