"""The KMS key that encrypts the queue: whether those who send may use it.

Source: Amazon SQS Developer Guide, "Configure KMS permissions for AWS services": they
need kms:GenerateDataKey and kms:Decrypt, by the key's own policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.doctor.asking import asking
from worker.doctor.finding import fail, ok, skip
from worker.doctor.queue_attributes import ENCRYPTION
from worker.doctor.queue_policy import EVENTS, S3, SNS, parse_policy
from worker.errors import TrailfeedError

if TYPE_CHECKING:
    from worker.doctor.finding import Finding
    from worker.doctor.queue_policy import QueuePolicy
    from worker.source.sessions import AwsSession

ACTIONS: Final = ("kms:GenerateDataKey", "kms:Decrypt")

_SERVICES: Final = {S3: "S3", SNS: "SNS", EVENTS: "EventBridge"}


def look_at_key(
    session: AwsSession, key: str, senders: QueuePolicy
) -> tuple[Finding, str]:
    """Read the key's policy, where this identity may.

    Args:
        session: Whose eyes.
        key: Its id, alias or ARN.
        senders: Who may send to the queue.

    Returns:
        The finding, and the key's ARN, as far as it is known.
    """
    client, arn = session.other_client("kms"), key
    try:
        with asking(f"the KMS key {key}", "kms:DescribeKey"):
            about = client.describe_key(KeyId=key)["KeyMetadata"]
        arn = str(about["Arn"])
        if about["KeyState"] != "Enabled":
            said = f"the KMS key {key} is {about['KeyState']}: nobody can use the queue"
            return fail(ENCRYPTION, said, "enable it, or take another one"), arn
        with asking(f"the policy of the KMS key {key}", "kms:GetKeyPolicy"):
            text = client.get_key_policy(KeyId=about["KeyId"], PolicyName="default")
    except TrailfeedError as error:  # trailfeed itself does not ask KMS
        said = f"encrypted with a KMS key; whether who sends may use it: {error}"
        return skip(ENCRYPTION, said), arn
    return judge_key(key, arn, text["Policy"], senders), arn


def judge_key(key: str, arn: str, text: str, senders: QueuePolicy) -> Finding:
    """Compare the key's policy with the queue's."""
    sending = [
        (service, source)
        for service in _SERVICES
        for source in senders.literal_sources(service)
    ]
    if not sending:
        said = (
            f"encrypted with the KMS key {key}; the queue's policy does not name who "
        )
        return skip(ENCRYPTION, f"{said}sends, and so would have to use that")
    refused = [
        f"{_SERVICES[service]} use {action}"
        for action in ACTIONS
        for service, source in sending
        if not parse_policy(text, arn, action).lets(service, source)
    ]
    if refused:
        return fail(
            ENCRYPTION,
            f"the policy of the KMS key {key} does not let "
            f"{' nor '.join(dict.fromkeys(refused))}: no notification gets in",
            "allow it in the key's policy, or use SQS's own encryption (SSE-SQS)",
        )
    return ok(ENCRYPTION, f"encrypted with the KMS key {key}, which who sends may use")
