"""Whom and what an event is about, for ECS's ``related.entity``.

Source: elastic/integrations, packages/aws, cloudtrail: the caller, the resources, and
what the parameters and the answer name. That names the fields event by event; here a
field is taken wherever its name says that it is one.
"""

from __future__ import annotations

from typing import Any, Final

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


_LOOKED_FOR: Final = _NAMES | _INSIDE


def entities(record: dict[str, Any]) -> list[str]:
    """Names and ARNs, each once, in the order in which they come."""
    found = _callers(record.get("userIdentity"))
    resources = record.get("resources")
    if isinstance(resources, list):
        found += [one.get("ARN") for one in resources if isinstance(one, dict)]
    more = record.get("additionalEventData")
    if isinstance(more, dict):
        found.append(more.get("MFAIdentifier"))
    for name in ("requestParameters", "responseElements"):
        fields = record.get(name)
        if isinstance(fields, dict) and not _LOOKED_FOR.isdisjoint(fields):
            found += _named(fields)
    texts = [one for one in found if isinstance(one, str) and one]
    return [*dict.fromkeys(texts)][:MAX_ENTITIES]


def _callers(identity: object) -> list[object]:
    if not isinstance(identity, dict):
        return []
    found: list[object] = [identity.get(name) for name in _CALLER]
    context = identity.get("sessionContext")
    if isinstance(context, dict):
        issuer, federation = map(context.get, ("sessionIssuer", "webIdFederationData"))
        if isinstance(issuer, dict):
            found += [issuer.get(name) for name in _ISSUER]
        if isinstance(federation, dict):
            found.append(federation.get("federatedProvider"))
    return found


def _named(fields: dict[str, Any]) -> list[object]:
    found: list[object] = []
    for name, value in fields.items():
        if name in _NAMES:
            found.append(value)
        elif name in _INSIDE and isinstance(value, dict):
            items = value.get("items")
            for one in items if isinstance(items, list) else [value]:
                if isinstance(one, dict):
                    found += [one[inner] for inner in one if inner in _NAMES]
                    found.append(one.get("arn"))
    return found
