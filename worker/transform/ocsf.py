"""Records in the Open Cybersecurity Schema Framework, version 1.1.0.

Fields without a place are under ``unmapped``, in their own shape.

Source: schema.ocsf.io/1.1.0; ocsf/examples, mappings of AWS CloudTrail v1.1.0.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from worker.transform.audit.circumstances import SUCCESS, outcome
from worker.transform.ocsf_events import (
    API_ACTIVITY,
    AUTHENTICATION,
    OTHER_ACTIVITY,
    EventClass,
    classify,
)
from worker.transform.remainder import (
    Remainder,
    alone,
    filled,
    is_ip,
    text_in,
    value_in,
)

OCSF_VERSION: Final = "1.1.0"

_MILLISECOND: Final = timedelta(milliseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SWITCHES: Final = {"true": True, "false": False, "Yes": True, "No": False}

# Numbers of OCSF's object "observable".
_HOSTNAME: Final = ("Hostname", 1)
_IP_ADDRESS: Final = ("IP Address", 2)
_USER_NAME: Final = ("User Name", 4)
_RESOURCE_UID: Final = ("Resource UID", 10)


def to_ocsf(record: dict[str, Any]) -> dict[str, Any]:
    """Map one record; it stays as it is.

    Every value is found again in the outcome, nulls apart; a few texts as booleans.
    """
    rest = Remainder(record)
    service, operation = rest.text("eventSource"), rest.text("eventName")
    event_class, activity = classify(service, operation)
    request, response = record.get("requestParameters"), record.get("responseElements")
    identity = rest.child("userIdentity")
    actor = _actor(identity)
    user = actor.get("user", {})
    affected = _affected_user(event_class, user, request, response)
    source = _source(rest, service)
    # Only API Activity has a place for them.
    resources = _resources(rest) if event_class is API_ACTIVITY else []
    is_login = event_class is AUTHENTICATION
    more = rest.child("additionalEventData") if is_login else Remainder({})
    is_failed = outcome(record) != SUCCESS
    time_dt, time_ms = _time(rest, "eventTime")
    mapped = filled(
        **_class_fields(event_class, activity),
        severity_id=1,
        severity="Informational",
        status_id=2 if is_failed else 1,
        status="Failure" if is_failed else "Success",
        time=time_ms,
        time_dt=time_dt,
        metadata=_metadata(rest),
        actor=actor or _no_actor(event_class, service),
        api=_api(rest, service, operation),
        cloud=filled(
            provider="AWS",
            region=rest.text("awsRegion"),
            account=alone("uid", rest.text("recipientAccountId")),
        ),
        src_endpoint=source or None,
        dst_endpoint=alone("svc_name", more.text("LoginTo")),
        http_request=alone("user_agent", rest.text("userAgent")),
        is_mfa=_switch(more, "MFAUsed"),
        resources=resources or None,
        service=alone("name", service) if is_login else None,
        user=affected,
        observables=_observables(source, user, affected, resources) or None,
    )
    if unmapped := rest.left():
        mapped["unmapped"] = unmapped
    return mapped


def _class_fields(event_class: EventClass, activity: int) -> dict[str, Any]:
    other = "Other" if activity == OTHER_ACTIVITY else "Unknown"
    name = event_class.activities.get(activity, other)
    return {
        "category_uid": event_class.category_uid,
        "category_name": event_class.category_name,
        "class_uid": event_class.uid,
        "class_name": event_class.name,
        "activity_id": activity,
        "activity_name": name,
        "type_uid": event_class.uid * 100 + activity,
        "type_name": f"{event_class.name}: {name}",
    }


def _metadata(rest: Remainder) -> dict[str, Any]:
    return filled(
        uid=rest.text("eventID"),
        version=OCSF_VERSION,
        profiles=["cloud", "datetime"],
        event_code=rest.text("eventType"),
        product=filled(
            name="CloudTrail",
            vendor_name="AWS",
            version=rest.text("eventVersion"),
            feature=alone("name", rest.text("eventCategory")),
        ),
    )


def _actor(identity: Remainder) -> dict[str, Any]:
    context = identity.child("sessionContext")
    attributes = context.child("attributes")
    federation = context.child("webIdFederationData")
    created_dt, created_ms = _time(attributes, "creationDate")
    session = filled(
        issuer=context.child("sessionIssuer").text("arn"),
        created_time=created_ms,
        created_time_dt=created_dt,
        is_mfa=_switch(attributes, "mfaAuthenticated"),
    )
    user = filled(
        type=identity.text("type"),
        name=identity.text("userName"),
        uid=identity.text("arn"),
        uid_alt=identity.text("principalId"),
        credential_uid=identity.text("accessKeyId"),
        account=alone("uid", identity.text("accountId")),
    )
    invoked_by = identity.text("invokedBy")
    _name(user, invoked_by)
    provider = identity.text("identityProvider")
    if provider is None:
        provider = federation.text("federatedProvider")
    return filled(
        user=user or None,
        session=session or None,
        invoked_by=invoked_by,
        idp=alone("name", provider),
    )


def _name(user: dict[str, Any], invoked_by: str | None) -> None:
    """Name a user that has neither name, uid nor account: OCSF wants one of them."""
    if not user or user.keys() & {"name", "uid", "account"}:
        return
    if "uid_alt" in user:
        user["uid"] = user.pop("uid_alt")
    else:
        user["name"] = invoked_by or user.get("type") or user["credential_uid"]


def _no_actor(event_class: EventClass, service: str | None) -> dict[str, Any] | None:
    """Whoever acted where the record names nobody: the service itself."""
    is_wanted = event_class is API_ACTIVITY and service is not None
    return {"invoked_by": service} if is_wanted else None


def _api(rest: Remainder, service: str | None, operation: str | None) -> dict[str, Any]:
    request = alone("uid", rest.text("requestID"))
    if request is not None:  # else the parameters stay unmapped
        request |= filled(data=rest.anything("requestParameters"))
    response = filled(
        error=rest.text("errorCode"),
        message=rest.text("errorMessage"),
        data=rest.anything("responseElements"),
    )
    return filled(
        # Insights and aggregated events are of no single operation.
        operation="Unknown" if operation is None else operation,
        version=rest.text("apiVersion"),
        service=alone("name", service),
        request=request,
        response=response or None,
    )


def _source(rest: Remainder, service: str | None) -> dict[str, Any]:
    address = rest.text("sourceIPAddress")
    endpoint = rest.text("vpcEndpointId")
    place = None
    if address is not None:
        # Services give their DNS name; "AWS Internal" is neither.
        place = "ip" if is_ip(address) else "domain" if "." in address else "name"
    source = filled(**({place: address} if place else {}), uid=endpoint)
    if place == "domain":
        source["svc_name"] = address
    return source or filled(svc_name=service)


_RESOURCE_NAMES: Final = ("ARN", "arn", "ARNPrefix")


def _resources(rest: Remainder) -> list[dict[str, Any]]:
    """The resources; a list with anything but objects with a name stays unmapped."""
    entries = rest.look("resources")
    if not isinstance(entries, list) or not all(
        isinstance(one, dict) and any(text_in(one, name) for name in _RESOURCE_NAMES)
        for one in entries
    ):
        return []
    return [_resource(Remainder(entry)) for entry in rest.anything("resources")]


def _resource(entry: Remainder) -> dict[str, Any]:
    name = next(name for name in _RESOURCE_NAMES if entry.look(name))
    uid = entry.text(name)
    account = alone("uid", entry.text("accountId"))
    return filled(
        uid=uid,
        type=entry.text("type"),
        owner=None if account is None else {"account": account},
        data=entry.left() or None,
    )


def _affected_user(
    event_class: EventClass, caller: dict[str, Any], request: object, response: object
) -> dict[str, Any] | None:
    """Whom a logon or a change of an account is about."""
    if event_class is API_ACTIVITY:
        return None
    if event_class is AUTHENTICATION:
        role = filled(
            uid=text_in(request, "roleArn"), name=text_in(request, "roleSessionName")
        )
        return role or _same(caller)
    made, name_id = value_in(response, "user"), "userId"
    if made is None:
        made, name_id = value_in(response, "role"), "roleId"
    arn, own_id = text_in(made, "arn"), text_in(made, name_id)
    user = filled(
        name=text_in(request, "userName") or text_in(request, "roleName"),
        uid=arn or own_id,
        uid_alt=own_id if arn else None,
    )
    return user or _same(caller)


def _same(caller: dict[str, Any]) -> dict[str, Any] | None:
    """The caller, who logs on, or changes an account of its own."""
    names = ("name", "uid", "uid_alt")
    user = {name: caller[name] for name in names if name in caller}
    if not user.keys() & {"name", "uid"} and "account" in caller:
        user["account"] = caller["account"]
    return user or None


def _observables(
    source: dict[str, Any],
    caller: dict[str, Any],
    affected: dict[str, Any] | None,
    resources: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    found = [
        ("src_endpoint.ip", _IP_ADDRESS, source.get("ip")),
        ("src_endpoint.domain", _HOSTNAME, source.get("domain")),
        ("actor.user.name", _USER_NAME, caller.get("name")),
        ("user.name", _USER_NAME, text_in(affected, "name")),
        *(("resources.uid", _RESOURCE_UID, one.get("uid")) for one in resources),
    ]
    return [
        {"name": name, "type": caption, "type_id": type_id, "value": value}
        for name, (caption, type_id), value in found
        if value
    ]


def _time(fields: Remainder, name: str) -> tuple[str | None, int | None]:
    """Take a time: its text, and milliseconds since the epoch; a wrong one stays."""
    text = fields.look(name)
    if not isinstance(text, str):
        return None, None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None, None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return fields.text(name), (instant - _EPOCH) // _MILLISECOND


def _switch(fields: Remainder, name: str) -> bool | None:
    """Take a boolean, also one that is written as text; anything else stays."""
    value = fields.look(name)
    said = _SWITCHES.get(value) if isinstance(value, str) else value
    if not isinstance(said, bool):
        return None
    fields.anything(name)
    return said
