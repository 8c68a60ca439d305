"""Records in the Elastic Common Schema, as Elastic's CloudTrail integration has them.

What it drops, this keeps: fields without a place are under ``aws.cloudtrail.unmapped``.
Parameters and answers are JSON texts, and objects under ``flattened`` where they are
small enough for Elasticsearch's type of that name. No place is looked up for addresses.

Source: Elastic Common Schema 8.11; elastic/integrations, packages/aws, cloudtrail.
"""

from __future__ import annotations

from typing import Any, Final

from worker.transform.audit.circumstances import SUCCESS, outcome
from worker.transform.ecs_agent import user_agent
from worker.transform.ecs_entities import entities
from worker.transform.ecs_events import CATEGORIES
from worker.transform.json_text import json_text
from worker.transform.remainder import (
    Remainder,
    alone,
    filled,
    is_ip,
    text_in,
    value_in,
)

ECS_VERSION: Final = "8.11.0"

_MAX_FLATTENED_CHARACTERS: Final = 32_766
"""Lucene's longest term, in bytes; a longer text cannot be a keyword."""

_CAMEL_TO_SNAKE: Final = {
    "eventVersion": "event_version",
    "eventType": "event_type",
    "eventCategory": "event_category",
    "errorCode": "error_code",
    "errorMessage": "error_message",
    "requestID": "request_id",
    "apiVersion": "api_version",
    "managementEvent": "management_event",
    "readOnly": "read_only",
    "recipientAccountId": "recipient_account_id",
    "sharedEventID": "shared_event_id",
    "vpcEndpointId": "vpc_endpoint_id",
}
_TEXTS: Final = {
    "requestParameters": "request_parameters",
    "responseElements": "response_elements",
    "additionalEventData": "additional_eventdata",
    "serviceEventDetails": "service_event_details",
}


def to_ecs(record: dict[str, Any]) -> dict[str, Any]:
    """Map one record; it stays as it is.

    Every value is found again in the outcome, nulls apart; ``TLSv1.3`` in two parts.
    """
    rest = Remainder(record)
    request, response = record.get("requestParameters"), record.get("responseElements")
    event = _event(record, rest)
    identity = rest.child("userIdentity")
    issuer = identity.child("sessionContext").child("sessionIssuer")
    # Only assumed roles have their name there; a name of its own goes first.
    has_name = isinstance(identity.look("userName"), str)
    user_name = identity.text("userName") if has_name else issuer.text("userName")
    account = identity.text("accountId")
    region = rest.text("awsRegion")
    address = rest.text("sourceIPAddress")
    agent = rest.text("userAgent")
    cloudtrail = {
        place: value
        for name, place in _CAMEL_TO_SNAKE.items()
        if (value := rest.anything(name)) is not None
    }
    if identity_fields := _identity(identity, issuer):
        cloudtrail["user_identity"] = identity_fields
    if resources := _resources(rest):
        cloudtrail["resources"] = resources
    if event.get("action") == "ConsoleLogin" and (
        login := _console_login(rest.look("additionalEventData"))
    ):
        cloudtrail["console_login"] = {"additional_eventdata": login}
    _add_texts(rest, cloudtrail)
    mapped = filled(
        event=event,
        ecs={"version": ECS_VERSION},
        cloud=filled(provider="aws", account=alone("id", account), region=region),
        user=_user(user_name, identity.text("principalId"), request, response),
        group=_group(request, response),
        related=_related(record, user_name if has_name else None, request),
        source=address
        and filled(address=address, ip=address if is_ip(address) else None),
        user_agent=None if agent is None else user_agent(agent),
        tls=_tls(rest.child("tlsDetails")),
        aws={"cloudtrail": cloudtrail},
    )
    if (time := rest.time("eventTime")) is not None:
        mapped["@timestamp"] = time
    if unmapped := rest.left():
        cloudtrail["unmapped"] = unmapped
    return mapped


