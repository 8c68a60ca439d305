"""When, where, from where, by which means, in which plane, and with what outcome."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from worker.transform.audit.names import counted, mapping, text

if TYPE_CHECKING:
    from collections.abc import Mapping

SUCCESS: Final = "ok"
FAILURE: Final = "Failure"

PLANES: Final[Mapping[str, str]] = {
    "Management": "control",
    "Data": "data",
    "NetworkActivity": "network",
    "Insight": "insight",
    "Aggregated": "aggregated",
}
"""By ``eventCategory``, since event version 1.07."""

PLANES_BY_TYPE: Final[Mapping[str, str]] = {
    "AwsApiCall": "control",
    "AwsServiceEvent": "control",
    "AwsConsoleAction": "control",
    "AwsConsoleSignIn": "control",
    "DataEvent": "data",
    "AwsCloudTrailInsight": "insight",
    "AwsAggregatedEvent": "aggregated",
    # The documentation lists the one and prints the other.
    "AwsVpceEvents": "network",
    "AwsVpceEvent": "network",
}
"""By ``eventType``, for older versions."""

_DATA_RESOURCE: Final = "AWS::S3::Object"
"""What data events alone name; before version 1.06 nothing else tells them apart."""

_TOOL: Final = re.compile(
    r"\b(Terraform|OpenTofu|Pulumi|aws-cli|aws-cdk|eksctl|CloudFormation|Ansible"
    r"|trailfeed)/([\w.]+)",
    re.IGNORECASE,
)
_PRODUCT: Final = re.compile(r"[^\s,;()\[\]]+")
_BROWSERS: Final = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_REMEMBERED_AGENTS: Final = 1024


def outcome(record: Mapping[str, Any]) -> str:
    """``ok``, or the error code; a refused sign-in is ``Failure``.

    Sign-in events have no error code. They say ``Success`` or ``Failure`` in the member
    of the answer, or of the service's details, that has the event's own name.

    Source: CloudTrail user guide, "AWS Management Console sign-in events"; IAM Identity
    Center user guide, "Understanding IAM Identity Center sign-in events".
    """
    get = record.get
    response, details = get("responseElements"), get("serviceEventDetails")
    if (response and _is_refused(response, get("eventName"))) or (
        details and _is_refused(details, get("eventName"))
    ):
        return FAILURE
    code = get("errorCode")
    return (code and _code(code)) or text(get("errorMessage")) or SUCCESS


def _is_refused(details: object, action: object) -> bool:
    return isinstance(details, dict) and (
        details.get("ConsoleLogin") == FAILURE
        or (isinstance(action, str) and details.get(action) == FAILURE)
    )


def _code(value: object) -> str | None:
    """An error code, which a few services write as a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text(value)


def plane(record: Mapping[str, Any]) -> str | None:
    """``control``, ``data``, ``network``, ``insight`` or ``aggregated``."""
    category = record.get("eventCategory")
    if isinstance(category, str) and category in PLANES:
        return PLANES[category]
    is_management = record.get("managementEvent")
    if is_management is True or is_management == "true":
        return "control"
    if is_management is False or is_management == "false":
        return "data"
    resources = record.get("resources")
    if isinstance(resources, list) and any(
        mapping(resource).get("type") == _DATA_RESOURCE for resource in resources
    ):
        return "data"
    return PLANES_BY_TYPE.get(text(record.get("eventType")) or "")


def from_where(record: Mapping[str, Any]) -> str | None:
    """The source address or service, with the VPC endpoint it came through."""
    address = text(record.get("sourceIPAddress"))
    endpoint = text(record.get("vpcEndpointId"))
    if endpoint is None:
        return address
    return f"{address or '-'} via {endpoint}"


def switch(value: object) -> bool | None:
    """A boolean, also as the text that some services and versions write."""
    if isinstance(value, bool):
        return value
    return _SWITCHES.get(value) if isinstance(value, str) else None


_SWITCHES: Final = {"true": True, "false": False, "Yes": True, "No": False}


def mfa(record: Mapping[str, Any]) -> bool | None:
    """Whether the caller signed in with a second factor; None where it is not said."""
    identity = record.get("userIdentity")
    session = identity.get("sessionContext") if isinstance(identity, dict) else None
    if isinstance(session, dict):
        said = switch(mapping(session.get("attributes")).get("mfaAuthenticated"))
        if said is not None:
            return said
    more = record.get("additionalEventData")
    return switch(more.get("MFAUsed")) if isinstance(more, dict) else None


def via(record: Mapping[str, Any]) -> str | None:
    """The user agent in short: ``aws-cli/2.15.0``, ``Terraform/1.6``, ``Firefox``."""
    agent = record.get("userAgent")
    return _short_agent(agent) if isinstance(agent, str) and agent else None


@lru_cache(maxsize=_REMEMBERED_AGENTS)
def _short_agent(agent: str) -> str | None:
    if tool := _TOOL.search(agent):
        return tool[0]
    if agent.startswith("Mozilla/"):
        for mark, browser in _BROWSERS:
            if mark in agent:
                return browser
    if agent == "AWS Internal":
        return agent
    product = _PRODUCT.search(agent)
    return product[0] if product else None


def message_id(record: Mapping[str, Any]) -> str | None:
    """SQS's id of the message, or of the first one of a batch and how many more."""
    response = record.get("responseElements")
    if not isinstance(response, dict):
        return None
    if single := text(response.get("messageId")):
        return single
    for name in ("successful", "messages"):
        batch = response.get(name)
        if isinstance(batch, list):
            ids = (text(mapping(entry).get("messageId")) for entry in batch)
            return counted([one for one in ids if one])
    return None
