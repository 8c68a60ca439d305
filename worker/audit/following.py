"""The same question to lines of JSON, as they come."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from worker.audit.copies import SeenEvents, event_digest
from worker.audit.merge import count_key
from worker.audit.question import answering
from worker.audit.reading import records_of_text
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from worker.audit.question import Question
    from worker.transform.audit import View


def follow(
    lines: Iterable[bytes],
    question: Question,
    *,
    show: Callable[[View], None],
    report: Callable[[str], None],
    limit: int = 0,
    copies: bool = False,
) -> int:
    """Show each event that is asked for, at once.

    Args:
        lines: An event each, an array of them, or a whole log file.
        question: What is asked.
        show: Told each event.
        report: Told of each line that is none of these, and of copies at the end.
        limit: Stop after so many events; 0: at the end.
        copies: Show an event as often as it comes, instead of once.

    Returns:
        How many lines could not be read.
    """
    answer = answering(question)
    already = SeenEvents()
    shown_count = bad_count = 0
    for number, line in enumerate(lines, 1):
        try:
            for record in records_of_text(line):
                seen = answer(record)
                if seen is None:
                    continue
                digest = None if copies else event_digest(seen)
                if digest is not None and not already.is_new(digest):
                    continue
                show(seen)
                shown_count += 1
                if shown_count == limit:
                    break
        except BadObjectError as error:
            bad_count += 1
            report(f"line {number}: {error}")
        if limit and shown_count == limit:
            break
    for remark in already.remarks():
        report(remark)
    return bad_count


class Counting:
    """Counts events instead of showing them.

    Args:
        fields: Of the view, to count by.
    """

    def __init__(self, fields: Sequence[str]) -> None:
        self._fields = fields
        self.counts: Counter[tuple[str, ...]] = Counter()

    def add(self, seen: View) -> None:
        """Count one."""
        self.counts[count_key(seen, self._fields)] += 1
