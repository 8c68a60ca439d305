"""The same question to lines of JSON, as they come."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from worker.audit.copies import SeenEvents, event_key
from worker.audit.envelopes import events_in, others_remarks
from worker.audit.merge import count_key
from worker.audit.question import answering
from worker.audit.reading import records_of_text
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

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
        lines: An event each, an array of them, a whole log file, or an envelope; also
            one of these on many lines, indented.
        question: What is asked.
        show: Told each event.
        report: Told of each line that is none of these; at the end of copies, and of
            records that are no events.
        limit: Stop after so many events; 0: at the end.
        copies: Show an event as often as it comes, instead of once.

    Returns:
        How many lines could not be read.
    """
    answer = answering(question)
    already = SeenEvents()
    shown_count = bad_count = others_count = 0
    for number, line in _documents(lines):
        try:
            for record in events_in(records_of_text(line)):
                if record is None:
                    others_count += 1
                    continue
                seen = answer(record)
                if seen is None:
                    continue
                key = None if copies else event_key(seen)
                if key is not None and not already.new_count((key,)):
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
    for remark in (*already.remarks(), *others_remarks(others_count)):
        report(remark)
    return bad_count


def _documents(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Each line with its number; an indented document, as tools print it, is one."""
    document: list[bytes] = []
    begin = 0
    for number, line in enumerate(lines, 1):
        bare = line.rstrip()
        if document:
            document.append(line)
            if bare == _ENDS[document[0].rstrip()]:
                yield begin, b"".join(document)
                document = []
        elif bare in _ENDS:
            begin, document = number, [line]
        else:
            yield number, line
    if document:
        yield begin, b"".join(document)


_ENDS: Final = {b"{": b"}", b"[": b"]"}
"""The last line of what begins with such a line."""


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
