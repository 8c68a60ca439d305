"""What is asked: which events, and how one is told to be among them."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from worker.config.filter_rules import parse_rule
from worker.transform.audit import SUCCESS, view
from worker.transform.audit.change import VERSION as API_VERSION
from worker.transform.audit.identity import source_identity
from worker.transform.filtering import compile_rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from worker.transform.audit import View

    Answer: TypeAlias = Callable[[dict[str, Any]], View | None]
    """The view of a record that is asked for; None for any other."""

    RecordCheck: TypeAlias = Callable[[dict[str, Any]], bool]
    ViewCheck: TypeAlias = Callable[[dict[str, Any], View], bool]

Plane: TypeAlias = Literal["control", "data", "network", "insight", "aggregated"]

_AGO: Final = re.compile(r"(\d{1,5})([smhdw])")
_UNITS: Final = {
    "s": "seconds",
    "m": "minutes",
    "h": "hours",
    "d": "days",
    "w": "weeks",
}
VERSION: Final = f"(?:{API_VERSION})?"
"""What may follow an action's name."""

_SECONDS_CHARACTERS: Final = len("2026-11-21T09:27:34")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which events are asked for; all conditions hold together.

    Patterns are the shell's, and take no notice of case but in names of queues.

    Attributes:
        events: Names of actions, ``DeleteMessage`` or ``sqs:Delete*``; any of them.
            The API's version may follow in the event.
        queue: Name of an SQS queue.
        who: A user, role, session, access key, account or ARN.
        regions: Any of them.
        accounts: Ids of the accounts that the events were recorded for.
        since: UTC; events from then on.
        until: UTC; events before then.
        plane: As in the view.
        errors_only: Only what failed.
        where: Rules as in ``[filter]``; all must hold.
    """

    events: tuple[str, ...] = ()
    queue: str = ""
    who: str = ""
    regions: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    plane: Plane | None = None
    errors_only: bool = False
    where: tuple[str, ...] = ()


def answering(question: Question) -> Answer:
    """Compile a question.

    What can be told from the record itself is looked at first: the view is made only of
    records that may be asked for.
    """
    of_record = [*_checks_of_record(question)]
    of_view = [*_checks_of_view(question)]

    def answer(record: dict[str, Any]) -> View | None:
        for holds in of_record:
            if not holds(record):
                return None
        seen = view(record)
        for holds_for in of_view:
            if not holds_for(record, seen):
                return None
        return seen

    return answer


def _checks_of_record(question: Question) -> Iterator[RecordCheck]:
    regions = question.regions
    if regions:
        yield lambda record: record.get("awsRegion") in regions
    if question.since or question.until:
        yield _in_time(_seconds_text(question.since), _seconds_text(question.until))
    if question.events:
        names = [event.rpartition(":")[2] for event in question.events]
        is_name = _matching(names, ending=VERSION)
        # An insight's name is elsewhere; the view finds it.
        yield (
            lambda record: (
                not isinstance(record.get("eventName"), str)
                or is_name(record["eventName"])
            )
        )
    for text in question.where:
        yield compile_rule(parse_rule(text))


def _checks_of_view(question: Question) -> Iterator[ViewCheck]:
    accounts, plane = question.accounts, question.plane
    if question.events:
        is_what = _matching(
            [event if ":" in event else f"*:{event}" for event in question.events],
            ending=VERSION,
        )
        yield lambda _, seen: is_what(_with_service(seen["what"] or ""))
    if question.queue:
        is_queue = _matching([question.queue], case_sensitive=True)
        yield (
            lambda _, seen: (
                (seen["what"] or "").startswith("sqs:")
                and is_queue(seen["to_what"] or "")
            )
        )
    if question.who:
        is_who = _matching([question.who])
        yield lambda record, seen: any(map(is_who, _names_of_caller(record, seen)))
    if accounts:
        yield lambda _, seen: seen["account"] in accounts
    if plane:
        yield lambda _, seen: seen["plane"] == plane
    if question.errors_only:
        yield lambda _, seen: seen["outcome"] != SUCCESS


def _with_service(what: str) -> str:
    return what if ":" in what else f":{what}"


def _in_time(since: str, until: str) -> RecordCheck:
    def is_in_time(record: dict[str, Any]) -> bool:
        time = record.get("eventTime")
        if not isinstance(time, str):
            return False
        time = time[:_SECONDS_CHARACTERS]
        return time >= since and (not until or time < until)

    return is_in_time


def instant(text: str, now: datetime) -> datetime:
    """A point in time: ISO 8601 (UTC where it does not say), a day, or ``12h`` ago.

    A day is its beginning, so that ``--from`` one day ``--to`` the next is one day.

    Raises:
        ValueError: It is none; the text says what was expected.
    """
    if match := _AGO.fullmatch(text):
        return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            "expected a time such as 2026-11-21, 2026-11-21T09:30:00Z or 12h (ago)"
        ) from None
    if found.tzinfo is None:
        return found.replace(tzinfo=UTC)
    return found.astimezone(UTC)


def day_of(time: datetime) -> date:
    """The day in UTC, by which CloudTrail's folders are named."""
    return time.astimezone(UTC).date()


def _seconds_text(time: datetime | None) -> str:
    """As CloudTrail writes times, without its Z: such texts sort as the times do."""
    return time.isoformat()[:_SECONDS_CHARACTERS] if time else ""


def _matching(
    patterns: Sequence[str], *, ending: str = "", case_sensitive: bool = False
) -> Callable[[str], bool]:
    """Compile the shell's patterns; a text may have ``ending`` after what fits one."""
    # Without the sign for the end, which is not the same in all Pythons.
    expressions = [fnmatch.translate(one).rpartition(")")[0] + ")" for one in patterns]
    flags = re.NOFLAG if case_sensitive else re.IGNORECASE
    match = re.compile(f"(?:{'|'.join(expressions)}){ending}", flags).fullmatch
    return lambda text: match(text) is not None


def _names_of_caller(record: dict[str, Any], seen: View) -> list[str]:
    who = seen["who"] or ""
    names: list[object] = [
        who,
        seen["who_account"],
        seen["who_session"],
        seen["who_issuer"],
    ]
    identity = record.get("userIdentity")
    if isinstance(identity, dict):
        if behind := source_identity(identity):
            names.append(behind)
            who = who.removesuffix(f" ({behind})")
            names.append(who)
        names += [
            identity.get(name)
            for name in ("arn", "accessKeyId", "principalId", "userName")
        ]
    names += who.split("/")
    return [name for name in names if isinstance(name, str) and name]
