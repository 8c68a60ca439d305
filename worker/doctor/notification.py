"""Where a bucket announces new objects, by its own configuration. No I/O.

Source: Amazon S3 API Reference, GetBucketNotificationConfiguration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from worker.doctor.arns import matches
from worker.doctor.finding import fail, ok, warn
from worker.doctor.queue_policy import S3

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.doctor.finding import Finding
    from worker.doctor.queue_policy import QueuePolicy

CHECK: Final = "notification"

NEEDED_EVENTS: Final = (
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:CompleteMultipartUpload",
)
LOG_NAME_END: Final = ".json.gz"


@dataclass(frozen=True, slots=True)
class Announcement:
    """One entry of the configuration.

    Attributes:
        target: ARN of the queue, topic or function.
        prefix: Of the keys; empty: any.
        suffix: The same.
    """

    target: str
    events: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""

    @property
    def scope(self) -> str:
        """Which objects it is about, for people."""
        of = ", ".join(self.events)
        where = f" below {self.prefix}" if self.prefix else ""
        return f"{of}{where}{f' ending in {self.suffix}' if self.suffix else ''}"


@dataclass(frozen=True, slots=True)
class Announcements:
    """A bucket's notification configuration.

    Attributes:
        to_eventbridge: Whether EventBridge hears of every object.
    """

    queues: tuple[Announcement, ...] = ()
    topics: tuple[Announcement, ...] = ()
    functions: tuple[Announcement, ...] = ()
    to_eventbridge: bool = False

    @property
    def all_targets(self) -> tuple[str, ...]:
        """Whom it tells, by name."""
        found = (*self.queues, *self.topics, *self.functions)
        names = [one.target.rpartition(":")[2] for one in found]
        return (*names, *(["EventBridge"] if self.to_eventbridge else []))


def parse_configuration(answer: Mapping[str, Any]) -> Announcements:
    """Read what S3 answers."""
    return Announcements(
        tuple(_entries(answer, "QueueConfigurations", "QueueArn")),
        tuple(_entries(answer, "TopicConfigurations", "TopicArn")),
        tuple(_entries(answer, "LambdaFunctionConfigurations", "LambdaFunctionArn")),
        "EventBridgeConfiguration" in answer,
    )


def _entries(
    answer: Mapping[str, Any], section: str, target: str
) -> Iterator[Announcement]:
    for one in answer.get(section, ()):
        rules = one.get("Filter", {}).get("Key", {}).get("FilterRules", ())
        limits = {rule["Name"].lower(): rule["Value"] for rule in rules}
        yield Announcement(
            one[target],
            tuple(one["Events"]),
            limits.get("prefix", ""),
            limits.get("suffix", ""),
        )


def judge_announcement(
    bucket: str, one: Announcement, through: str, *, is_trail: bool
) -> Finding:
    """Whether an announcement that reaches the queue is about the right objects.

    Args:
        bucket: Whose.
        one: The announcement.
        through: How it gets into the queue.
        is_trail: Whether the objects are CloudTrail's, by the key's layout.
    """
    missing = [
        event
        for event in NEEDED_EVENTS
        if not any(matches(pattern, event) for pattern in one.events)
    ]
    if len(missing) == len(NEEDED_EVENTS):
        return fail(
            CHECK,
            f"{bucket}: {through}, but only for {', '.join(one.events)}",
            "let it be about s3:ObjectCreated:*",
        )
    if missing:
        return warn(
            CHECK,
            f"{bucket}: {through}, but not for {', '.join(missing)}: some objects may "
            "be missed",
            "let it be about s3:ObjectCreated:*",
        )
    if is_trail and not LOG_NAME_END.endswith(one.suffix):
        return warn(
            CHECK,
            f"{bucket}: {through}, but only for keys that end in {one.suffix}, and "
            f"CloudTrail's end in {LOG_NAME_END}",
            f"take the suffix off, or set it to {LOG_NAME_END}",
        )
    return ok(CHECK, f"{bucket}: {one.scope}, {through}")


def judge_direct(
    bucket: str,
    one: Announcement,
    policy: QueuePolicy,
    bucket_arn: str,
    *,
    is_trail: bool,
) -> Finding:
    """Whether what the bucket sends to the queue itself gets in, and is right."""
    if policy.is_readable and not policy.lets(S3, bucket_arn):
        return fail(
            CHECK,
            f"{bucket}: announces its objects to the queue, whose policy does not let "
            f"S3 send for {bucket_arn}",
            "trailfeed setup prints the policy to put there",
        )
    return judge_announcement(bucket, one, "straight into the queue", is_trail=is_trail)
