"""The queue: its attributes, its dead-letter queue, a message of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.doctor.finding import Answer, ok, skip, warn
from worker.doctor.queue_attributes import (
    is_own_key,
    judge_dead_letters,
    judge_queue,
    key_of,
    redrive_of,
    url_beside,
)
from worker.doctor.queue_key import look_at_key
from worker.doctor.queue_policy import EVENTS, S3, SNS, QueuePolicy, parse_policy
from worker.errors import TrailfeedError, UnknownMessageError
from worker.source.notifications import Mapping, parse
from worker.source.queue import Queue

if TYPE_CHECKING:
    from worker.config.model import Config
    from worker.doctor.finding import Finding
    from worker.doctor.measured import Measured
    from worker.source.notifications import ObjectRef
    from worker.source.sessions import AwsSession

POLICY: Final = "queue policy"
MESSAGE: Final = "message"

_SETUP: Final = "trailfeed setup prints the policy that lets one bucket send"


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """What the looks after this one need to know.

    Attributes:
        key: ARN of the KMS key that encrypts it, as far as known; empty: there is none.
    """

    arn: str
    policy: QueuePolicy
    key: str


def look_at_queue(
    session: AwsSession, config: Config, measured: Measured | None
) -> Answer[QueueFacts]:
    """Ask for all attributes and judge them."""
    client, url = session.sqs_client(), config.source.queue_url
    attributes = Queue(client, url).attributes()
    arn = attributes.get("QueueArn", "")
    policy = parse_policy(attributes.get("Policy", ""), arn)
    redrive = redrive_of(attributes)
    dead = None
    if redrive is not None:
        try:
            dead = Queue(client, url_beside(url, redrive.queue_arn)).attributes()
        except TrailfeedError:
            dead = None  # another one's permissions, mostly
    findings = [*judge_queue(attributes, config, measured)]
    key = key_of(attributes)
    if is_own_key(key):
        finding, key = look_at_key(session, key, policy)
        findings.append(finding)
    findings += (
        judge_dead_letters(redrive, attributes, dead),
        judge_policy(policy, config, arn),
    )
    return Answer(tuple(findings), QueueFacts(arn, policy, key))


def judge_policy(policy: QueuePolicy, config: Config, queue_arn: str) -> Finding:
    """Say who may send; whether that fits is said of each bucket."""
    if not policy.is_readable:
        return warn(POLICY, "it cannot be read as a policy", _SETUP)
    if any(one.is_the_world for one in policy.senders):
        return warn(POLICY, "it lets everybody in the world send to the queue", _SETUP)
    others = QueuePolicy(
        tuple(one for one in policy.senders if one.is_other_than_services(queue_arn))
    )
    if others.senders and "*" in config.source.allowed_buckets:
        names = dict.fromkeys(_named(others))
        return warn(
            POLICY,
            f"it lets {', '.join(names)} send, beside S3, SNS and EventBridge, and "
            'source.allowed_buckets is ["*"]: whoever sends makes trailfeed read any '
            "object that its role may read",
            "name the buckets in source.allowed_buckets, or let only the services send",
        )
    if policy.senders:
        names = dict.fromkeys(_named(policy))
        return ok(POLICY, f"lets {', '.join(names)} send")
    if config.source.mapping.bucket:
        said = (
            "it lets nobody send but identities of this account by their own policies"
        )
        return ok(POLICY, said)
    return warn(POLICY, "it lets nobody send: S3, SNS and EventBridge cannot", _SETUP)


def _named(policy: QueuePolicy) -> list[str]:
    services = {S3: "S3", SNS: "SNS", EVENTS: "EventBridge"}
    names = []
    for one in policy.senders:
        who = services.get(one.principal, one.principal)
        who = "anyone" if who == "*" else who
        of = " or ".join(source.rpartition(":")[2] for source in one.sources)
        names.append(f"{who} for {of}" if of else who)
    return names


def look_at_message(
    session: AwsSession, config: Config
) -> Answer[tuple[ObjectRef, ...]]:
    """Receive one message and show it again at once.

    That counts as one receive of ``maxReceiveCount``, so that it is done only where it
    is asked for.
    """
    source = config.source
    messages = Queue(session.sqs_client(), source.queue_url).receive(
        max_messages=1, wait_s=min(source.wait_time_s, 3), visibility_timeout_s=0
    )
    if not messages:
        return Answer((skip(MESSAGE, "none is visible just now"),), ())
    (message,) = messages[:1]
    mapping = Mapping.of(source.mapping.bucket, source.mapping.keys)
    times = f"receive {message.receive_count}"
    try:
        found = parse(message.body, uses_sns=source.uses_sns, mapping=mapping)
    except UnknownMessageError as error:
        mend = "look at source.uses_sns, source.mapping and who else sends to the queue"
        return Answer((warn(MESSAGE, f"{message.id}, {times}: {error}", mend),), ())
    if found.objects:
        said = f"{message.id}, {times}: names {found.objects[0].url}"
    else:
        reasons = ", ".join(one.reason for one in found.ignored) or "nothing"
        said = f"{message.id}, {times}: {reasons}, which needs no download"
    return Answer((ok(MESSAGE, said),), found.objects)
