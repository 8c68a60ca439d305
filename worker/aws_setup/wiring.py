"""What is wanted: a bucket that announces its new objects in a queue, and a reader."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.aws_setup.partitions import Partition

TRAIL_PREFIX: Final = "AWSLogs/"
"""Of all keys that CloudTrail writes."""

# Amazon S3 User Guide, "Bucket naming rules"; Amazon SQS API, CreateQueue; Amazon SNS
# API, CreateTopic; Amazon EventBridge API, PutRule; AWS IAM API, AttachRolePolicy.
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_QUEUE: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_TOPIC: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
_RULE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ROLE: Final = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
_ACCOUNT: Final = re.compile(r"\d{12}")
_KEY_ARN: Final = re.compile(
    r"arn:(?P<partition>[a-z-]+):kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+"
)
# What a notification's filter takes as it is: others would have to be encoded.
_PREFIX: Final = re.compile(r"[A-Za-z0-9!_.*'()/-]{0,1024}")

_DLQ_SUFFIX: Final = "-dlq"
_MAX_QUEUE: Final = 80 - len(_DLQ_SUFFIX)


class Via(Enum):
    """What announces a new object to the queue."""

    S3 = "s3"
    SNS = "sns"
    EVENTBRIDGE = "eventbridge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """A bucket, a queue, and what is between and around them.

    Attributes:
        bucket: Its name.
        queue: Its name.
        region: Of bucket and queue: S3 announces to its own region only.
        account: Of the queue, twelve digits.
        partition: Of the region.
        bucket_account: Of the bucket.
        prefix: Of the keys to be announced and read.
        via: What announces.
        topic: The name of the topic, with ``Via.SNS``.
        rule: The name of the rule, with ``Via.EVENTBRIDGE``.
        has_reader: Whether the reader's policy is wanted.
        role: An existing role that gets it; empty: none.
        kms_keys: ARNs of the keys under which the files or the queue are encrypted.
        can_send: Whether the reader may send to the queue (replay, backfill).
        is_new_bucket: Whether the bucket is to be made.
    """

    bucket: str
    queue: str
    region: str
    account: str
    partition: Partition
    bucket_account: str
    prefix: str = TRAIL_PREFIX
    via: Via = Via.S3
    topic: str = ""
    rule: str = ""
    has_reader: bool = True
    role: str = ""
    kms_keys: tuple[str, ...] = ()
    can_send: bool = False
    is_new_bucket: bool = False

    @property
    def is_foreign_bucket(self) -> bool:
        """Whether the bucket is another account's, which has to let it announce."""
        return self.bucket_account != self.account

    @property
    def dead_letter_queue(self) -> str:
        return f"{self.queue}{_DLQ_SUFFIX}"

    @property
    def policy(self) -> str:
        return f"{self.queue}-reader"

    @property
    def bucket_arn(self) -> str:
        return f"arn:{self.partition.name}:s3:::{self.bucket}"

    @property
    def queue_arn(self) -> str:
        return self._regional("sqs", self.queue)

    @property
    def dead_letter_queue_arn(self) -> str:
        return self._regional("sqs", self.dead_letter_queue)

    @property
    def topic_arn(self) -> str:
        return self._regional("sns", self.topic)

    @property
    def rule_arn(self) -> str:
        return self._regional("events", f"rule/{self.rule}")

    @property
    def policy_arn(self) -> str:
        return f"arn:{self.partition.name}:iam::{self.account}:policy/{self.policy}"

    @property
    def queue_url(self) -> str:
        host = f"sqs.{self.region}.{self.partition.dns_suffix}"
        return f"https://{host}/{self.account}/{self.queue}"

    def _regional(self, service: str, name: str) -> str:
        return (
            f"arn:{self.partition.name}:{service}:{self.region}:{self.account}:{name}"
        )


def problems(wiring: Wiring) -> tuple[str, ...]:
    """Return why AWS could not take this, a line each that begins with the option."""
    return (*_bad_names(wiring), *_bad_keys(wiring), *_bad_ways(wiring))


def _bad_names(wiring: Wiring) -> Iterator[str]:
    for option, name, pattern, expected in (
        ("--bucket", wiring.bucket, _BUCKET, "3 to 63 of a-z, 0-9, . and -"),
        ("--account", wiring.account, _ACCOUNT, "twelve digits"),
        ("--bucket-account", wiring.bucket_account, _ACCOUNT, "twelve digits"),
        ("--prefix", wiring.prefix, _PREFIX, "letters, digits and ! _ . * ' ( ) / -"),
        ("--role", wiring.role or "-", _ROLE, "the name of a role, not its ARN"),
    ):
        if not pattern.fullmatch(name):
            yield f'{option} "{name}": expected {expected}'
    for option, name, pattern, kind in (
        ("--queue", wiring.queue, _QUEUE, "queue"),
        ("--topic", wiring.topic or "-", _TOPIC, "topic"),
        ("--rule", wiring.rule or "-", _RULE, "rule"),
    ):
        if name.endswith(".fifo"):
            yield f'{option} "{name}": S3 announces to no FIFO {kind}; name another one'
        elif not pattern.fullmatch(name):
            yield f'{option} "{name}": expected the name of a {kind}, no URL or ARN'
    if _QUEUE.fullmatch(wiring.queue) and len(wiring.queue) > _MAX_QUEUE:
        yield (
            f'--queue "{wiring.queue}": has more than {_MAX_QUEUE} characters, and '
            f'"{_DLQ_SUFFIX}" must fit in, too'
        )


def _bad_keys(wiring: Wiring) -> Iterator[str]:
    for arn in wiring.kms_keys:
        match = _KEY_ARN.fullmatch(arn)
        if match is None or match["partition"] != wiring.partition.name:
            yield (
                f'--kms-key "{arn}": expected the ARN of a key (no alias), as in '
                f"arn:{wiring.partition.name}:kms:{wiring.region}:{wiring.account}:"
                "key/1234abcd-12ab-34cd-56ef-1234567890ab"
            )


def _bad_ways(wiring: Wiring) -> Iterator[str]:
    if wiring.is_foreign_bucket:
        if wiring.via is Via.EVENTBRIDGE:
            yield (
                "--via-eventbridge: the bucket's events go to its own account's bus: "
                "run it there, with that --account, or take another way"
            )
        if wiring.is_new_bucket:
            yield "--new-bucket: is made in --account; leave out --bucket-account"
    if wiring.topic and wiring.via is not Via.SNS:
        yield "--topic: goes with --via-sns"
    if wiring.rule and wiring.via is not Via.EVENTBRIDGE:
        yield "--rule: goes with --via-eventbridge"
    if not wiring.has_reader and (wiring.role or wiring.kms_keys or wiring.can_send):
        yield "--no-policy: does not go with --role, --kms-key or --send"
