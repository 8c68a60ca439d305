"""Whether a rule of EventBridge sends a bucket's notifications to the queue.

Source: Amazon EventBridge API Reference, ListRuleNamesByTarget, DescribeRule and
ListTargetsByRule.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from worker.doctor.asking import NotAllowedError, asking
from worker.doctor.event_pattern import covers
from worker.doctor.finding import fail, ok, warn
from worker.doctor.notification import CHECK
from worker.doctor.queue_policy import EVENTS

if TYPE_CHECKING:
    from worker.doctor.finding import Finding
    from worker.doctor.queue import QueueFacts
    from worker.source.sessions import AwsSession

_CHANGES: Final = frozenset({"Input", "InputPath", "InputTransformer"})


class Rules:
    """Follows notifications through EventBridge's default bus.

    Args:
        session: Whose eyes.
        queue: Where they are to arrive.
        bucket: Whose they are.
    """

    def __init__(self, session: AwsSession, queue: QueueFacts, bucket: str) -> None:
        self._session = session
        self._queue = queue
        self._bucket = bucket

    def judge(self, region: str | None, *, is_told: bool) -> list[Finding]:
        """All rules that send this bucket's objects to the queue.

        Args:
            region: The bucket's, which is the rules' too.
            is_told: Whether the bucket tells EventBridge of its objects.
        """
        if not (is_told or self._queue.policy.literal_sources(EVENTS)):
            return []
        client = self._session.other_client("events", region=region or "")
        try:
            with asking("the rules of EventBridge", "events:ListRuleNamesByTarget"):
                answer = client.list_rule_names_by_target(TargetArn=self._queue.arn)
            rules = [self._rule(client, name) for name in answer["RuleNames"]]
        except NotAllowedError as error:
            if not is_told:
                return []
            return [
                warn(
                    CHECK,
                    f"{self._bucket}: tells EventBridge of its objects; whether a rule "
                    "sends that to the queue this identity may not see",
                    f"allow {error.code} to see it",
                )
            ]
        found = [one for one in rules if one is not None]
        if found and not is_told:
            said = (
                f"{self._bucket}: a rule waits for its objects, but it does not tell "
            )
            return [fail(CHECK, f"{said}EventBridge", "switch EventBridge on for it")]
        return found

    def _rule(self, client: Any, name: str) -> Finding | None:
        """Judge one rule that sends to the queue; None: it is about other things."""
        with asking(f"the rule {name}", "events:DescribeRule"):
            rule = client.describe_rule(Name=name)
        if not covers(_json_object(rule.get("EventPattern", "")), self._bucket):
            return None
        through = f"{self._bucket}: by EventBridge's rule {name}"
        if rule.get("State") == "DISABLED":
            return fail(CHECK, f"{through}, which is disabled", "enable it")
        policy = self._queue.policy
        if policy.is_readable and not policy.lets(EVENTS, rule["Arn"]):
            return fail(
                CHECK,
                f"{through}, for which the queue's policy lets nobody send",
                "let events.amazonaws.com send for that rule in the queue's policy",
            )
        with asking(f"the targets of the rule {name}", "events:ListTargetsByRule"):
            targets = client.list_targets_by_rule(Rule=name)["Targets"]
        if any(
            _CHANGES & one.keys() for one in targets if one["Arn"] == self._queue.arn
        ):
            return fail(
                CHECK,
                f"{through}, which changes the event on its way: it is not known then",
                "let the target take the matched event whole",
            )
        return ok(CHECK, through)


def _json_object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
