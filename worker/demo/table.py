"""The demo's table: who did what, on what, from where."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from worker.printable import printable
from worker.transform import audit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COLUMNS = ("when (UTC)", "who", "did what", "on what", "from where", "outcome")


def choose(records: Sequence[Mapping[str, Any]], limit: int) -> list[Mapping[str, Any]]:
    """Pick the most telling records, at most ``limit``, in the order of their time.

    One of each kind of event comes before a second of any; among equals SQS comes
    first, then what failed, then what changed something.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    ranked = []
    for position, record in enumerate(sorted(records, key=_event_time)):
        seen_as = audit.view(record)
        action, outcome = seen_as["what"] or "", seen_as["outcome"]
        kind = (action, outcome)
        rank = (
            seen[kind],
            not action.startswith("sqs:"),
            outcome == audit.SUCCESS,
            seen_as["read_only"] is True,
            position,
        )
        seen[kind] += 1
        ranked.append((rank, record))
    ranked.sort(key=lambda entry: entry[0])
    return sorted((record for _, record in ranked[:limit]), key=_event_time)


def audit_table(records: Sequence[Mapping[str, Any]]) -> Table:
    """One row a record, in the given order."""
    table = Table(*COLUMNS, header_style="bold")
    for record in records:
        seen_as = audit.view(record)
        cells = (
            _event_time(record).removesuffix("Z").replace("T", " "),
            seen_as["who"],
            seen_as["what"],
            seen_as["to_what"],
            seen_as["from_where"],
            seen_as["outcome"],
        )
        style = "" if seen_as["outcome"] == audit.SUCCESS else "red"
        # Text, not markup; and what a caller could choose must not steer the terminal.
        table.add_row(*(Text(printable(cell or "-")) for cell in cells), style=style)
    return table


def _event_time(record: Mapping[str, Any]) -> str:
    """ISO 8601 in UTC with a fixed width, so that its order is that of time."""
    event_time = record.get("eventTime")
    return event_time if isinstance(event_time, str) else ""
