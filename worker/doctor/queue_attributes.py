"""What SQS says of the queue, against what this configuration needs. No I/O.

Source: Amazon SQS API Reference, GetQueueAttributes; Amazon SQS Developer Guide,
"Using dead-letter queues" and "Configuring KMS permissions for AWS services".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from worker.doctor.arns import Arn
from worker.doctor.finding import fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.config.model import Config
    from worker.doctor.finding import Finding
    from worker.doctor.measured import Measured

QUEUE: Final = "queue"
RETENTION: Final = "queue retention"
ENCRYPTION: Final = "queue encryption"
VISIBILITY: Final = "visibility timeout"
DEAD_LETTERS: Final = "dead-letter queue"

MANY_IN_FLIGHT: Final = 100_000
"""SQS allows 120,000."""

LEAST_RETENTION_S: Final = 4 * 86_400
MOST_RETENTION_S: Final = 14 * 86_400
LEAST_MESSAGE_BYTES: Final = 65_536
LEAST_RECEIVES: Final = 5
LEAST_VISIBILITY_S: Final = 60
MOST_VISIBILITY_S: Final = 6 * 3_600

_AWS_KEYS: Final = ("alias/aws/sqs",)
_DAY_S: Final = 86_400
_HOUR_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class Redrive:
    """Where messages go that were received too often."""

    queue_arn: str
    max_receives: int


def judge_queue(
    attributes: Mapping[str, str], config: Config, measured: Measured | None
) -> Iterator[Finding]:
    """Say how the queue stands, and what of it does not fit.

    Args:
        attributes: By SQS's own names.
        config: The whole configuration.
        measured: What a running daemon has measured; None: there is none.
    """
    yield _depth(attributes, config)
    if attributes.get("FifoQueue") == "true":
        yield warn(
            QUEUE,
            "it is a FIFO queue: S3 itself cannot send to one, and of each message "
            "group one message is worked on at a time",
            "use a standard queue",
        )
    delay_s = _number(attributes, "DelaySeconds")
    if delay_s:
        yield warn(
            QUEUE,
            f"each message is hidden for {_time(delay_s)} before it can be received",
            "set its DelaySeconds to 0",
        )
    size_bytes = _number(attributes, "MaximumMessageSize")
    if size_bytes is not None and size_bytes < LEAST_MESSAGE_BYTES:
        yield warn(
            QUEUE,
            f"it takes no message above {size_bytes:,} bytes: notifications of long "
            "keys, or of many objects, are lost",
            "set its MaximumMessageSize to 262144 or more",
        )
    yield _retention(attributes)
    if not is_own_key(key_of(attributes)):  # else see queue_key
        yield _encryption(attributes, config)
    yield _visibility(config, measured)
    if not config.source.wait_time_s:
        yield warn(
            VISIBILITY,
            "source.wait_time_s is 0: an empty queue is asked again and again, and "
            "each request is paid for",
            "set source.wait_time_s to 20",
        )


def redrive_of(attributes: Mapping[str, str]) -> Redrive | None:
    """Read the attribute ``RedrivePolicy``; None where there is none."""
    try:
        document = json.loads(attributes.get("RedrivePolicy") or "{}")
        return Redrive(
            str(document["deadLetterTargetArn"]), int(document["maxReceiveCount"])
        )
    except (ValueError, TypeError, LookupError):
        return None


def url_beside(queue_url: str, queue_arn: str) -> str:
    """The URL of another queue of the same region, under the same host."""
    parts = urlsplit(queue_url)
    arn = Arn.of(queue_arn)
    path = f"/{arn.account}/{arn.resource}" if arn is not None else parts.path
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def judge_dead_letters(
    redrive: Redrive | None,
    attributes: Mapping[str, str],
    dead: Mapping[str, str] | None,
) -> Finding:
    """Say what becomes of messages that cannot be handled.

    Args:
        redrive: None: nothing does.
        attributes: Of the queue.
        dead: Of the dead-letter queue; None: they could not be asked for.
    """
    if redrive is None:
        return warn(
            DEAD_LETTERS,
            "there is none: a message that cannot be handled comes again until its "
            "retention ends, and a run with --until-empty does not end before",
            "give the queue a redrive policy with a maxReceiveCount of 10",
        )
    name = redrive.queue_arn.rpartition(":")[2]
    if redrive.max_receives < LEAST_RECEIVES:
        return warn(
            DEAD_LETTERS,
            f"messages go to {name} after {redrive.max_receives} receives, and each "
            "drain, crash and outage may count as one",
            "set its maxReceiveCount to 10",
        )
    after = f"messages go to {name} after {redrive.max_receives} receives"
    if dead is None:
        return ok(DEAD_LETTERS, f"{after}; what is in there this identity may not see")
    waiting = _number(dead, "ApproximateNumberOfMessages") or 0
    if waiting:
        return warn(
            DEAD_LETTERS,
            f"{waiting:,} messages lie in {name}",
            "look at one of them and at the log, mend the cause, then start a redrive "
            "of them in SQS",
        )
    kept_s = _number(dead, "MessageRetentionPeriod") or 0
    if kept_s <= (_number(attributes, "MessageRetentionPeriod") or 0):
        mend = f"set its MessageRetentionPeriod to {MOST_RETENTION_S}, 14 days"
        if kept_s >= MOST_RETENTION_S:
            mend = "set the first queue's MessageRetentionPeriod to 604800, 7 days"
        return warn(
            DEAD_LETTERS,
            f"{name} keeps messages for {_time(kept_s)}, counted from when they came "
            "into the first queue, so that some are gone soon after they get there",
            mend,
        )
    return ok(DEAD_LETTERS, f"{after}; it is empty")


def key_of(attributes: Mapping[str, str]) -> str:
    """Id, alias or ARN of the KMS key that encrypts the queue; empty: none."""
    return attributes.get("KmsMasterKeyId", "")


def is_own_key(key: str) -> bool:
    """Whether it is a KMS key of the account's own, which has a policy to be set."""
    return bool(key) and not key.endswith(_AWS_KEYS)


