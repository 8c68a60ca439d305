"""The queue and its dead-letter queue: what they have against what is wanted.

Where more is there than wanted it stays: a shorter retention deletes messages.

Source: Amazon SQS API, SetQueueAttributes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from worker.aws_setup.documents import (
    DEAD_LETTER_RETENTION_S,
    MAX_RECEIVE_COUNT,
    RETENTION_S,
    VISIBILITY_TIMEOUT_S,
    WAIT_S,
    policy,
    queue_statement,
    redrive_allow_policy,
    redrive_policy,
)
from worker.aws_setup.statements import statements_of, with_statements
from worker.aws_setup.step import Step, Verdict
from worker.aws_setup.wiring import Via

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.aws_setup.wiring import Wiring

Attributes = dict[str, str]
"""A queue's, as SQS has them: numbers as text, policies as JSON."""

_AT_LEAST: Final = (
    ("VisibilityTimeout", VISIBILITY_TIMEOUT_S, "visibility timeout"),
    ("MessageRetentionPeriod", RETENTION_S, "retention"),
    ("ReceiveMessageWaitTimeSeconds", WAIT_S, "long poll"),
)
_AWS_OWN_KEY: Final = "alias/aws/sqs"
_DAY_S: Final = 24 * 3600
_SENDERS: Final = {
    Via.S3: "s3.amazonaws.com",
    Via.SNS: "sns.amazonaws.com",
    Via.EVENTBRIDGE: "events.amazonaws.com",
}


def new_queue(wiring: Wiring) -> Attributes:
    """The attributes of a queue that is made."""
    return {
        **{name: str(least) for name, least, _ in _AT_LEAST},
        "SqsManagedSseEnabled": "true",
        "RedrivePolicy": json.dumps(redrive_policy(wiring)),
        "Policy": json.dumps(policy(queue_statement(wiring))),
    }


def new_dead_letter_queue(wiring: Wiring) -> Attributes:
    """The attributes of a dead-letter queue that is made."""
    return {
        "MessageRetentionPeriod": str(DEAD_LETTER_RETENTION_S),
        "SqsManagedSseEnabled": "true",
        "RedriveAllowPolicy": json.dumps(redrive_allow_policy(wiring)),
    }


def judge_queue(
    wiring: Wiring, present: Mapping[str, str] | None
) -> tuple[Step, Attributes]:
    """Compare the queue with what is wanted.

    Args:
        wiring: What is wanted.
        present: The attributes of the queue that is there; None: there is none.

    Returns:
        What becomes of it, and the attributes to be set.
    """
    if present is None:
        said = (
            f"visibility timeout {VISIBILITY_TIMEOUT_S} s, retention "
            f"{duration(RETENTION_S)}, long poll {WAIT_S} s",
            f"after {MAX_RECEIVE_COUNT} receives to {wiring.dead_letter_queue}",
            f"its policy lets {sender(wiring)} send",
        )
        return _step("queue", wiring.queue, Verdict.MAKE, said), new_queue(wiring)
    changes: Attributes = {}
    details: tuple[str, ...] = ()
    for name, least, words in _AT_LEAST:
        if (number := int(present.get(name, "0"))) < least:
            changes[name] = str(least)
            details += (f"{words} {duration(number)} -> {duration(least)}",)
    redrive, redrive_said = _redrive(wiring, present.get("RedrivePolicy", ""))
    try:
        document = with_statements(present.get("Policy", ""), [queue_statement(wiring)])
    except ValueError as error:
        why = (f"its policy cannot be read: {error}",)
        return _step("queue", wiring.queue, Verdict.BLOCKED, why), {}
    if redrive:
        changes["RedrivePolicy"] = redrive
        details += (redrive_said,)
    if document is not None:
        changes["Policy"] = json.dumps(document)
        stay = others_stay(len(statements_of(document)) - 1, "statement")
        details += (f"its policy lets {sender(wiring)} send{stay}",)
    key = present.get("KmsMasterKeyId", "")
    if key.endswith(_AWS_OWN_KEY):
        why = (
            f"it is encrypted under AWS's own key ({_AWS_OWN_KEY}), which nobody but "
            "the account can use, and so nothing is announced: take SSE-SQS or a key "
            "of yours",
        )
        return _step("queue", wiring.queue, Verdict.BLOCKED, why), {}
    verdict = Verdict.CHANGE if changes else Verdict.OK
    notes = tuple(_key_notes(wiring, key)) if key else ()
    return _step("queue", wiring.queue, verdict, details, notes), changes


