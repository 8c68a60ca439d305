"""Who did what, to what, from where, and with what outcome: one CloudTrail record.

Each function takes any decoded JSON object and returns one line of text; a value that
is absent, or not of the type CloudTrail gives it, is passed over.

Source: CloudTrail user guide, "CloudTrail record contents" and "userIdentity element".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ABSENT = "-"
SUCCESS = "ok"

# Request parameters that name what was acted on, the most telling first.
_TARGET_PARAMETERS = (
    "queueUrl",
    "queueName",
    "functionName",
    "keyId",
    "secretId",
    "roleArn",
    "roleName",
    "userName",
    "groupName",
    "policyArn",
    "groupId",
    "instanceId",
    "tableName",
    "name",
)


def who(record: Mapping[str, Any]) -> str:
    """The caller: ``alice``, ``deploy-role/ci-42``, ``root``, ``s3.amazonaws.com``."""
    identity = _mapping(record.get("userIdentity"))
    match _text(identity.get("type")):
        case "Root":
            caller = "root"
        case "AssumedRole" | "FederatedUser":
            caller = _arn_name(identity.get("arn")) or _issuer_name(identity)
        case "AWSService":
            caller = _text(identity.get("invokedBy"))
        case "AWSAccount":
            account = _text(identity.get("accountId"))
            caller = account and f"account {account}"
        case _:
            caller = ""
    return (
        caller
        or _text(identity.get("userName"))
        or _arn_name(identity.get("arn"))
        or _text(identity.get("principalId"))
        or _text(identity.get("invokedBy"))
        or _text(identity.get("type"))
        or ABSENT
    )


def what(record: Mapping[str, Any]) -> str:
    """The call as ``service:action``, e.g. ``sqs:SendMessage``."""
    # Insight records carry both names one level down.
    insight = _mapping(record.get("insightDetails"))
    source = _text(record.get("eventSource")) or _text(insight.get("eventSource"))
    action = _text(record.get("eventName")) or _text(insight.get("eventName"))
    service = source.removesuffix(".amazonaws.com")
    return ":".join(part for part in (service, action) if part) or ABSENT


def to_what(record: Mapping[str, Any]) -> str:
    """What was acted on, by its short name; ``+N`` counts what is not named."""
    request = _mapping(record.get("requestParameters"))
    if bucket := _text(request.get("bucketName")):
        key = _text(request.get("key"))
        return f"{bucket}/{key}" if key else bucket
    names = (
        _resource_names(record.get("resources"))
        or _instance_ids(request)
        or _instance_ids(_mapping(record.get("responseElements")))
    )
    if names:
        return names[0] if len(names) == 1 else f"{names[0]} +{len(names) - 1}"
    for parameter in _TARGET_PARAMETERS:
        if name := _short_name(request.get(parameter)):
            return name
    return ABSENT


def from_where(record: Mapping[str, Any]) -> str:
    """The source address or service, with the VPC endpoint it came through."""
    address = _text(record.get("sourceIPAddress")) or ABSENT
    endpoint = _text(record.get("vpcEndpointId"))
    return f"{address} via {endpoint}" if endpoint else address


def outcome(record: Mapping[str, Any]) -> str:
    """``ok``, or the error code; a refused console sign-in is ``Failure``."""
    response = _mapping(record.get("responseElements"))
    if response.get("ConsoleLogin") == "Failure":
        return "Failure"
    error = _text(record.get("errorCode")) or _text(record.get("errorMessage"))
    return error or SUCCESS


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _issuer_name(identity: Mapping[str, Any]) -> str:
    session = _mapping(identity.get("sessionContext"))
    return _text(_mapping(session.get("sessionIssuer")).get("userName"))


def _arn_name(arn: object) -> str:
    """``assumed-role/deploy/ci`` gives ``deploy/ci``; text that is no ARN gives ``""``.

    Source: IAM user guide, "IAM identifiers": ``arn:partition:service:region:account:``
    and then the resource, mostly ``type/name``.
    """
    parts = _text(arn).split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":  # noqa: PLR2004 - the six of the docstring
        return ""
    kind, slash, name = parts[5].partition("/")
    return name if slash else kind


def _short_name(value: object) -> str:
    """The name inside an ARN or a URL; any other text as it is."""
    text = _text(value)
    if text.startswith("https://"):
        return text.rstrip("/").rpartition("/")[2]
    return _arn_name(text) or text


def _resource_names(resources: object) -> list[str]:
    entries = resources if isinstance(resources, list) else []
    # CloudTrail writes ARN; some services' own events write arn.
    arns = (
        entry.get("ARN") or entry.get("arn")
        for entry in entries
        if isinstance(entry, Mapping)
    )
    return [name for arn in arns if (name := _short_name(arn))]


def _instance_ids(elements: Mapping[str, Any]) -> list[str]:
    """EC2's form: ``{"instancesSet": {"items": [{"instanceId": …}]}}``."""
    items = _mapping(elements.get("instancesSet")).get("items")
    entries = items if isinstance(items, list) else []
    ids = (_text(_mapping(entry).get("instanceId")) for entry in entries)
    return [instance_id for instance_id in ids if instance_id]
