"""Who: the caller of an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from worker.transform.audit.names import NOTHING, arn_name, mapping, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ABSENT: Final = "Absent"
"""The kind of caller of an event that names none, as service events do."""

ANONYMOUS: Final = "anonymous"
"""Who makes a call without credentials, as to a public bucket."""


class Caller(NamedTuple):
    """Who made a call.

    Attributes:
        name: ``alice``, ``deploy-role/ci-42``, ``root``, ``s3.amazonaws.com``;
            ``deploy-role/ci-42 (alice)`` where a source identity says who is behind.
        kind: CloudTrail's ``userIdentity.type``, or :data:`ABSENT`.
        account: The caller's account id.
        session: Of an assumed role, its session; also of another account's role.
        issuer: ARN of what the session's credentials were made of, or the identity
            provider that vouched for the caller.
    """

    name: str | None
    kind: str
    account: str | None
    session: str | None
    issuer: str | None


def source_identity(identity: Mapping[str, Any]) -> str | None:
    """Who assumed the first role of a chain, as set then."""
    return text(mapping(identity.get("sessionContext")).get("sourceIdentity"))


def caller(record: Mapping[str, Any]) -> Caller:
    """The caller, whatever its kind."""
    identity = record.get("userIdentity")
    if not isinstance(identity, dict) or not identity:
        return _NOBODY
    get = identity.get
    kind = text(get("type"))
    issuer, behind = NOTHING, None
    context = get("sessionContext")
    if isinstance(context, dict):
        issuer = mapping(context.get("sessionIssuer"))
        behind = text(context.get("sourceIdentity"))
    name_of_kind = _BY_KIND.get(kind or "")
    name = name_of_kind(identity, record) if name_of_kind else None
    if name is None:
        name = (
            text(get("userName"))
            or arn_name(get("arn"))
            or text(issuer.get("userName"))
            or text(get("principalId"))
            or text(get("invokedBy"))
            or text(get("credentialId"))
            or text(get("accountId"))
            or kind
        )
    if behind and name and behind not in name.split("/"):
        name = f"{name} ({behind})"
    return Caller(
        name,
        kind or ABSENT,
        text(get("accountId")),
        _session(identity) if kind in _KINDS_WITH_SESSION else None,
        text(issuer.get("arn")) or text(get("identityProvider")),
    )


_KINDS_WITH_SESSION: Final = ("AssumedRole", "AWSAccount")


def _session(identity: Mapping[str, Any]) -> str | None:
    """What ``principalId`` has after the role's id.

    The ARN has the session too, but not for every role.
    """
    principal_id = text(identity.get("principalId"))
    return principal_id and (principal_id.partition(":")[2] or None)


_NOBODY: Final = Caller(None, ABSENT, None, None, None)


def _root(_identity: Mapping[str, Any], _record: Mapping[str, Any]) -> str:
    return "root"


def _by_arn(identity: Mapping[str, Any], _record: Mapping[str, Any]) -> str | None:
    return arn_name(identity.get("arn"))


def _service(identity: Mapping[str, Any], _record: Mapping[str, Any]) -> str | None:
    return text(identity.get("invokedBy"))


def _account(identity: Mapping[str, Any], _record: Mapping[str, Any]) -> str | None:
    """A caller from another account, or nobody known: ``anonymous``.

    Source: CloudTrail user guide, "Log file for anonymous requests".
    """
    account = text(identity.get("accountId"))
    if account is None:
        return None
    if account.lower().startswith(ANONYMOUS):
        return ANONYMOUS
    session = _session(identity)
    return f"account {account}/{session}" if session else f"account {account}"


def _identity_center_user(
    identity: Mapping[str, Any], record: Mapping[str, Any]
) -> str | None:
    return (
        text(identity.get("userName"))
        or text(mapping(record.get("additionalEventData")).get("UserName"))
        or text(mapping(identity.get("onBehalfOf")).get("userId"))
    )


_NameOf: TypeAlias = "Callable[[Mapping[str, Any], Mapping[str, Any]], str | None]"

_BY_KIND: Final[Mapping[str, _NameOf]] = {
    "Root": _root,
    "AssumedRole": _by_arn,
    "FederatedUser": _by_arn,
    "Role": _by_arn,
    "AWSService": _service,
    "AWSAccount": _account,
    "IdentityCenterUser": _identity_center_user,
}
"""Kinds that are not best named by ``userName``, which comes first otherwise."""
