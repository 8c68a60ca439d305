"""Whom and what an event is about, for ECS's ``related.entity``.

Source: elastic/integrations, packages/aws, cloudtrail: the caller, the resources, and
what the parameters and the answer name. That names the fields event by event; here a
field is taken wherever its name says that it is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_ENTITIES: Final = 50
"""Of one event; a batch of many hundreds helps nobody to find it."""

_CALLER: Final = ("arn", "identityProvider", "principalId", "userName")
_ISSUER: Final = ("arn", "userName")
_NAMES: Final = frozenset(
    [
        "accessKeyId",
        "bucketName",
        "cloudWatchLogsLogGroupArn",
        "cloudWatchLogsRoleArn",
        "dBInstanceIdentifier",
        "functionName",
        "groupId",
        "groupName",
        "imageId",
        "instanceId",
        "instanceProfileName",
        "keyId",
        "keyName",
        "kmsKeyId",
        "networkInterfaceId",
        "policyArn",
        "policyName",
        "queueUrl",
        "roleArn",
        "roleName",
        "roleSessionName",
        "s3BucketName",
        "secretId",
        "securityGroupRuleId",
        "snapshotId",
        "snsTopicARN",
        "subnetId",
        "topicArn",
        "trailARN",
        "userName",
        "volumeId",
        "vpcId",
    ]
)
_INSIDE: Final = frozenset(
    [
        "accessKey",
        "assumedRoleUser",
        "group",
        "instancesSet",
        "policy",
        "role",
        "securityGroupRuleSet",
        "user",
        "vpc",
    ]
)
"""Objects whose names, and ``arn``, count too."""


def entities(record: dict[str, Any]) -> list[str]:
    """Names and ARNs, each once, in the order in which they come."""
    found: dict[str, None] = {}
    for one in _named(record):
        if isinstance(one, str) and one:
            found[one] = None
            if len(found) >= MAX_ENTITIES:
                break
    return [*found]


def _named(record: dict[str, Any]) -> Iterator[object]:
    identity = _object(record.get("userIdentity"))
    context = _object(identity.get("sessionContext"))
    issuer = _object(context.get("sessionIssuer"))
    yield from map(identity.get, _CALLER)
    yield from map(issuer.get, _ISSUER)
    yield _object(context.get("webIdFederationData")).get("federatedProvider")
    for resource in _objects(record.get("resources")):
        yield resource.get("ARN")
    yield _object(record.get("additionalEventData")).get("MFAIdentifier")
    for name in ("requestParameters", "responseElements"):
        yield from _inside(_object(record.get(name)), depth=0)


def _inside(fields: dict[str, Any], *, depth: int) -> Iterator[object]:
    for name, value in fields.items():
        if name in _NAMES:
            yield value
    if depth:
        yield fields.get("arn")
    for name, value in () if depth else fields.items():
        if name in _INSIDE:
            inner = _object(value)
            for one in _objects(inner.get("items")) or [inner]:
                yield from _inside(one, depth=depth + 1)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    entries = value if isinstance(value, list) else []
    return [one for one in entries if isinstance(one, dict)]
