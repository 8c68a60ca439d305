"""What filter and redaction count, brought to where all numbers of a worker are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.deliver.progress import NO_RULE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker.config.model import FilterConfig
    from worker.deliver.progress import Progress
    from worker.transform.transformation import Transformation


class TransformCounts:
    """Looks at the counts now and then, so that a record costs nothing more by them.

    Rules are told apart by their place in their list, counted from 1: a rule's text may
    be long, and may change with a new configuration.

    Args:
        transformation: Counts.
        rules: The section ``[filter]``.
        progress: Takes the counts.
    """

    def __init__(
        self, transformation: Transformation, rules: FilterConfig, progress: Progress
    ) -> None:
        self._transformation = transformation
        self._rules = rules
        self._progress = progress

    def look(self) -> None:
        """Bring the numbers up to date."""
        counting, progress = self._transformation, self._progress
        if counting.filter is not None:
            found = {NO_RULE: counting.filter.not_included}
            found |= _by_place("include", self._rules.include, counting.filter.included)
            found |= _by_place("exclude", self._rules.exclude, counting.filter.excluded)
            progress.filter_matches.set(found)
        if counting.redactor is not None:
            progress.values_redacted = counting.redactor.values_count
        if counting.notices is not None:
            progress.records_sensitive.set(counting.notices.counts)


def _by_place(
    kind: str, rules: Iterable[str], counts: Mapping[str, int]
) -> dict[str, int]:
    """Counts by place; of a rule that is there twice, the first one decides."""
    places: dict[str, str] = {}
    for place, text in enumerate(rules, 1):
        places.setdefault(text, f"{kind} {place}")
    return {place: counts[text] for text, place in places.items()}