def _depth(attributes: Mapping[str, str], config: Config) -> Finding:
    visible = _number(attributes, "ApproximateNumberOfMessages") or 0
    in_flight = _number(attributes, "ApproximateNumberOfMessagesNotVisible") or 0
    delayed = _number(attributes, "ApproximateNumberOfMessagesDelayed") or 0
    name = config.source.queue_url.rpartition("/")[2]
    if in_flight >= MANY_IN_FLIGHT:
        return warn(
            QUEUE,
            f"{name}: {in_flight:,} messages are in flight, and SQS allows 120,000",
            "find out who receives and does not delete",
        )
    said = f"{visible:,} visible, {in_flight:,} in flight, {delayed:,} delayed"
    return ok(QUEUE, f"{name}: {said}")


def _retention(attributes: Mapping[str, str]) -> Finding:
    kept_s = _number(attributes, "MessageRetentionPeriod") or 0
    if kept_s < LEAST_RETENTION_S:
        return warn(
            RETENTION,
            f"messages are kept for {_time(kept_s)}: what is announced in a longer "
            "outage is lost",
            "set its MessageRetentionPeriod to 604800, 7 days",
        )
    return ok(RETENTION, f"messages are kept for {_time(kept_s)}")


def _encryption(attributes: Mapping[str, str], config: Config) -> Finding:
    key = key_of(attributes)
    if not key:
        how = "by SQS's own keys"
        if attributes.get("SqsManagedSseEnabled") != "true":
            how = "not at rest"
        return ok(ENCRYPTION, f"encrypted {how}: nobody needs a permission for it")
    said = f"encrypted with {key}, which S3, SNS and EventBridge may not use"
    mend = (
        "use SQS's own encryption (SSE-SQS), or a KMS key of yours whose policy lets "
        "s3.amazonaws.com use kms:GenerateDataKey and kms:Decrypt"
    )
    if config.source.mapping.bucket:  # another producer sends, perhaps
        return warn(ENCRYPTION, said, mend)
    return fail(ENCRYPTION, f"{said}: no notification gets in", mend)


def _visibility(config: Config, measured: Measured | None) -> Finding:
    timeout_s = config.source.visibility_timeout_s
    given = f"trailfeed asks for {_time(timeout_s)} at each receive"
    if measured is None:
        took = "no running daemon tells how long objects take"
    else:
        took = (
            f"objects take {measured.mean_s:.1f} s on average, 99 % of them at most "
            f"about {measured.most_s:.1f} s"
        )
        if timeout_s < measured.most_s:
            return warn(
                VISIBILITY,
                f"{given}, and {took}: they are held by extensions alone",
                "set source.visibility_timeout_s to "
                f"{max(600, round(3 * measured.most_s))}",
            )
    if timeout_s < LEAST_VISIBILITY_S:
        return warn(
            VISIBILITY,
            f"{given}, and extends that each third of it: a pause of SQS or of the "
            "network of that length lets messages go to another worker",
            "set source.visibility_timeout_s to 600",
        )
    if timeout_s > MOST_VISIBILITY_S:
        return warn(
            VISIBILITY,
            f"{given}: what a host held that is gone for good comes back only then",
            "set source.visibility_timeout_s to 600; it is extended as needed",
        )
    return ok(VISIBILITY, f"{given}, and extends it; {took}")


def _number(attributes: Mapping[str, str], name: str) -> int | None:
    try:
        return int(attributes[name])
    except (KeyError, ValueError):
        return None


def _time(seconds: int) -> str:
    for unit_s, name in ((_DAY_S, "days"), (_HOUR_S, "hours")):
        if seconds >= 2 * unit_s and seconds % unit_s == 0:
            return f"{seconds // unit_s} {name}"
    return f"{seconds} s"
