"""Who: the caller of an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from worker.transform.audit.names import arn_name, mapping, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ABSENT: Final = "Absent"
"""The kind of caller of an event that names none, as service events do."""


class Caller(NamedTuple):
    """Who made a call.

    Attributes:
        name: ``alice``, ``deploy-role/ci-42``, ``root``, ``s3.amazonaws.com``.
        kind: CloudTrail's ``userIdentity.type``, or :data:`ABSENT`.
        account: The caller's account id.
        session: Of an assumed role, its session.
        issuer: ARN of what the session's credentials were made of, or the identity
            provider that vouched for the caller.
    """

    name: str | None
    kind: str
    account: str | None
    session: str | None
    issuer: str | None


def caller(record: Mapping[str, Any]) -> Caller:
    """The caller, whatever its kind."""
    identity = record.get("userIdentity")
    if not isinstance(identity, dict) or not identity:
        return _NOBODY
    get = identity.get
    kind = text(get("type"))
    issuer = mapping(mapping(get("sessionContext")).get("sessionIssuer"))
    name_of_kind = _BY_KIND.get(kind or "")
    name = name_of_kind(identity) if name_of_kind else None
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
    session = None
    if kind == "AssumedRole":
        principal_id = text(get("principalId"))
        # role id:session; the ARN has the session too, but not for every role.
        session = principal_id and (principal_id.partition(":")[2] or None)
    return Caller(
        name=name,
        kind=kind or ABSENT,
        account=text(get("accountId")),
        session=session,
        issuer=text(issuer.get("arn")) or text(get("identityProvider")),
    )


_NOBODY: Final = Caller(None, ABSENT, None, None, None)


def _root(_identity: Mapping[str, Any]) -> str:
    return "root"


def _by_arn(identity: Mapping[str, Any]) -> str | None:
    return arn_name(identity.get("arn"))


def _service(identity: Mapping[str, Any]) -> str | None:
    return text(identity.get("invokedBy"))


def _account(identity: Mapping[str, Any]) -> str | None:
    account = text(identity.get("accountId"))
    return account and f"account {account}"


def _identity_center_user(identity: Mapping[str, Any]) -> str | None:
    return text(identity.get("userName")) or text(
        mapping(identity.get("onBehalfOf")).get("userId")
    )


_BY_KIND: Final[Mapping[str, Callable[[Mapping[str, Any]], str | None]]] = {
    "Root": _root,
    "AssumedRole": _by_arn,
    "FederatedUser": _by_arn,
    "Role": _by_arn,
    "AWSService": _service,
    "AWSAccount": _account,
    "IdentityCenterUser": _identity_center_user,
}
"""Kinds that are not best named by ``userName``, which comes first otherwise."""
