"""The bucket's notification: adding one, and keeping everyone else's.

S3 takes the whole configuration at once, so what is there is written back with it. Two
notifications of one kind of event must not overlap in their prefixes, wherever they
go.

Source: Amazon S3 User Guide, "Configuring event notifications using object key name
filtering"; Amazon S3 API, PutBucketNotificationConfiguration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from worker.aws_setup.documents import OBJECT_CREATED, destination_arn
from worker.aws_setup.wiring import Via

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.aws_setup.documents import Document
    from worker.aws_setup.wiring import Wiring

QUEUES: Final = "QueueConfigurations"
TOPICS: Final = "TopicConfigurations"
EVENTBRIDGE: Final = "EventBridgeConfiguration"

_DESTINATIONS: Final = {
    QUEUES: "QueueArn",
    TOPICS: "TopicArn",
    "LambdaFunctionConfigurations": "LambdaFunctionArn",
}
_CREATED: Final = "s3:ObjectCreated:"
_LOG_FILE_SUFFIX: Final = ".json.gz"


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a bucket announces, and what is to change.

    Attributes:
        wanted: The whole configuration to be written; None: all is right.
        replaced: Ids of notifications that the new one takes in.
        conflicts: Why none can be added, a line each.
        kept_count: Notifications of others, which stay.
    """

    wanted: Document | None
    replaced: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    kept_count: int = 0


@dataclass(frozen=True, slots=True)
class _Notification:
    kind: str
    document: Document

    @property
    def id(self) -> str:
        return str(self.document.get("Id", ""))

    @property
    def arn(self) -> str:
        return str(self.document.get(_DESTINATIONS[self.kind], ""))

    @property
    def events(self) -> list[str]:
        return [str(event) for event in self.document.get("Events", ())]

    @property
    def prefix(self) -> str:
        return self._filtered("prefix")

    @property
    def suffix(self) -> str:
        return self._filtered("suffix")

    def _filtered(self, name: str) -> str:
        rules = self.document.get("Filter", {}).get("Key", {}).get("FilterRules", [])
        for rule in rules:
            if rule["Name"].lower() == name:  # S3 gives it back in either case
                return str(rule.get("Value", ""))
        return ""

    def covers(self, prefix: str) -> bool:
        """Whether all log files below a prefix are announced."""
        return (
            OBJECT_CREATED in self.events
            and prefix.startswith(self.prefix)
            and _LOG_FILE_SUFFIX.endswith(self.suffix)
        )

    def lies_within(self, prefix: str) -> bool:
        """Whether all that it announces are new objects below a prefix."""
        return self.prefix.startswith(prefix) and all(
            event.startswith(_CREATED) for event in self.events
        )

    def overlaps(self, prefix: str) -> bool:
        """Whether S3 would refuse another one for new objects below a prefix."""
        return any(event.startswith(_CREATED) for event in self.events) and (
            self.prefix.startswith(prefix) or prefix.startswith(self.prefix)
        )


def new_notification(wiring: Wiring, name: str = "") -> Document:
    """The notification that is wanted.

    Args:
        wiring: All that is wanted.
        name: Its id; empty: the usual one.
    """
    document: Document = {
        "Id": name or _usual_name(wiring),
        _DESTINATIONS[_kind(wiring)]: destination_arn(wiring),
        "Events": [OBJECT_CREATED],
    }
    if wiring.prefix:
        rules = [{"Name": "prefix", "Value": wiring.prefix}]
        document["Filter"] = {"Key": {"FilterRules": rules}}
    return document


def new_configuration(wiring: Wiring) -> Document:
    """The configuration of a bucket that announces nothing else."""
    return with_announcement({}, wiring).wanted or {}


def with_announcement(present: Document, wiring: Wiring) -> Announcement:
    """What a bucket announces with what is wanted.

    Args:
        present: The configuration that is there, as S3 gives it.
        wiring: What is wanted.
    """
    every = [*_notifications(present)]
    if wiring.via is Via.EVENTBRIDGE:
        if EVENTBRIDGE in present:
            return Announcement(None, kept_count=len(every))
        return Announcement({**present, EVENTBRIDGE: {}}, kept_count=len(every))
    ours = [one for one in every if one.arn == destination_arn(wiring)]
    if any(one.covers(wiring.prefix) for one in ours):
        return Announcement(None, kept_count=len(every) - 1)
    replaced = [one for one in ours if one.lies_within(wiring.prefix)]
    kept = [one for one in every if one not in replaced]
    conflicts = [one for one in kept if one.overlaps(wiring.prefix)]
    if conflicts:
        return Announcement(
            None,
            conflicts=tuple(_conflict(one, wiring) for one in conflicts),
            kept_count=len(kept),
        )
    return Announcement(
        _joined(present, kept, wiring),
        replaced=tuple(one.id for one in replaced),
        kept_count=len(kept),
    )


def _joined(present: Document, kept: list[_Notification], wiring: Wiring) -> Document:
    wanted: Document = {}
    if EVENTBRIDGE in present:
        wanted[EVENTBRIDGE] = present[EVENTBRIDGE]
    for kind in _DESTINATIONS:
        documents = [one.document for one in kept if one.kind == kind]
        if kind == _kind(wiring):
            name = _free_name(_usual_name(wiring), {one.id for one in kept})
            documents.append(new_notification(wiring, name))
        if documents:
            wanted[kind] = documents
    return wanted


def _conflict(one: _Notification, wiring: Wiring) -> str:
    events = ", ".join(one.events)
    place = f"under {one.prefix}" if one.prefix else "of the whole bucket"
    head, _, name = one.arn.rpartition(":")
    ways = ["--via-eventbridge"]
    if one.kind == TOPICS and head == wiring.queue_arn.rpartition(":")[0].replace(
        ":sqs:", ":sns:"
    ):
        ways.insert(0, f"--via-sns --topic {name}")
    ways.append("remove that one")
    return (
        f'its notification "{one.id}" sends {events} {place} to {one.arn}, and S3 '
        f"takes no second one that overlaps: {', or '.join(ways)}"
    )


def _notifications(present: Document) -> Iterator[_Notification]:
    for kind in _DESTINATIONS:
        documents: list[dict[str, Any]] = present.get(kind, [])
        for document in documents:
            yield _Notification(kind, document)


def _kind(wiring: Wiring) -> str:
    return TOPICS if wiring.via is Via.SNS else QUEUES


def _usual_name(wiring: Wiring) -> str:
    return f"trailfeed-{wiring.queue}"


def _free_name(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free
