"""Who may send to the queue, or use its key, by the policy there. No I/O.

Source: AWS IAM User Guide, "IAM JSON policy elements"; Amazon S3 User Guide, "Granting
permissions to publish event notification messages to a destination".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from worker.doctor.arns import Arn, is_literal, matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ANYONE: Final = "*"
S3: Final = "s3.amazonaws.com"
SNS: Final = "sns.amazonaws.com"
EVENTS: Final = "events.amazonaws.com"

SEND: Final = "sqs:SendMessage"

_POSITIVE: Final = ("arnequals", "arnlike", "stringequals", "stringlike")
_HARMLESS: Final = ("aws:securetransport",)


@dataclass(frozen=True, slots=True)
class Sender:
    """One principal of one statement.

    Attributes:
        principal: A service's name, an account's or a role's ARN, or :data:`ANYONE`.
        sources: Patterns of ``aws:SourceArn``; none: from anywhere.
        accounts: Patterns of ``aws:SourceAccount``; none: of any account.
        is_bound: Whether there is another condition, which is not looked into.
    """

    principal: str
    sources: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    is_bound: bool = False

    @property
    def is_the_world(self) -> bool:
        """Whether anybody may send, from anywhere."""
        return self.principal == ANYONE and not (
            self.sources or self.accounts or self.is_bound
        )

    def is_other_than_services(self, queue_arn: str) -> bool:
        """Whether it may be more than S3, SNS and EventBridge.

        The queue's own account is none: its policies decide which identities may send.
        """
        arn = Arn.of(queue_arn)
        account = arn.account if arn is not None else ""
        if self.principal in {S3, SNS, EVENTS, account}:
            return False
        if self.principal != ANYONE:
            whole = Arn.of(self.principal)
            is_own = whole is not None and whole.account == account
            return not (is_own and whole is not None and whole.resource == "root")
        sources = [Arn.of(source) for source in self.sources]
        return not sources or not all(
            one is not None and one.service in {"s3", "sns", "events"}
            for one in sources
        )

    def is_for(self, service: str, source_arn: str) -> bool:
        """Whether it covers what a service sends on behalf of a bucket, topic, rule."""
        if self.principal not in {service, ANYONE}:
            return False
        return not self.sources or any(
            matches(pattern, source_arn) for pattern in self.sources
        )


@dataclass(frozen=True, slots=True)
class QueuePolicy:
    """A policy, as far as it is about one action.

    Attributes:
        denied: What its Deny statements are about.
        is_readable: False: it is no policy that could be judged.
    """

    senders: tuple[Sender, ...] = ()
    denied: tuple[Sender, ...] = ()
    is_readable: bool = True

    def lets(self, service: str, source_arn: str) -> bool:
        """Whether a service may send on behalf of a bucket, topic or rule."""
        return any(one.is_for(service, source_arn) for one in self.senders) and not any(
            one.is_for(service, source_arn) and not one.is_bound for one in self.denied
        )

    def literal_sources(self, service: str) -> tuple[str, ...]:
        """The ARNs of one of S3's, SNS's or EventBridge's things that it names."""
        names = {S3: "s3", SNS: "sns", EVENTS: "events"}
        found: dict[str, None] = {}
        for sender in self.senders:
            if sender.principal in {service, ANYONE}:
                for source in filter(is_literal, sender.sources):
                    arn = Arn.of(source)
                    if arn is not None and arn.service == names[service]:
                        found[source] = None
        return tuple(found)


def parse_policy(text: str, arn: str, action: str = SEND) -> QueuePolicy:
    """Read a policy; an empty one lets nobody do anything.

    Args:
        text: The queue's attribute ``Policy``, or a key's policy.
        arn: Of the queue, or the key.
        action: What it is asked about.
    """
    if not text:
        return QueuePolicy()
    try:
        document = json.loads(text)
        statements = [
            one
            for one in _listed(document["Statement"])
            if _covers(one, arn, action) and "NotPrincipal" not in one
        ]
        return QueuePolicy(_senders(statements, "Allow"), _senders(statements, "Deny"))
    except (ValueError, TypeError, LookupError, AttributeError):
        return QueuePolicy(is_readable=False)


def _senders(statements: list[Any], effect: str) -> tuple[Sender, ...]:
    return tuple(
        sender
        for one in statements
        if one["Effect"] == effect
        for sender in _of_statement(one)
    )


def _covers(statement: Mapping[str, Any], arn: str, action: str) -> bool:
    """Whether it is about doing that to this."""
    actions = _listed(statement.get("Action", ()))
    resources = _listed(statement.get("Resource", ANYONE))
    return any(matches(one, action, ignores_case=True) for one in actions) and any(
        matches(one, arn) for one in resources
    )


def _of_statement(statement: Mapping[str, Any]) -> Iterator[Sender]:
    sources: list[str] = []
    accounts: list[str] = []
    is_bound = False
    for operator, keys in statement.get("Condition", {}).items():
        name = operator.lower().removesuffix("ifexists").rpartition(":")[2]
        for key, values in keys.items():
            if name in _POSITIVE and key.lower() == "aws:sourcearn":
                sources += _listed(values)
            elif name in _POSITIVE and key.lower() == "aws:sourceaccount":
                accounts += _listed(values)
            elif key.lower() not in _HARMLESS or statement["Effect"] == "Deny":
                is_bound = True
    for principal in _principals(statement.get("Principal", ANYONE)):
        yield Sender(principal, tuple(sources), tuple(accounts), is_bound)


def _principals(given: object) -> list[str]:
    if not isinstance(given, dict):
        return _listed(given)
    return [one for values in given.values() for one in _listed(values)]


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