def _event(record: dict[str, Any], rest: Remainder) -> dict[str, Any]:
    action = rest.text("eventName")
    category, types = CATEGORIES.get(action or "", (None, ["info"]))
    return filled(
        kind="event",
        action=action,
        provider=rest.text("eventSource"),
        id=rest.text("eventID"),
        category=None if category is None else [category],
        type=types,
        outcome="success" if outcome(record) == SUCCESS else "failure",
    )


def _identity(identity: Remainder, issuer: Remainder) -> dict[str, Any]:
    attributes = identity.child("sessionContext").child("attributes")
    issuer_fields = filled(
        type=issuer.text("type"),
        principal_id=issuer.text("principalId"),
        arn=issuer.text("arn"),
        account_id=issuer.text("accountId"),
    )
    session = filled(
        mfa_authenticated=attributes.text("mfaAuthenticated"),
        creation_date=attributes.time("creationDate"),
        session_issuer=issuer_fields or None,
    )
    return filled(
        type=identity.text("type"),
        arn=identity.text("arn"),
        access_key_id=identity.text("accessKeyId"),
        invoked_by=identity.text("invokedBy"),
        session_context=session or None,
    )


def _resources(rest: Remainder) -> list[dict[str, Any]]:
    """The resources, each once; a list with anything else in it stays unmapped."""
    entries = rest.look("resources")
    if not isinstance(entries, list) or not all(
        isinstance(one, dict) for one in entries
    ):
        return []
    resources = []
    for entry in rest.anything("resources"):
        resource = {_RESOURCE_NAMES.get(name, name): entry[name] for name in entry}
        if len(resource) < len(entry):
            resource = entry  # it has both ARN and arn
        if resource not in resources:
            resources.append(resource)
    return resources


_RESOURCE_NAMES: Final = {"ARN": "arn", "accountId": "account_id"}


def _console_login(data: object) -> dict[str, Any]:
    if not isinstance(data, dict):
        return {}
    return filled(
        login_to=data.get("LoginTo"),
        mobile_version=_is_not_no(data.get("MobileVersion")),
        mfa_used=_is_not_no(data.get("MFAUsed")),
    )


def _is_not_no(value: object) -> bool | None:
    return None if value is None else value != "No"


def _add_texts(rest: Remainder, cloudtrail: dict[str, Any]) -> None:
    flattened = {}
    for name, place in _TEXTS.items():
        value = rest.anything(name)
        if value is None:
            continue
        text = json_text(value)
        if text is not None:
            cloudtrail[place] = text
        if text is None or len(text.encode()) < _MAX_FLATTENED_CHARACTERS:
            flattened[place] = value
    if (insight := rest.anything("insightDetails")) is not None:
        flattened["insight_details"] = insight
    if flattened:
        cloudtrail["flattened"] = flattened


def _user(
    name: str | None, user_id: str | None, request: object, response: object
) -> dict[str, Any] | None:
    target = filled(
        name=text_in(request, "userName"),
        id=text_in(value_in(response, "user"), "userId"),
    )
    user = filled(
        id=user_id,
        name=name,
        target=target or None,
        changes=alone("name", text_in(request, "newUserName")),
    )
    return user or None


def _group(request: object, response: object) -> dict[str, Any] | None:
    group = filled(
        id=text_in(value_in(response, "group"), "groupId"),
        name=text_in(request, "groupName"),
    )
    return group or None


def _related(
    record: dict[str, Any], user_name: str | None, request: object
) -> dict[str, Any] | None:
    names = (
        user_name,
        text_in(request, "userName"),
        text_in(request, "newUserName"),
    )
    users = list(dict.fromkeys(name for name in names if name))
    related = filled(entity=entities(record) or None, user=users or None)
    return related or None


def _tls(details: Remainder) -> dict[str, Any] | None:
    """``TLSv1.3`` is protocol ``tls`` and version ``1.3``."""
    version = details.look("tlsVersion")
    protocol, mark, number = (
        version.partition("v") if isinstance(version, str) else ("", "", "")
    )
    if mark:
        details.anything("tlsVersion")
    tls = filled(
        version=number or None,
        version_protocol=protocol.lower() if mark else None,
        cipher=details.text("cipherSuite"),
        client=alone("server_name", details.text("clientProvidedHostHeader")),
    )
    return tls or None
