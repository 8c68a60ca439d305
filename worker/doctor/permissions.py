"""What IAM's simulator says of the actions that trailfeed needs.

It sees the identity's own policies, boundaries and organization's policies, and not
those of queue and bucket: what it denies may still be allowed there.

Source: AWS IAM API Reference, SimulatePrincipalPolicy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from worker.doctor.arns import Arn
from worker.doctor.finding import Answer, fail, ok, skip, warn
from worker.source.faults import AWS_ERRORS, NOT_AWS_ERRORS, fault_of, service_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from worker.config import SourceConfig
    from worker.doctor.identity import Caller
    from worker.doctor.queue import QueueFacts
    from worker.source.sessions import AwsSession

PERMISSIONS: Final = "permissions"

QUEUE_ACTIONS: Final = (
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueAttributes",
)
OBJECT_ACTIONS: Final = ("s3:GetObject",)
HELPFUL_ACTIONS: Final = ("s3:ListBucket", "s3:GetObjectVersion")
KEY_ACTIONS: Final = ("kms:Decrypt",)

_EXPLICIT: Final = "explicitDeny"
_ALLOWED: Final = "allowed"

Question = tuple[tuple[str, ...], str]
"""Actions, and the resource that they are on."""


def look_at_permissions(
    session: AwsSession,
    source: SourceConfig,
    caller: Caller,
    queue: QueueFacts,
    buckets: Iterable[str],
) -> Answer[bool]:
    """Ask the simulator, where this identity may."""
    iam = session.other_client("iam")
    try:
        principal = principal_arn(iam, source, caller)
        if not principal:
            said = "only users and roles can be simulated"
            return Answer((skip(PERMISSIONS, said),))
        denied = dict(
            decision
            for actions, resource in questions(queue, buckets)
            for decision in _decisions(iam, principal, actions, resource)
        )
    except (*AWS_ERRORS, *NOT_AWS_ERRORS) as error:
        return Answer((skip(PERMISSIONS, _why_not(error)),))
    return Answer((judge(principal, denied),), value=True)


def questions(queue: QueueFacts, buckets: Iterable[str]) -> Iterator[Question]:
    """All that is to be allowed."""
    arn = Arn.of(queue.arn)
    partition = arn.partition if arn is not None else "aws"
    yield QUEUE_ACTIONS, queue.arn
    for bucket in buckets:
        bucket_arn = f"arn:{partition}:s3:::{bucket}"
        yield (*OBJECT_ACTIONS, "s3:GetObjectVersion"), f"{bucket_arn}/*"
        yield ("s3:ListBucket",), bucket_arn
    if queue.key.startswith("arn:"):
        yield KEY_ACTIONS, queue.key


def principal_arn(iam: Any, source: SourceConfig, caller: Caller) -> str:
    """Whose policies are simulated; empty: neither a user's nor a role's.

    A session does not tell its role's path: it is asked for.
    """
    if source.role_arn:
        return source.role_arn
    arn = Arn.of(caller.arn)
    if arn is None:
        return ""
    kind, _, rest = arn.resource.partition("/")
    if arn.service == "iam" and kind == "user":
        return caller.arn
    if arn.service != "sts" or kind != "assumed-role":
        return ""
    role = rest.partition("/")[0]
    try:
        return str(iam.get_role(RoleName=role)["Role"]["Arn"])
    except AWS_ERRORS:
        return f"arn:{arn.partition}:iam::{arn.account}:role/{role}"


def judge(principal: str, decisions: dict[tuple[str, str], str]) -> Any:
    """Make one line of all decisions.

    Args:
        principal: Whose.
        decisions: By action and resource.
    """
    refused = {key: said for key, said in decisions.items() if said != _ALLOWED}
    explicit = [key for key, said in refused.items() if said == _EXPLICIT]
    needed = [key for key in refused if key[0] not in HELPFUL_ACTIONS]
    if any(key in needed for key in explicit):
        return fail(
            PERMISSIONS,
            f"a policy of {principal} denies {_listed(set(explicit) & set(needed))}",
            "take the Deny away: nothing else can allow it",
        )
    if needed:
        return warn(
            PERMISSIONS,
            f"no policy of {principal} allows {_listed(needed)}; those of queue, "
            "bucket and key may, in the same account",
            "allow it",
        )
    if refused:
        return warn(
            PERMISSIONS,
            f"all that is needed is allowed, and {_listed(refused)} is not: with "
            "s3:ListBucket a missing object can be told from a forbidden one, and "
            "s3:GetObjectVersion is for buckets that keep versions",
            "allow it where that matters",
        )
    actions = dict.fromkeys(action for action, _ in decisions)
    return ok(PERMISSIONS, f"IAM's simulator allows {', '.join(actions)}")


def _decisions(
    iam: Any, principal: str, actions: tuple[str, ...], resource: str
) -> Iterator[tuple[tuple[str, str], str]]:
    answer = iam.simulate_principal_policy(
        PolicySourceArn=principal, ActionNames=[*actions], ResourceArns=[resource]
    )
    for one in answer["EvaluationResults"]:
        yield (one["EvalActionName"], resource), one["EvalDecision"]


def _listed(keys: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{action} on {resource}" for action, resource in sorted(keys))


def _why_not(error: Exception) -> str:
    doing = "cannot ask IAM's simulator"
    if isinstance(error, ClientError) and service_code(error).startswith(
        "AccessDenied"
    ):
        return f"{doing}: access denied (iam:SimulatePrincipalPolicy)"
    if isinstance(error, AWS_ERRORS):
        return str(fault_of(error, doing))
    return f"{doing}: something that is not IAM answers"