def judge_dead_letter_queue(
    wiring: Wiring, present: Mapping[str, str] | None, queue: Mapping[str, str] | None
) -> tuple[Step, Attributes]:
    """Compare the dead-letter queue with what is wanted.

    Args:
        wiring: What is wanted.
        present: The attributes of the one that is there; None: there is none.
        queue: Those of the queue itself, which may have another one.

    Returns:
        What becomes of it, and the attributes to be set.
    """
    kind, name = "dead_letter_queue", wiring.dead_letter_queue
    other = _target((queue or {}).get("RedrivePolicy", ""))
    if other and other != wiring.dead_letter_queue_arn:
        said = (f"{wiring.queue} has one already",)
        return _step(kind, other.rpartition(":")[2], Verdict.OK, said), {}
    if present is None:
        said = (
            f"retention {duration(DEAD_LETTER_RETENTION_S)}; takes what "
            f"{wiring.queue} leaves, only",
        )
        return _step(kind, name, Verdict.MAKE, said), new_dead_letter_queue(wiring)
    changes: Attributes = {}
    details: tuple[str, ...] = ()
    retention = int(present.get("MessageRetentionPeriod", "0"))
    # A message's age goes on from the queue, which keeps it this long in the end.
    before = max(int((queue or {}).get("MessageRetentionPeriod", "0")), RETENTION_S)
    if retention <= before and retention < DEAD_LETTER_RETENTION_S:
        changes["MessageRetentionPeriod"] = str(DEAD_LETTER_RETENTION_S)
        more = f"{duration(retention)} -> {duration(DEAD_LETTER_RETENTION_S)}"
        details += (f"retention {more}",)
    allowed = _json_object(present.get("RedriveAllowPolicy", ""))
    match allowed.get("redrivePermission", "allowAll"):
        case "denyAll":
            why = (
                'it is set to take no queue\'s messages ("denyAll"): allow it, or give '
                f"{wiring.queue} another one",
            )
            return _step(kind, name, Verdict.BLOCKED, why), {}
        case "byQueue":
            sources = allowed.get("sourceQueueArns", [])
            if wiring.queue_arn not in sources:
                allowed["sourceQueueArns"] = [*sources, wiring.queue_arn]
                changes["RedriveAllowPolicy"] = json.dumps(allowed)
                details += (f"takes what {wiring.queue} leaves, too",)
        case _:
            pass  # it takes every queue's
    verdict = Verdict.CHANGE if changes else Verdict.OK
    return _step(kind, name, verdict, details), changes


def sender(wiring: Wiring) -> str:
    """What is let to send, in words."""
    match wiring.via:
        case Via.S3:
            return f"bucket {wiring.bucket} of account {wiring.bucket_account}"
        case Via.SNS:
            return f"topic {wiring.topic}"
        case Via.EVENTBRIDGE:
            return f"rule {wiring.rule}"


def others_stay(count: int, noun: str) -> str:
    """The end of a line: how many others stay as they are, if any."""
    if not count:
        return ""
    return f"; {count} other {noun}{' stays' if count == 1 else 's stay'}"


def duration(seconds: int) -> str:
    """A time in the largest unit that fits."""
    if seconds >= _DAY_S and seconds % _DAY_S == 0:
        days = seconds // _DAY_S
        return f"{days} day{'s'[: days > 1]}"
    return f"{seconds} s"


def _redrive(wiring: Wiring, present: str) -> tuple[str, str]:
    """The redrive policy to be set, and what changes; empty where it is right."""
    document = _json_object(present)
    target = _target(present)
    if not target:
        return (
            json.dumps(redrive_policy(wiring)),
            f"after {MAX_RECEIVE_COUNT} receives to {wiring.dead_letter_queue}",
        )
    count = int(document.get("maxReceiveCount", 0))
    if count >= MAX_RECEIVE_COUNT:
        return "", ""
    return (
        json.dumps({**document, "maxReceiveCount": MAX_RECEIVE_COUNT}),
        f"to the dead-letter queue after {count} -> {MAX_RECEIVE_COUNT} receives",
    )


def _target(redrive: str) -> str:
    return str(_json_object(redrive).get("deadLetterTargetArn", ""))


def _json_object(text: str) -> dict[str, Any]:
    document = json.loads(text) if text else {}
    return document if isinstance(document, dict) else {}


def _key_notes(wiring: Wiring, key: str) -> Iterator[str]:
    yield (
        f"it is encrypted under {key}: that key's policy must let "
        f"{_SENDERS[wiring.via]} use kms:GenerateDataKey and kms:Decrypt"
    )
    if not any(key in {arn, arn.rpartition("/")[2]} for arn in wiring.kms_keys):
        yield "name its ARN with --kms-key, so that the reader may decrypt"


def _step(
    kind: str,
    name: str,
    verdict: Verdict,
    details: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> Step:
    return Step(kind=kind, name=name, verdict=verdict, details=details, notes=notes)
