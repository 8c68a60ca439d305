"""The whole view of one record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypedDict

from worker.transform.audit.change import CHANGING, VERSIONED, change
from worker.transform.audit.circumstances import (
    from_where,
    message_id,
    mfa,
    outcome,
    plane,
    switch,
    via,
)
from worker.transform.audit.identity import caller
from worker.transform.audit.names import mapping, text
from worker.transform.audit.resource import target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


_With = TypedDict("_With", {"with": str | None})
"""The field whose name is a word of Python's."""


class View(_With):
    """Who did what; None for what the record does not say.

    Attributes:
        when: ``eventTime`` as CloudTrail writes it: ISO 8601 in UTC.
        who: ``alice``, ``deploy-role/ci-42``, ``root``, ``s3.amazonaws.com``;
            ``deploy-role/ci-42 (alice)`` where a source identity is known.
        who_type: CloudTrail's type of identity; ``Absent`` where there is none.
        who_account: The caller's account.
        who_session: Of an assumed role, the session; also of another account's.
        who_issuer: ARN behind the session, or the identity provider.
        what: ``service:action``.
        to_what: What was acted on, in short; ``+N`` counts what is not named.
        to_what_type: ``queue``, ``bucket``, …; where only a parameter's name tells
            what it may be, that name.
        with: The second half of a change: the policy attached, the attribute set, with
            whom it was shared, the port and range that were opened.
        where: The region.
        account: The account that the event was recorded for.
        from_where: Source address or service, with the VPC endpoint.
        via: The user agent in short.
        outcome: ``ok``, or the error code.
        plane: ``control``, ``data``, ``network``, ``insight`` or ``aggregated``.
        message_id: Of an SQS message.
    """

    when: str | None
    who: str | None
    who_type: str
    who_account: str | None
    who_session: str | None
    who_issuer: str | None
    what: str | None
    to_what: str | None
    to_what_type: str | None
    where: str | None
    account: str | None
    from_where: str | None
    via: str | None
    outcome: str
    plane: str | None
    read_only: bool | None
    mfa: bool | None
    request_id: str | None
    event_id: str | None
    message_id: str | None


def _fields() -> Iterator[str]:
    for name in View.__annotations__:
        if name != "with":
            yield name
        if name == "to_what_type":
            yield "with"


FIELDS: Final = tuple(_fields())


def view(record: Mapping[str, Any]) -> View:
    """Answer the questions for any JSON object."""
    get = record.get
    service, action = text(get("eventSource")), text(get("eventName"))
    if action is None:
        # Insight records carry both names one level down.
        insight = mapping(get("insightDetails"))
        service = service or text(insight.get("eventSource"))
        action = text(insight.get("eventName"))
    service = service and service.removesuffix(".amazonaws.com")
    who = caller(record)
    what = f"{service}:{action}" if service and action else action or service
    to_what, to_what_type = target(record, service)
    return {
        "when": text(get("eventTime"))
        or text(mapping(get("timeWindow")).get("windowStart")),
        "who": who.name,
        "who_type": who.kind,
        "who_account": who.account,
        "who_session": who.session,
        "who_issuer": who.issuer,
        "what": what,
        "to_what": to_what,
        "to_what_type": to_what_type,
        # Most calls change nothing.
        "with": change(record, what)
        if what in CHANGING or service in VERSIONED
        else None,
        "where": text(get("awsRegion")),
        # Records of aggregated events have accountId in its place, and eventId.
        "account": text(get("recipientAccountId")) or text(get("accountId")),
        "from_where": from_where(record),
        "via": via(record),
        "outcome": outcome(record),
        "plane": plane(record),
        "read_only": switch(get("readOnly")),
        "mfa": mfa(record),
        "request_id": text(get("requestID")),
        "event_id": text(get("eventID")) or text(get("eventId")),
        "message_id": message_id(record) if service == "sqs" else None,
    }
